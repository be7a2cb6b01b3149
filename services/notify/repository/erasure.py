"""What notify forgets of a person. Registers and letters that were issued stay; an address is in neither."""

from sqlalchemy import delete, text
from sqlmodel import col, update
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.domain.letters import LOST, DispatchState, LetterState
from services.notify.domain.notices import UNDELIVERED, WAITING, NoticeState
from services.notify.repository import signers
from services.notify.sending_tables import ReminderStop
from services.notify.tables import Contact, Letter, Notice

_FORGET_ADDRESSES = text(
    """
    DELETE FROM suppression USING (
        SELECT lower(contact.email) AS address FROM contact WHERE contact.contact_id = :contact_id
        UNION
        SELECT lower(mail.address) FROM mail JOIN notice USING (contest_id, notice_id)
        WHERE notice.contact_id = :contact_id) AS own
    WHERE suppression.address = own.address
      AND NOT EXISTS (SELECT FROM contact AS other WHERE lower(other.email) = own.address
                      AND other.contact_id <> :contact_id)
    """
)
_DESTROY_MAIL = text(
    """
    DELETE FROM mail USING notice
    WHERE notice.contest_id = mail.contest_id AND notice.notice_id = mail.notice_id
      AND notice.contact_id = :contact_id
    """
)
_FORGET_FACTS = text(
    """
    UPDATE notice SET subject = '', words = NULL, last_error = '',
        facts = CASE WHEN recipient LIKE 'dispatch:%' THEN facts ELSE '{}'::jsonb END
    WHERE contact_id = :contact_id
    """
)
"""The facts of a letter's notice are two ids, by which mail that still comes back finds its letter."""
_TO_PRINT = text(
    """
    UPDATE dispatch SET state = :printed FROM letter
    WHERE dispatch.contact_id = :contact_id AND dispatch.state = ANY(:unsent)
      AND letter.contest_id = dispatch.contest_id AND letter.letter_id = dispatch.letter_id
      AND letter.state <> :void
    """
)
_NAMING = text(
    """
    SELECT letter_id FROM letter
    WHERE jsonb_path_exists(facts, '$.** ? (@.contact_id == $id && exists(@.name))',
                            jsonb_build_object('id', CAST(:contact_id AS text)))
    ORDER BY letter_id
    """
)


async def erase_contact(session: AsyncSession, contact_id: str) -> None:
    """Erase a person: the row, and the bytes of every mail to them. What was not sent is cancelled; a letter
    that did not reach them by mail waits to be printed."""
    given = {"contact_id": contact_id}
    await session.execute(_FORGET_ADDRESSES, given)
    await session.execute(_DESTROY_MAIL, given)
    await session.execute(_FORGET_FACTS, given)
    await session.execute(
        update(Notice)
        .where(
            col(Notice.contact_id) == contact_id,
            col(Notice.state).in_((*WAITING, *UNDELIVERED)),
        )
        .values(state=NoticeState.CANCELLED)
    )
    unsent = [DispatchState.READY.value, *(state.value for state in LOST)]
    states = {"printed": DispatchState.PRINT.value, "unsent": unsent, "void": LetterState.VOID.value}
    await session.execute(_TO_PRINT, given | states)
    await signers.forget_person(session, contact_id)
    await session.execute(delete(ReminderStop).where(col(ReminderStop.contact_id) == contact_id))
    await session.execute(delete(Contact).where(col(Contact.contact_id) == contact_id))


async def letters_naming(session: AsyncSession, contact_id: str) -> list[str]:
    """Ids of letters whose rows have the person's name, e.g. the order that appoints the judges."""
    return list((await session.execute(_NAMING, {"contact_id": contact_id})).scalars())


def forget_name(letter: Letter, contact_id: str) -> None:
    """Take the person out of a letter's rows: off its lists, and by name where the letter is about them."""
    kept = {
        name: [row for row in value if not _is_of(row, contact_id)] if isinstance(value, list) else value
        for name, value in letter.facts.items()
    }
    own = letter.facts.get("row", {})
    if _is_of(own, contact_id):
        kept["row"] = {name: value for name, value in own.items() if name not in ("name", "detail")}
    letter.facts = kept


def _is_of(row: object, contact_id: str) -> bool:
    return isinstance(row, dict) and row.get("contact_id") == contact_id
