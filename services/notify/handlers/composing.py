"""Composing: what a letter says as it stands, and what the records office would send it back for."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.checks import check_text
from services.notify.domain.letters import Finding
from services.notify.letters import compose
from services.notify.tables import Letter
from shared import known
from shared.thai.dates import letter_date
from shared.thai.digits import thai_digits

Json = dict[str, Any]


async def describe(session: AsyncSession, letter: Letter, public_url: str) -> Json:
    """Compose the letter as it stands, and keep its subject and urgency for lists."""
    content = await content_of(session, letter, public_url)
    letter.subject = content["subject"]
    letter.urgency = content["urgency"]
    return content


async def content_of(session: AsyncSession, letter: Letter, public_url: str) -> Json:
    """What the letter says: frozen once approved, composed afresh while it is a draft."""
    if letter.content is not None:
        return letter.content
    return await composed(session, letter, letter.overrides, public_url)


async def composed(
    session: AsyncSession, letter: Letter, overrides: Mapping[str, Any], public_url: str
) -> Json:
    """What the letter would say with ``overrides``; nothing is kept.

    Raises:
        Invalid: a place without a fact, or a circular that differs from one addressee to the next.
    """
    template = contest_files(letter.contest_id).template(letter.template)
    rulebook = await known.rulebook(session, letter.contest_id)
    facts = compose.contest_facts(rulebook, public_url)
    if letter.parent_id:
        facts |= await _parent_facts(session, letter.parent_id)
    facts |= compose.row_facts(letter.facts.get("row", {}))
    rows: dict[str, list[dict[str, str]]] = {}
    for source in template.sources():
        known_rows: Sequence[Mapping[str, Any]] = letter.facts.get(source, [])
        facts[f"{source}.count"] = thai_digits(len(known_rows))
        rows[source] = [compose.row_words(row, index) for index, row in enumerate(known_rows, 1)]
    return compose.compose(template, facts, rows, overrides)


async def _parent_facts(session: AsyncSession, parent_id: str) -> dict[str, str]:
    parent = await repository.letters.letter(session, parent_id)
    return {
        "parent.number": thai_digits(parent.number_text),
        "parent.date": letter_date(parent.issued_at) if parent.issued_at else "",
        "parent.urgency": parent.urgency,
    }


async def findings_of(session: AsyncSession, letter: Letter, public_url: str) -> list[Finding]:
    """What the records office would send it back for."""
    content = await content_of(session, letter, public_url)
    template = contest_files(letter.contest_id).template(letter.template)
    found = list(check_text(content["subject"], "subject"))
    for text in [*content["paragraphs"], *content["after"]]:
        found += check_text(text, "paragraphs")
    for enclosure in content["enclosures"]:
        found += check_text(enclosure["text"], "enclosures")
    if template.layout == "external" and not letter.recipients:
        found.append(
            Finding("no-recipients", "ยังไม่มีผู้รับ", "There are no addressees.", "recipients", blocking=True)
        )
    if template.table and not content["table"]["rows"]:
        found.append(Finding("no-rows", "ยังไม่มีรายการในตาราง", "The table is empty.", "facts", blocking=True))
    return found
