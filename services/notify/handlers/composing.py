"""Composing: what a letter says as it stands, and what the records office would send it back for."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.checks import (
    Known,
    Place,
    Scheduled,
    check_circular,
    check_glyphs,
    check_references,
    check_text,
    plain_number,
)
from services.notify.domain.letters import Finding
from services.notify.fonts import typeface
from services.notify.letter_texts import LetterTemplate
from services.notify.letters import compose
from services.notify.letters.render import canonical, missing_glyphs
from services.notify.tables import Letter
from shared import known
from shared.clock import BANGKOK
from shared.contracts.notify import LetterKind
from shared.contracts.rulebook import Rulebook
from shared.errors import Invalid
from shared.thai.dates import letter_date, parse_date
from shared.thai.digits import thai_digits

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Composition:
    """What a letter is composed from and held against, read at once: composing needs no transaction."""

    template: LetterTemplate
    facts: Mapping[str, str]
    rows: Mapping[str, Sequence[Mapping[str, str]]]
    known: Known
    recipients: int
    sha256: str
    """Of everything that was read of the letter and the rulebook: another one is another text."""

    def content(self, overrides: Mapping[str, Any]) -> Json:
        """What the letter would say with ``overrides``; nothing is kept.

        Raises:
            Invalid: a place without a fact, or a circular that differs from one addressee to the next.
        """
        return compose.compose(self.template, self.facts, self.rows, overrides)

    def findings(self, content: Json) -> list[Finding]:
        """What the records office would send ``content`` back for, in the order of the form."""
        return _findings(self, content)


async def composition_of(session: AsyncSession, letter: Letter, public_url: str) -> Composition:
    """Everything that the letter is composed from, as it stands."""
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
    read = [template.model_dump_json(), facts, rows, letter.overrides, letter.recipients]
    return Composition(
        template=template,
        facts=facts,
        rows=rows,
        known=await _known_of(session, letter, rulebook),
        recipients=len(letter.recipients),
        sha256=hashlib.sha256(canonical({"read": read}).encode()).hexdigest(),
    )


async def describe(session: AsyncSession, letter: Letter, public_url: str) -> Json:
    """Compose the letter as it stands, and keep its subject and urgency for lists."""
    content = await content_of(session, letter, public_url)
    letter.subject = content["subject"]
    letter.urgency = content["urgency"]
    return content


async def content_of(session: AsyncSession, letter: Letter, public_url: str) -> Json:
    """What the letter says: frozen once approved, composed afresh while it is a draft.

    Raises:
        Invalid: see :meth:`Composition.content`.
    """
    if letter.content is not None:
        return letter.content
    return (await composition_of(session, letter, public_url)).content(letter.overrides)


async def _parent_facts(session: AsyncSession, parent_id: str) -> dict[str, str]:
    parent = await repository.letters.letter(session, parent_id)
    return {
        "parent.number": thai_digits(parent.number_text),
        "parent.date": letter_date(parent.issued_at) if parent.issued_at else "",
        "parent.urgency": parent.urgency,
    }


async def findings_of(session: AsyncSession, letter: Letter, public_url: str) -> list[Finding]:
    """What the records office would send it back for, in the order of the form."""
    composition = await composition_of(session, letter, public_url)
    try:
        content = letter.content or composition.content(letter.overrides)
    except Invalid as error:
        return findings_from(letter.overrides, error)
    return composition.findings(content)


def findings_from(overrides: Mapping[str, Any], error: Invalid) -> list[Finding]:
    """Why a text cannot be composed at all, at its place where that can be told."""
    blank: Json = {name: [] for name in ("references", "paragraphs", "after", "enclosures")}
    texts = _texts({"subject": "", "to": "", **blank, **overrides})
    merged = list(check_circular((at, text) for at, text in texts if at.field != "to"))
    return merged or [Finding("text", error.th, error.en, error.field, blocking=True)]


def _findings(composition: Composition, content: Json) -> list[Finding]:
    template, facts = composition.template, composition.known
    texts = list(_texts(content))
    found: list[Finding] = []
    for at, text in texts:
        found += check_text(text, at, facts)
        found += check_glyphs(missing_glyphs([text]), at, typeface().family)
    found += check_references(content["references"], facts)
    if template.kind is LetterKind.CIRCULAR:
        found += check_circular((at, text) for at, text in texts if at.field != "to")
    if template.layout == "external" and not composition.recipients:
        found.append(
            Finding(
                "no-recipients",
                "ยังไม่มีผู้รับ ให้นำเข้ารายชื่อผู้รับ",
                "There are no addressees; import a list.",
                "recipients",
                blocking=True,
            )
        )
    if template.table and not content["table"]["rows"]:
        found.append(
            Finding(
                "no-rows",
                "ยังไม่มีรายการในตาราง ให้รอขั้นตอนก่อนหน้าให้เสร็จ",
                "The table is empty; finish the step that fills it.",
                "facts",
                blocking=True,
            )
        )
    return found


def _texts(content: Json) -> Iterator[tuple[Place, str]]:
    """Every text that staff may change, with what people call its place."""
    yield Place("subject", "เรื่อง", "Subject"), content["subject"]
    yield Place("to", "เรียน", "Addressee"), content["to"]
    for name, th, en in (
        ("references", "อ้างถึง ข้อ", "Reference"),
        ("paragraphs", "ย่อหน้าที่", "Paragraph"),
        ("after", "ข้อความหลังตาราง ย่อหน้าที่", "After the table, paragraph"),
    ):
        for position, text in enumerate(content[name], start=1):
            yield Place(name, f"{th} {position}", f"{en} {position}"), text
    for position, enclosure in enumerate(content["enclosures"], start=1):
        at = Place("enclosures", f"สิ่งที่ส่งมาด้วย ข้อ {position}", f"Enclosure {position}")
        yield at, f"{enclosure['text']} {enclosure['copies']}".strip()


async def _known_of(session: AsyncSession, letter: Letter, rulebook: Rulebook) -> Known:
    """What the letter may be held against: the calendar, both books, its own slot."""
    others = await repository.letters.numbered(session, letter.contest_id)
    came = await repository.register.incoming_numbers(session, letter.contest_id)
    numbers = {plain_number(number): dated for number, dated in came}
    days = {issued_at.astimezone(BANGKOK).date() for _, issued_at in others if issued_at}
    for written in filter(None, (letter.facts.get("row", {}).get("day"),)):
        days.add(parse_date(written))
    return Known(
        steps=tuple(
            Scheduled(each.name.in_language("th"), each.name.in_language("en"), each.starts_at, each.ends_at)
            for each in rulebook.milestones
        ),
        days=frozenset(days),
        numbers=numbers
        | {
            plain_number(number): issued_at.astimezone(BANGKOK).date() if issued_at else None
            for number, issued_at in others
        },
        abbreviation=rulebook.organiser.abbreviation.th,
    )
