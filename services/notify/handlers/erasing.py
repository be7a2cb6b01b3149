"""Erasing a person: what notify knows of them goes; what was issued stays as the register has it."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain.letters import LetterState, Step, after
from shared.clock import Clock

NOTE = "ลบข้อมูลของบุคคลที่ร่างนี้ระบุชื่อแล้ว ให้ตรวจร่างอีกครั้ง"
_UNDER_WAY = (LetterState.REVIEW, LetterState.APPROVED)


async def erase_person(session: AsyncSession, clock: Clock, contact_id: str) -> None:
    """Erase a person. A letter that names them and is not signed yet becomes a draft without them; what a
    signed one says is an official record. Safe to repeat."""
    await repository.erasure.erase_contact(session, contact_id)
    for letter_id in await repository.erasure.letters_naming(session, contact_id):
        letter = await repository.letters.letter(session, letter_id, lock=True)
        repository.erasure.forget_name(letter, contact_id)
        if letter.state in _UNDER_WAY:
            letter.state = after(LetterState(letter.state), Step.RETURN)
            letter.content = None
            now = await clock.now(session, letter.contest_id)
            await repository.letters.add_step(session, letter, Step.RETURN, "", now, NOTE)
