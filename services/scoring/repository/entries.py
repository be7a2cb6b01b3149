"""Entries as judges read them, and the names of people on pages."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy import select as sql_select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.tables import Entry, EntryState, Judge, Person
from shared.contracts.intake import ContactUpserted, EntryContent, Role
from shared.known.tables import KNOWN_CONTACT


async def keep_content(session: AsyncSession, event: EntryContent, submitted_at: datetime) -> None:
    """Keep a submitted or amended entry unless a higher revision is known; it awaits screening again."""
    row = {
        "contest_id": event.contest_id,
        "entry_id": event.entry_id,
        "revision": event.revision,
        "state": EntryState.SUBMITTED.value,
        "reference": event.reference,
        "contact_id": event.contact_id,
        "editor_ids": list(event.editor_ids),
        "applicant_name": event.applicant.name,
        "applicant_kind": event.applicant.kind,
        "province_code": event.applicant.province_code,
        "category_id": event.category_id,
        "title": event.title.model_dump(),
        "summary": event.summary.model_dump(),
        "operating_since": event.operating_since,
        "vendor": event.vendor,
        "sections": [section.model_dump() for section in event.sections],
        "attachments": [attachment.model_dump() for attachment in event.attachments],
        "submitted_at": submitted_at,
        "screened_at": None,
    }
    statement = insert(Entry).values(row)
    changed = {name: statement.excluded[name] for name in row if name not in ("contest_id", "entry_id")}
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["contest_id", "entry_id"],
            set_=changed,
            where=col(Entry.revision) < statement.excluded.revision,
        )
    )


async def set_state(
    session: AsyncSession,
    contest_id: str,
    entry_id: str,
    revision: int,
    state: EntryState,
    screened_at: datetime | None = None,
) -> None:
    """Note a later state of an entry whose content is known; a draft that never was handed in is not."""
    await session.execute(
        update(Entry)
        .where(
            col(Entry.contest_id) == contest_id,
            col(Entry.entry_id) == entry_id,
            col(Entry.revision) < revision,
        )
        .values(state=state.value, revision=revision, screened_at=screened_at)
    )


async def entry(session: AsyncSession, contest_id: str, entry_id: str) -> Entry | None:
    """One entry in whatever state."""
    return await session.get(Entry, (contest_id, entry_id))


async def entries(
    session: AsyncSession, contest_id: str, entry_ids: Collection[str] | None = None
) -> Sequence[Entry]:
    """Entries in the order of their references: those named, or all."""
    query = select(Entry).where(Entry.contest_id == contest_id)
    if entry_ids is not None:
        query = query.where(col(Entry.entry_id).in_(entry_ids))
    return (await session.exec(query.order_by(Entry.reference, Entry.entry_id))).all()


async def accepted(session: AsyncSession, contest_id: str) -> Sequence[Entry]:
    """Entries that passed screening and were not withdrawn, in the order of their references."""
    query = select(Entry).where(Entry.contest_id == contest_id, Entry.state == EntryState.ACCEPTED.value)
    return (await session.exec(query.order_by(Entry.reference, Entry.entry_id))).all()


async def entries_of(session: AsyncSession, contest_id: str, contact_id: str) -> Sequence[Entry]:
    """The entries that a contact may edit."""
    query = select(Entry).where(
        Entry.contest_id == contest_id,
        (col(Entry.contact_id) == contact_id) | col(Entry.editor_ids).contains([contact_id]),
    )
    return (await session.exec(query.order_by(Entry.reference, Entry.entry_id))).all()


async def keep_person(session: AsyncSession, event: ContactUpserted) -> None:
    """Keep the name of someone who judges or signs."""
    row = event.model_dump(
        include={
            "contest_id",
            "contact_id",
            "revision",
            "name",
            "organisation",
            "position",
            "province_code",
        }
    )
    statement = insert(Person).values(row)
    changed = {name: statement.excluded[name] for name in row if name not in ("contest_id", "contact_id")}
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["contest_id", "contact_id"],
            set_=changed,
            where=col(Person.revision) < statement.excluded.revision,
        )
    )


async def forget_person(session: AsyncSession, contact_id: str) -> None:
    """Delete the name; the decisions stay, signed by an id that leads nowhere."""
    await session.execute(delete(Person).where(col(Person.contact_id) == contact_id))


async def people(session: AsyncSession, contact_ids: Collection[str]) -> dict[str, Person]:
    """Names by contact id; whoever was erased or never judged is missing."""
    found = await session.exec(select(Person).where(col(Person.contact_id).in_(contact_ids)))
    return {person.contact_id: person for person in found}


async def judge_candidates(session: AsyncSession, contest_id: str) -> Sequence[Person]:
    """People with the role of a judge whom nobody has invited to this contest, by name."""
    holds_role = (
        sql_select(KNOWN_CONTACT.c.contact_id)
        .where(KNOWN_CONTACT.c.roles.contains([Role.JUDGE.value]), ~KNOWN_CONTACT.c.erased)
        .scalar_subquery()
    )
    invited = select(Judge.contact_id).where(Judge.contest_id == contest_id)
    query = select(Person).where(
        col(Person.contact_id).in_(holds_role), col(Person.contact_id).not_in(invited)
    )
    return (await session.exec(query.order_by(Person.name, Person.contact_id))).all()
