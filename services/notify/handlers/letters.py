"""The life of a letter, one use case each: submit, return, dispatch, bounce, void. Approving is in
:mod:`approving`, signing and numbering in :mod:`signing`."""

from dataclasses import asdict
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain.letters import (
    LOST,
    Addressee,
    DispatchState,
    LetterState,
    Step,
    after,
)
from services.notify.domain.register import Book, EntryKind
from services.notify.handlers.agencies import agency_of
from services.notify.handlers.publishing import publish_by_rule
from services.notify.tables import Dispatch, Letter
from shared.clock import Clock
from shared.contracts.ids import new_id
from shared.errors import Conflict, Invalid


async def submit_letter(session: AsyncSession, clock: Clock, letter_id: str, by: str) -> Letter:
    """Put a draft forward for review; who does so is one of its authors.

    Raises:
        Conflict: it is no draft.
    """
    letter = await repository.letters.letter(session, letter_id, lock=True)
    letter.state = after(LetterState(letter.state), Step.SUBMIT)
    now = await clock.now(session, letter.contest_id)
    await repository.letters.add_step(session, letter, Step.SUBMIT, by, now)
    return letter


async def return_letter(
    session: AsyncSession, clock: Clock, letter_id: str, by: str, reason: str, *, staff: bool
) -> Letter:
    """Give a letter back to its author, with what is to be mended.

    Args:
        staff: whether the person is of the contest's staff or its approver; a clerk returns what he may sign.

    Raises:
        Invalid: no reason is given.
        Forbidden: a clerk does not sign for the letter's agency, or it is in review, which stays with staff.
        Conflict: it is neither in review nor approved.
    """
    if not reason.strip():
        raise Invalid("โปรดระบุสิ่งที่ต้องแก้ไข", "Say what is to be mended.", field="reason")
    letter = await repository.letters.letter(session, letter_id, lock=True)
    now = await clock.now(session, letter.contest_id)
    state = LetterState(letter.state)
    following = after(state, Step.RETURN)
    (await agency_of(session, letter.contest_id, letter.agency, now)).check_return(by, state, staff=staff)
    letter.state = following
    letter.content = None
    await repository.letters.add_step(session, letter, Step.RETURN, by, now, reason.strip()[:500])
    return letter


async def dispatch_letter(
    session: AsyncSession, clock: Clock, letter_id: str, by: str, *, staff: bool
) -> Letter:
    """Send the letter: by e-mail where an address is known, the rest to the print queue. One that bounced
    everywhere goes out again to those who have not received it.

    Args:
        staff: whether the person is of the contest's staff or its approver, who send every letter; a clerk
            sends those of the agency whose registry he keeps.

    Raises:
        Forbidden: a clerk does not keep this agency's registry.
        Conflict: it is not signed, has no number yet, or its PDF is still being made.
    """
    letter = await repository.letters.letter(session, letter_id, lock=True)
    now = await clock.now(session, letter.contest_id)
    (await agency_of(session, letter.contest_id, letter.agency, now)).check_sender(by, staff=staff)
    following = after(LetterState(letter.state), Step.DISPATCH)
    if not letter.number_text:
        raise Conflict(
            "ยังไม่มีเลขที่หนังสือ ให้งานสารบรรณออกเลขก่อนส่ง", "It has no number yet: the registry gives it first."
        )
    if not letter.sha256:
        raise Conflict("ระบบกำลังสร้าง PDF โปรดลองอีกครั้งในอีกครู่", "The PDF is still being made; try again.")
    if letter.state == LetterState.BOUNCED:
        await repository.letters.requeue_failed(session, letter)
    else:
        addressees = [Addressee(**one) for one in letter.recipients]
        contacts = await repository.people.addresses(
            session, letter.contest_id, [one.contact_id for one in addressees]
        )
        for addressee in addressees:
            by_mail = bool(addressee.email or contacts.get(addressee.contact_id))
            row = Dispatch(
                contest_id=letter.contest_id,
                dispatch_id=new_id(),
                letter_id=letter.letter_id,
                state=DispatchState.READY if by_mail else DispatchState.PRINT,
                **asdict(addressee),
            )
            session.add(row)
            if by_mail:
                await repository.notices.plan(
                    session,
                    contest_id=letter.contest_id,
                    event_id=letter.letter_id,
                    recipient=f"dispatch:{row.dispatch_id}",
                    template="official-letter",
                    facts={"dispatch_id": row.dispatch_id, "letter_id": letter.letter_id},
                    contact_id=row.contact_id or None,
                    now=now,
                )
    letter.state = following
    await publish_by_rule(session, letter, now)
    await repository.letters.add_step(session, letter, Step.DISPATCH, by, now, str(len(letter.recipients)))
    return letter


async def bounce_when_none_arrived(
    session: AsyncSession, dispatch: Dispatch, reason: str, now: datetime
) -> None:
    """An addressee could not be reached; where none was, the letter has bounced. Safe to repeat."""
    if dispatch.parent_id:
        return
    await session.flush()
    letter = await repository.letters.letter(session, dispatch.letter_id, lock=True)
    rows = await repository.letters.dispatches(session, letter.contest_id, letter.letter_id)
    if letter.state == LetterState.DISPATCHED and all(row.state in LOST for row in rows):
        letter.state = after(LetterState.DISPATCHED, Step.BOUNCE)
        await repository.letters.add_step(session, letter, Step.BOUNCE, "", now, reason[:300])


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
    if letter.number_text:
        facts = {
            "letter_id": letter.letter_id,
            "number_text": letter.number_text,
            "reason": reason.strip(),
            "voided_by": by,
        }
        await repository.register.append(
            session, letter.contest_id, letter.agency, Book.OUT, EntryKind.VOID, now, facts
        )
    return letter
