"""Drafting: letters that staff start from a template, and letters that an event drafts by itself."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import ContestFiles, addressees_from_csv, contest_files
from services.notify.domain.letters import Addressee, LetterState, Step, after
from services.notify.handlers.composing import composition_of, content_of, describe
from services.notify.handlers.sources import rows_of
from services.notify.letter_texts import LetterTemplate
from services.notify.tables import Letter
from shared import known
from shared.clock import Clock
from shared.contracts.ids import new_id
from shared.contracts.notify import LetterKind
from shared.contracts.scoring import ResultsPublished, ShortlistPublished
from shared.errors import Conflict, Invalid, NotFound

Json = dict[str, Any]
SYSTEM = "system"
"""Who drafted what an event drafted."""


@dataclass(frozen=True, slots=True)
class DraftLetter:
    """Start a letter from a template of the contest."""

    contest_id: str
    template: str
    by: str
    overrides: Mapping[str, Any]
    recipients_csv: str = ""
    parent_id: str = ""
    public_url: str = ""
    about: str = ""
    """Of a template with a letter for each row: whose letter it is (an entry, a judge)."""


async def draft_letter(session: AsyncSession, clock: Clock, command: DraftLetter) -> Letter:
    """A new draft; of a template that is unique, the one that there is.

    Raises:
        NotFound: no such template, contest or parent letter.
        Conflict: the letter that it encloses is not signed yet.
        Invalid: the texts or the recipients cannot be used, or it is not said whose letter it is.
    """
    files = contest_files(command.contest_id)
    template = files.template(command.template)
    if template.unique and (existing := await _existing(session, command, template)) is not None:
        return existing
    profile = files.profile(template.profile)
    now = await clock.now(session, command.contest_id)
    parent_id = command.parent_id or await _parent_of(session, command.contest_id, template)
    facts = await _facts(session, command.contest_id, template, command.about)
    letter = Letter(
        contest_id=command.contest_id,
        letter_id=new_id(),
        template=command.template,
        kind=template.kind.value,
        agency=template.profile,
        series=template.kind.value if template.kind.value in profile.series else LetterKind.EXTERNAL.value,
        state=LetterState.DRAFT,
        overrides=dict(command.overrides),
        facts=facts,
        parent_id=parent_id or None,
        subject="",
        addressee=facts["row"]["post"] if template.each else template.to_all,
        recipients=[asdict(one) for one in _recipients(files, template, facts, command.recipients_csv)],
        drafted_by=command.by,
        drafted_at=now,
    )
    await describe(session, letter, command.public_url)
    session.add(letter)
    await session.flush()
    await repository.letters.add_step(session, letter, Step.EDIT, command.by, now)
    return letter


async def draft_each(session: AsyncSession, clock: Clock, command: DraftLetter) -> list[Letter]:
    """A draft for each row of the template's source; where a row has its letter, that one.

    Raises:
        Conflict: notify knows no row yet, e.g. before the slots are set.
    """
    template = contest_files(command.contest_id).template(command.template)
    if not template.each:
        return [await draft_letter(session, clock, command)]
    rows = await rows_of(session, command.contest_id, template.each)
    if not rows:
        raise Conflict(
            "ยังไม่มีข้อมูลผู้รับของหนังสือแบบนี้ ให้รอขั้นตอนก่อนหน้าให้เสร็จ",
            "Nobody is known yet to whom this letter goes; finish the step before it.",
            field="template",
        )
    return [await draft_letter(session, clock, replace(command, about=row["about"])) for row in rows]


async def _existing(session: AsyncSession, command: DraftLetter, template: LetterTemplate) -> Letter | None:
    if not template.each:
        return await repository.letters.newest_of_template(session, command.contest_id, command.template)
    return await repository.letters.newest_about(session, command.contest_id, command.template, command.about)


async def _facts(session: AsyncSession, contest_id: str, template: LetterTemplate, about: str) -> Json:
    facts: Json = {
        source: await rows_of(session, contest_id, source) for source in sorted(template.sources())
    }
    if template.each:
        rows = facts.pop(template.each)
        row = next((row for row in rows if row["about"] == about), None)
        if row is None:
            raise Invalid(
                "โปรดระบุว่าหนังสือฉบับนี้ของใคร (about) จากรายการที่ระบบมี",
                "Say whose letter it is (about): an entry or a judge that is known.",
                field="about",
            )
        facts |= {"row": row, "about": about}
    return facts


def _recipients(
    files: ContestFiles, template: LetterTemplate, facts: Json, given: str
) -> tuple[Addressee, ...]:
    if given.strip():
        return addressees_from_csv(given)
    if template.each:
        return (_addressee(facts["row"]),)
    if template.recipients_from:
        return tuple(_addressee(row) for row in facts[template.recipients_from])
    return files.recipients(template)


def _addressee(row: Mapping[str, Any]) -> Addressee:
    return Addressee(row["code"], row["place"], row["post"], contact_id=row["contact_id"])


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

    Saved as it is, a letter that was put forward or approved stays so.

    Raises:
        Conflict: it is signed or void.
        Invalid: the texts cannot be used.
    """
    letter = await repository.letters.letter(session, letter_id, lock=True)
    following = after(LetterState(letter.state), Step.EDIT)
    texts = {name: value for name, value in {**letter.overrides, **overrides}.items() if value is not None}
    recipients = letter.recipients
    if recipients_csv.strip():
        recipients = [asdict(one) for one in addressees_from_csv(recipients_csv)]
    if letter.state != following and recipients == letter.recipients:
        composition = await composition_of(session, letter, public_url)
        if composition.content(texts) == await content_of(session, letter, public_url):
            return letter
    letter.state, letter.content = following, None
    letter.overrides, letter.recipients = texts, recipients
    await describe(session, letter, public_url)
    now = await clock.now(session, letter.contest_id)
    await repository.letters.add_step(session, letter, Step.EDIT, by, now)
    return letter


async def draft_announcements(
    session: AsyncSession, clock: Clock, event: ShortlistPublished | ResultsPublished
) -> None:
    """Draft every letter whose template names the event; staff approve and sign it.

    A draft that is there gets the newest facts: results may be published again with a correction.
    """
    files = contest_files(event.contest_id)
    for name in files.template_names():
        template = files.template(name)
        if template.event != type(event).__name__:
            continue
        existing = await repository.letters.newest_of_template(session, event.contest_id, name)
        if existing is None or template.each:
            await _draft(session, clock, event.contest_id, name)
        elif existing.state == LetterState.DRAFT:
            existing.facts = await _facts(session, event.contest_id, template, "")
            if template.recipients_from:
                rows = _recipients(files, template, existing.facts, "")
                existing.recipients = [asdict(one) for one in rows]


async def _draft(session: AsyncSession, clock: Clock, contest_id: str, name: str) -> None:
    try:
        await known.rulebook(session, contest_id)
        await draft_each(session, clock, DraftLetter(contest_id, name, SYSTEM, overrides={}))
    except (NotFound, Conflict):
        return  # the composer drafts it from the same rows when it is asked for
