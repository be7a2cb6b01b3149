"""Composing: a draft's texts and addressees, what it says, and what the records office would find."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import ContestFiles, LetterTemplate, addressees_from_csv, contest_files
from services.notify.domain.checks import check_text
from services.notify.domain.letters import Addressee, Finding, LetterState, Step, after
from services.notify.letters import compose
from services.notify.tables import Letter
from shared import known
from shared.clock import Clock
from shared.contracts.ids import new_id
from shared.contracts.notify import LetterKind
from shared.errors import Conflict
from shared.thai.dates import letter_date
from shared.thai.digits import thai_digits

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DraftLetter:
    """Start a letter from a template of the contest."""

    contest_id: str
    template: str
    by: str
    overrides: Mapping[str, Any]
    facts: Mapping[str, Any]
    recipients_csv: str = ""
    parent_id: str = ""
    public_url: str = ""


def _recipients(files: ContestFiles, template: LetterTemplate, given: str) -> tuple[Addressee, ...]:
    return addressees_from_csv(given) if given.strip() else files.recipients(template)


async def draft_letter(session: AsyncSession, clock: Clock, command: DraftLetter) -> Letter:
    """A new draft; of a template that is unique, the one that there is.

    Raises:
        NotFound: no such template, contest or parent letter.
        Conflict: the letter that it encloses is not signed yet.
        Invalid: the texts or the recipients cannot be used.
    """
    files = contest_files(command.contest_id)
    template = files.template(command.template)
    if template.unique:
        existing = await repository.letters.newest_of_template(session, command.contest_id, command.template)
        if existing is not None:
            return existing
    profile = files.profile(template.profile)
    now = await clock.now(session, command.contest_id)
    parent_id = command.parent_id or await _parent_of(session, command.contest_id, template)
    letter = Letter(
        contest_id=command.contest_id,
        letter_id=new_id(),
        template=command.template,
        kind=template.kind.value,
        agency=template.profile,
        series=template.kind.value if template.kind.value in profile.series else LetterKind.EXTERNAL.value,
        state=LetterState.DRAFT,
        overrides=dict(command.overrides),
        facts=dict(command.facts),
        parent_id=parent_id or None,
        subject="",
        addressee=template.to_all,
        recipients=[asdict(one) for one in _recipients(files, template, command.recipients_csv)],
        drafted_by=command.by,
        drafted_at=now,
    )
    await describe(session, letter, command.public_url)
    session.add(letter)
    await session.flush()
    await repository.letters.add_step(session, letter, Step.EDIT, command.by, now)
    return letter


async def _parent_of(session: AsyncSession, contest_id: str, template: LetterTemplate) -> str:
    if not template.parent:
        return ""
    parent = await repository.letters.newest_of_template(session, contest_id, template.parent)
    if parent is None or not parent.number_text:
        raise Conflict(
            "ยังไม่มีหนังสือต้นทางที่ลงนามแล้ว จึงร่างหนังสือนำส่งไม่ได้",
            "The letter that this one encloses is not signed yet.",
            field="template",
        )
    return parent.letter_id


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
    template = contest_files(letter.contest_id).template(letter.template)
    rulebook = await known.rulebook(session, letter.contest_id)
    facts = compose.contest_facts(rulebook, public_url)
    if letter.parent_id:
        facts |= await _parent_facts(session, letter.parent_id)
    source = template.table.source if template.table else ""
    rows: Sequence[Mapping[str, Any]] = letter.facts.get(source, [])
    facts[f"{source}.count"] = thai_digits(len(rows))
    return compose.compose(
        template, facts, [_row(row, index) for index, row in enumerate(rows, 1)], letter.overrides
    )


def _row(row: Mapping[str, Any], index: int) -> dict[str, str]:
    return {
        "index": thai_digits(index),
        "reference": thai_digits(row.get("reference", "")),
        "title": row.get("title", ""),
        "applicant": row.get("applicant", ""),
        "award": row.get("award", ""),
    }


async def _parent_facts(session: AsyncSession, parent_id: str) -> dict[str, str]:
    parent = await repository.letters.letter(session, parent_id)
    return {
        "parent.number": thai_digits(parent.number_text),
        "parent.date": letter_date(parent.issued_at) if parent.issued_at else "",
        "parent.urgency": parent.urgency,
    }


async def edit_letter(
    session: AsyncSession,
    clock: Clock,
    letter_id: str,
    by: str,
    *,
    overrides: Mapping[str, Any],
    recipients_csv: str = "",
    public_url: str = "",
) -> Letter:
    """Change a draft's texts or addressees; an approved one becomes a draft again.

    Raises:
        Conflict: it is signed or void.
        Invalid: the texts cannot be used.
    """
    letter = await repository.letters.letter(session, letter_id, lock=True)
    letter.state = after(LetterState(letter.state), Step.EDIT)
    letter.content = None
    letter.overrides = {
        name: value for name, value in {**letter.overrides, **overrides}.items() if value is not None
    }
    if recipients_csv.strip():
        letter.recipients = [asdict(one) for one in addressees_from_csv(recipients_csv)]
    await describe(session, letter, public_url)
    now = await clock.now(session, letter.contest_id)
    await repository.letters.add_step(session, letter, Step.EDIT, by, now)
    return letter


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
    if template.table and not content["rows"]:
        found.append(Finding("no-rows", "ยังไม่มีรายการในตาราง", "The table is empty.", "facts", blocking=True))
    return found
