"""The life of a letter, one use case each: approve, sign, dispatch, void."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import DispatchState, LetterState, Step, after, may_confirm
from services.notify.domain.numbering import number_text, register_year
from services.notify.handlers.composing import describe, findings_of
from services.notify.letters.render import inputs_sha256
from services.notify.tables import Dispatch, Letter
from shared.clock import Clock
from shared.contracts.ids import new_id
from shared.errors import Conflict, Invalid


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
    letter.content = await describe(session, letter, public_url)
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
