"""What a receiving office does with a letter: opens it, acknowledges it, passes it on."""

from dataclasses import dataclass
from datetime import date

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import RECEIVED, DispatchState, LetterState, Step, after
from services.notify.handlers.books import IncomingLetter, receive
from services.notify.tables import Dispatch, Letter
from shared.clock import BANGKOK, Clock
from shared.contracts.ids import ContestId, LetterId, NoticeId
from shared.contracts.notify import LetterAcknowledged
from shared.errors import Conflict, Gone, Invalid
from shared.messaging import publish
from shared.thai.digits import thai_digits

LONGEST_NUMBER = 40


@dataclass(frozen=True, slots=True)
class PassedOn:
    """The receiving office's own cover letter."""

    number: str
    issued_on: date
    signer_post: str
    recipients: int


async def open_letter(session: AsyncSession, clock: Clock, token: str) -> tuple[Dispatch, Letter]:
    """The letter behind a one-time link; the first look is written down.

    Raises:
        NotFound: the link is none of ours.
        Gone: the letter was voided.
    """
    dispatch = await repository.letters.dispatch_by_token(session, token, lock=True)
    letter = await repository.letters.letter(session, dispatch.letter_id)
    if letter.state == LetterState.VOID:
        raise Gone("หนังสือฉบับนี้ถูกยกเลิกแล้ว ไม่ต้องดำเนินการ", "This letter was voided; there is nothing to do.")
    if dispatch.opened_at is None:
        dispatch.opened_at = await clock.now(session, dispatch.contest_id)
        if dispatch.state in (DispatchState.READY, DispatchState.SENT):
            dispatch.state = DispatchState.OPENED
    return dispatch, letter


async def acknowledge(
    session: AsyncSession, clock: Clock, dispatch: Dispatch, receive_number: str, *, by: str
) -> Dispatch:
    """ลงรับ: the office gives its receive number; once.

    Args:
        dispatch: the addressee's row, locked by the caller.
        by: ``link`` or the contact id of the staff member who was told.

    Raises:
        Invalid: no number, or one that is too long.
        Conflict: it is acknowledged already; the text names the number.
    """
    number = " ".join(receive_number.split())
    if not number or len(number) > LONGEST_NUMBER:
        raise Invalid(
            "โปรดกรอกเลขรับ ไม่เกิน 40 ตัวอักษร",
            "Give the receive number, at most 40 characters.",
            field="receive_number",
        )
    if dispatch.state in RECEIVED:
        raise Conflict(
            f"ลงรับแล้ว เลขรับ {dispatch.receive_number}",
            f"It is acknowledged already, with number {dispatch.receive_number}.",
            field="receive_number",
        )
    now = await clock.now(session, dispatch.contest_id)
    dispatch.state = DispatchState.ACKNOWLEDGED
    dispatch.receive_number = number
    dispatch.acknowledged_at = now
    dispatch.received_on = now.astimezone(BANGKOK).date()
    dispatch.acknowledged_by = by
    await session.flush()
    await publish(
        session,
        LetterAcknowledged(
            contest_id=ContestId(dispatch.contest_id),
            notice_id=NoticeId(dispatch.letter_id),
            letter_id=LetterId(dispatch.letter_id),
            receive_number=number,
            acknowledged_at=now,
        ),
    )
    if not dispatch.parent_id:
        await _stamp(session, clock, dispatch, by)
        await _close_when_all(session, clock, dispatch)
    return dispatch


async def _stamp(session: AsyncSession, clock: Clock, dispatch: Dispatch, by: str) -> None:
    """The sender's registry stamps the answer."""
    letter = await repository.letters.letter(session, dispatch.letter_id)
    answer = IncomingLetter(
        sender=dispatch.post,
        subject=f"แจ้งเลขรับหนังสือ ที่ {thai_digits(letter.number_text)}",
        number_text=dispatch.receive_number,
        dated=dispatch.received_on,
        addressee=contest_files(letter.contest_id).profile(letter.agency).name,
        action="บันทึกแล้ว",
        source="acknowledgement",
        dispatch_id=dispatch.dispatch_id,
    )
    await receive(session, clock, letter.contest_id, letter.agency, answer, by=by)


async def _close_when_all(session: AsyncSession, clock: Clock, dispatch: Dispatch) -> None:
    counts = await repository.letters.dispatch_counts(session, dispatch.contest_id)
    received, total = repository.letters.progress(counts.get(dispatch.letter_id, {}))
    if received < total:
        return
    letter = await repository.letters.letter(session, dispatch.letter_id, lock=True)
    if letter.state in (LetterState.DISPATCHED, LetterState.BOUNCED):
        letter.state = after(LetterState(letter.state), Step.ACKNOWLEDGE)
        now = await clock.now(session, dispatch.contest_id)
        await repository.letters.add_step(session, letter, Step.ACKNOWLEDGE, "", now, str(total))


async def pass_on(session: AsyncSession, clock: Clock, dispatch: Dispatch, command: PassedOn) -> Dispatch:
    """Record the office's own cover letter; it is numbered and signed in the office's own system.

    Raises:
        Conflict: the letter is not acknowledged yet, or was passed on already.
        Invalid: a field is missing.
    """
    if dispatch.state == DispatchState.PASSED_ON:
        raise Conflict("บันทึกการส่งต่อแล้ว", "It is recorded as passed on already.")
    if dispatch.state != DispatchState.ACKNOWLEDGED:
        raise Conflict("โปรดลงรับก่อนบันทึกการส่งต่อ", "Acknowledge it before you pass it on.")
    if not command.number.strip() or not command.signer_post.strip() or command.recipients < 1:
        raise Invalid(
            "โปรดกรอกเลขที่หนังสือ ตำแหน่งผู้ลงนาม และจำนวนผู้รับ",
            "Give the number, the signer's post and how many received it.",
            field="number",
        )
    dispatch.state = DispatchState.PASSED_ON
    dispatch.passed_on_at = await clock.now(session, dispatch.contest_id)
    dispatch.passed_on = {
        "number": command.number.strip()[:80],
        "issued_on": command.issued_on.isoformat(),
        "signer_post": command.signer_post.strip()[:120],
        "recipients": command.recipients,
    }
    return dispatch
