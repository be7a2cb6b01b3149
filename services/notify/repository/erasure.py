"""What notify forgets of a person. Registers and letters that were issued stay; an address is in neither."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, text
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.domain.letters import LOST, DispatchState, LetterState
from services.notify.domain.notices import UNDELIVERED, WAITING, NoticeState
from services.notify.domain.own_names import OwnNames
from services.notify.register_tables import Passing
from services.notify.repository import signers
from services.notify.repository.locking import for_update
from services.notify.sending_tables import ReminderStop
from services.notify.tables import Contact, Letter, Notice

Json = dict[str, Any]

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
        OR (signed_at IS NULL AND contest_id = ANY(CAST(:contests AS text[])) AND EXISTS (
            SELECT FROM unnest(CAST(:names AS text[])) AS own(name)
            WHERE position(lower(own.name) IN lower(overrides::text)) > 0
               OR position(lower(own.name) IN lower(recipients::text)) > 0))
    ORDER BY letter_id
    """
)
"""By the rows of a letter, and perhaps by what staff typed or pasted into one that is not signed yet."""
_PASSINGS = text(
    """
    SELECT passing_id FROM passing
    WHERE sent_at IS NULL AND contest_id = ANY(CAST(:contests AS text[])) AND EXISTS (
        SELECT FROM unnest(CAST(:names AS text[])) AS own(name)
        WHERE position(lower(own.name) IN lower(recipients::text)) > 0
           OR position(lower(own.name) IN lower(paragraphs::text)) > 0
           OR position(lower(own.name) IN lower(to_jsonb(subject)::text)) > 0)
    """
)
"""Cover letters that an office behind a link still writes, perhaps with the name."""
_BLANK_NOTES = (
    text(
        """
        UPDATE letter_step SET note = regexp_replace(note, :pattern, '…', 'gi') FROM letter
        WHERE letter.contest_id = letter_step.contest_id AND letter.letter_id = letter_step.letter_id
          AND letter.contest_id = ANY(CAST(:contests AS text[]))
          AND letter.signed_at IS NULL AND letter_step.note ~* :pattern
        """
    ),
    text(
        """
        UPDATE notice_step SET note = regexp_replace(note, :pattern, '…', 'gi')
        WHERE contest_id = ANY(CAST(:contests AS text[])) AND note ~* :pattern
        """
    ),
    text(
        """
        UPDATE suppression SET detail = regexp_replace(detail, :pattern, '…', 'gi')
        WHERE contest_id = ANY(CAST(:contests AS text[])) AND detail ~* :pattern
        """
    ),
)
"""What somebody typed beside a step. The steps of a signed letter are an official record and stay."""


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


async def own_names(session: AsyncSession, contact_id: str) -> OwnNames:
    """How the person is called in each contest that knows them; to be read before they are erased."""
    query = select(Contact.contest_id, Contact.name).where(Contact.contact_id == contact_id)
    return OwnNames.of((await session.exec(query)).all())


async def letters_naming(session: AsyncSession, contact_id: str, own: OwnNames) -> list[str]:
    """Ids of letters whose rows have the person's name, e.g. the order that appoints the judges, and of
    unsigned ones in which the letters of a name stand somewhere; :func:`forget_typed` looks closer."""
    given = {"contact_id": contact_id, **_in_json(own)}
    return list((await session.execute(_NAMING, given)).scalars())


async def passings_naming(session: AsyncSession, own: OwnNames) -> Sequence[Passing]:
    """Cover letters under way in which the letters of a name stand somewhere, locked."""
    found = (await session.execute(_PASSINGS, _in_json(own))).scalars().all()
    # asked again once it is held: the office may have passed it on meanwhile
    query = select(Passing).where(col(Passing.passing_id).in_(found), col(Passing.sent_at).is_(None))
    return (await session.exec(for_update(query.order_by(col(Passing.passing_id))))).all()


async def blank_notes(session: AsyncSession, own: OwnNames) -> None:
    """Put … in place of the names in what people noted beside steps and suppressed addresses."""
    if own.pattern:
        given = {"pattern": own.pattern, "contests": sorted(own.contests)}
        for statement in _BLANK_NOTES:
            await session.execute(statement, given)


def _in_json(own: OwnNames) -> Json:
    """The names as jsonb writes them, and their contests."""
    names = [json.dumps(name, ensure_ascii=False)[1:-1] for name in own.names]
    return {"names": names, "contests": sorted(own.contests)}


def forget_name(letter: Letter, contact_id: str) -> bool:
    """Take the person out of a letter's rows: off its lists, and by name where the letter is about them.
    Returns whether there was anything."""
    kept = {
        name: [row for row in value if not _is_of(row, contact_id)] if isinstance(value, list) else value
        for name, value in letter.facts.items()
    }
    own = letter.facts.get("row", {})
    if _is_of(own, contact_id):
        kept["row"] = {name: value for name, value in own.items() if name not in ("name", "detail")}
    changed = kept != letter.facts
    letter.facts = kept
    return changed


def forget_typed(letter: Letter, own: OwnNames) -> bool:
    """Drop the texts that staff typed with one of the names in them, for which the template's stand in, and
    the lines of a pasted list. Returns whether there was anything."""
    overrides = {field: value for field, value in letter.overrides.items() if not own.are_in(value)}
    recipients = without_named(letter.recipients, own)
    changed = (overrides, recipients) != (letter.overrides, letter.recipients)
    letter.overrides, letter.recipients = overrides, recipients
    return changed


def without_named(recipients: Sequence[Json], own: OwnNames) -> list[Json]:
    """A pasted list without the lines that have one of the names."""
    return [one for one in recipients if not own.are_in(one)]


def _is_of(row: object, contact_id: str) -> bool:
    return isinstance(row, dict) and row.get("contact_id") == contact_id
