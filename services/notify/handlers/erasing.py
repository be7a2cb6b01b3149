"""Erasing a person: what notify knows of them goes; what was issued stays as the register has it."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import LetterState, Step, after
from services.notify.domain.own_names import OwnNames
from services.notify.handlers.cascade import first_words
from services.notify.handlers.composing import describe
from services.notify.tables import Letter
from shared.clock import Clock
from shared.errors import DomainError

NOTE = "ลบข้อมูลของบุคคลที่ร่างนี้ระบุชื่อแล้ว ให้ตรวจร่างอีกครั้ง"
_UNDER_WAY = (LetterState.REVIEW, LetterState.APPROVED)


async def erase_person(session: AsyncSession, clock: Clock, contact_id: str) -> None:
    """Erase a person. A letter that names them and was never signed, void ones too, says nothing of them any
    more, in its text nor in its pasted list, and what was under way becomes a draft; so with an office's
    cover letter that was not passed on, and with notes beside steps. Whatever lost something says so. By name
    they are looked for in the contests that know them. What a signed letter and its steps say is an official
    record. Safe to repeat."""
    own = await repository.erasure.own_names(session, contact_id)
    await repository.erasure.erase_contact(session, contact_id)
    await repository.erasure.blank_notes(session, own)
    await _forget_in_passings(session, clock, own)
    for letter_id in await repository.erasure.letters_naming(session, contact_id, own):
        letter = await repository.letters.letter(session, letter_id, lock=True)
        listed = repository.erasure.forget_name(letter, contact_id)
        if letter.signed_at is not None:
            continue
        typed = letter.contest_id in own.contests and repository.erasure.forget_typed(letter, own)
        if not (listed or typed):
            continue
        letter.content = None
        if own.are_in(letter.subject):
            await _describe_anew(session, letter)
        step = Step.RETURN if letter.state in _UNDER_WAY else Step.ERASE
        if step is Step.RETURN:
            letter.state = after(LetterState(letter.state), Step.RETURN)
        now = await clock.now(session, letter.contest_id)
        await repository.letters.add_step(session, letter, step, "", now, NOTE)


async def _forget_in_passings(session: AsyncSession, clock: Clock, own: OwnNames) -> None:
    """Cover letters that offices still write: named lines go, and words with a name begin anew."""
    for passing in await repository.erasure.passings_naming(session, own):
        dispatch = await repository.letters.dispatch(session, passing.dispatch_id)
        letter = await repository.letters.letter(session, passing.letter_id)
        before = (passing.recipients, passing.subject, passing.paragraphs)
        passing.recipients = repository.erasure.without_named(passing.recipients, own)
        if own.are_in(passing.subject):
            passing.subject = letter.subject
        if own.are_in(passing.paragraphs):
            passing.paragraphs = first_words(dispatch, letter)
        if (passing.recipients, passing.subject, passing.paragraphs) != before:
            passing.erased_at = await clock.now(session, passing.contest_id)


async def _describe_anew(session: AsyncSession, letter: Letter) -> None:
    """The subject that lists show, without the name. A text that cannot be composed now is for its author to
    mend; until then the template's own words stand there."""
    try:
        await describe(session, letter, public_url="")
    except DomainError:
        letter.subject = contest_files(letter.contest_id).template(letter.template).subject
