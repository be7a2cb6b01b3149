"""The life of a letter, one use case each: draft, edit, approve, sign, dispatch, void."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import ContestFiles, LetterTemplate, addressees_from_csv, contest_files
from services.notify.domain.checks import check_text
from services.notify.domain.letters import (
    Addressee,
    DispatchState,
    Finding,
    LetterState,
    Step,
    after,
    may_confirm,
)
from services.notify.domain.numbering import number_text, register_year
from services.notify.letters import compose
from services.notify.letters.render import inputs_sha256
from services.notify.tables import Dispatch, Letter
from shared import known
from shared.clock import Clock
from shared.contracts.ids import new_id
from shared.contracts.notify import LetterKind
from shared.errors import Conflict, Invalid
from shared.thai.dates import letter_date
from shared.thai.digits import thai_digits

__all__ = ["DraftLetter", "approve_letter", "content_of", "dispatch_letter", "draft_letter", "edit_letter"]
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
    await _describe(session, letter, command.public_url)
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


async def _describe(session: AsyncSession, letter: Letter, public_url: str) -> Json:
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
    await _describe(session, letter, public_url)
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


async def approve_letter(
    session: AsyncSession, clock: Clock, letter_id: str, by: str, public_url: str
) -> Letter:
    """A second person approves the draft; its content is frozen.

    Raises:
        Forbidden: the drafter may not.
        Conflict: it is no draft.
        Invalid: something must be mended first.
    """
    letter = await repository.letters.letter(session, letter_id, lock=True)
    following = after(LetterState(letter.state), Step.APPROVE)
    may_confirm(letter.drafted_by, by)
    blocking = [finding for finding in await findings_of(session, letter, public_url) if finding.blocking]
    if blocking:
        raise Invalid(
            "; ".join(finding.th for finding in blocking),
            "; ".join(finding.en for finding in blocking),
            errors=tuple(Invalid(finding.th, finding.en, field=finding.field) for finding in blocking),
        )
    letter.content = await _describe(session, letter, public_url)
    letter.state = following
    now = await clock.now(session, letter.contest_id)
    await repository.letters.add_step(session, letter, Step.APPROVE, by, now)
    return letter


async def sign_letter(session: AsyncSession, clock: Clock, letter_id: str, by: str) -> Letter:
    """Sign: take the number, the instant and the hash of all inputs. The PDF follows from these.

    Raises:
        Forbidden: the drafter may not.
        Conflict: it is not approved.
    """
    letter = await repository.letters.letter(session, letter_id, lock=True)
    following = after(LetterState(letter.state), Step.SIGN)
    may_confirm(letter.drafted_by, by)
    files = contest_files(letter.contest_id)
    profile = files.profile(letter.agency)
    series = profile.series[letter.series]
    now = await clock.now(session, letter.contest_id)
    year = register_year(now)
    letter.year = year
    letter.number = await repository.letters.take_number(
        session,
        letter.contest_id,
        agency=letter.agency,
        series=letter.series,
        year=year,
        first=series.first.get(year, 1),
    )
    letter.number_text = number_text(series.format, code=profile.code, number=letter.number, year=year)
    letter.issued_at = now.replace(microsecond=0)
    letter.state = following
    layout = files.template(letter.template).layout
    letter.inputs_sha256 = inputs_sha256(
        layout, {**(letter.content or {}), "number": letter.number_text, "at": letter.issued_at.isoformat()}
    )
    await repository.letters.add_step(session, letter, Step.SIGN, by, now, letter.number_text)
    return letter


async def dispatch_letter(session: AsyncSession, clock: Clock, letter_id: str, by: str) -> Letter:
    """Send the letter: by e-mail to the offices whose address is known, the rest to the print queue.

    Raises:
        Conflict: it is not signed, or its PDF is still being made.
    """
    letter = await repository.letters.letter(session, letter_id, lock=True)
    following = after(LetterState(letter.state), Step.DISPATCH)
    if not letter.sha256:
        raise Conflict("ระบบกำลังสร้าง PDF โปรดลองอีกครั้งในอีกครู่", "The PDF is still being made; try again.")
    now = await clock.now(session, letter.contest_id)
    for addressee in letter.recipients:
        row = Dispatch(
            contest_id=letter.contest_id,
            dispatch_id=new_id(),
            letter_id=letter.letter_id,
            state=DispatchState.READY if addressee["email"] else DispatchState.PRINT,
            **addressee,
        )
        session.add(row)
        if addressee["email"]:
            await repository.notices.plan(
                session,
                contest_id=letter.contest_id,
                event_id=letter.letter_id,
                recipient=f"dispatch:{row.dispatch_id}",
                template="official-letter",
                facts={"dispatch_id": row.dispatch_id, "letter_id": letter.letter_id},
                now=now,
            )
    letter.state = following
    await repository.letters.add_step(session, letter, Step.DISPATCH, by, now, str(len(letter.recipients)))
    return letter


async def void_letter(session: AsyncSession, clock: Clock, letter_id: str, by: str, reason: str) -> Letter:
    """Void a letter: its number stays taken, and it goes to nobody any more.

    Raises:
        Invalid: no reason is given.
        Conflict: it is void or acknowledged already.
    """
    if not reason.strip():
        raise Invalid("โปรดระบุเหตุผลที่ยกเลิก", "Say why it is voided.", field="reason")
    letter = await repository.letters.letter(session, letter_id, lock=True)
    letter.state = after(LetterState(letter.state), Step.VOID)
    await repository.letters.cancel_dispatches(session, letter)
    await repository.notices.cancel(session, letter.contest_id, event_id=letter.letter_id)
    now = await clock.now(session, letter.contest_id)
    await repository.letters.add_step(session, letter, Step.VOID, by, now, reason.strip())
    return letter
