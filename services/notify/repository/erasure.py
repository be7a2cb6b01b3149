"""What notify forgets of a person. Registers and letters that were issued stay; an address is in neither."""

import json
from collections.abc import Collection

from sqlalchemy import delete, text
from sqlmodel import col, select, update
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
        OR (signed_at IS NULL AND EXISTS (
            SELECT FROM unnest(CAST(:names AS text[])) AS own(name)
            WHERE position(lower(own.name) IN lower(overrides::text)) > 0))
    ORDER BY letter_id
    """
)
"""By the rows of a letter, and by what staff typed into one that is not signed yet."""


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


async def names_of(session: AsyncSession, contact_id: str) -> set[str]:
    """How the person is called in each contest that knows them; to be read before they are erased."""
    query = select(Contact.name).where(Contact.contact_id == contact_id)
    return {name.strip() for name in (await session.exec(query)).all()} - {""}


async def letters_naming(session: AsyncSession, contact_id: str, names: Collection[str]) -> list[str]:
    """Ids of letters whose rows have the person's name, e.g. the order that appoints the judges, and of
    unsigned ones into whose text staff typed one of ``names``."""
    typed = [json.dumps(name, ensure_ascii=False)[1:-1] for name in names]  # as jsonb writes it
    given = {"contact_id": contact_id, "names": typed}
    return list((await session.execute(_NAMING, given)).scalars())


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


def forget_typed(letter: Letter, names: Collection[str]) -> None:
    """Drop the texts that staff typed with one of ``names`` in them; the template's take their place."""
    letter.overrides = {
        field: value for field, value in letter.overrides.items() if not has_name(value, names)
    }


def has_name(value: object, names: Collection[str]) -> bool:
    """Whether one of ``names`` is somewhere in a text or in what holds texts."""
    if isinstance(value, str):
        return any(name.casefold() in value.casefold() for name in names)
    if isinstance(value, dict):
        return any(has_name(one, names) for one in value.values())
    return isinstance(value, list) and any(has_name(one, names) for one in value)


def _is_of(row: object, contact_id: str) -> bool:
    return isinstance(row, dict) and row.get("contact_id") == contact_id
