"""Intake's queries: the only module that reads and locks its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.domain.entry import SENT
from services.intake.tables import (
    Attachment,
    AttachmentContent,
    Contact,
    Contest,
    ContestVersion,
    Entry,
    EntryVersion,
    JudgeList,
    Recusal,
    Registration,
    SignInCode,
)
from shared.contracts.scoring import JudgeAssigned
from shared.errors import NotFound

_WALL_CLOCK = text("SELECT clock_timestamp()")
_HOLD_EMAIL = text("SELECT pg_advisory_xact_lock(hashtextextended(:email, 0))")


async def wall_clock(session: AsyncSession) -> datetime:
    """The database's own time, for sessions and codes: a rehearsal's clock does not move them."""
    now: datetime = (await session.execute(_WALL_CLOCK)).scalar_one()
    return now


async def contest(session: AsyncSession, contest_id: str, *, lock: bool = False) -> Contest:
    """The contest; with ``lock`` its row is held until the transaction ends.

    Raises:
        NotFound: there is none of that id.
    """
    found = await contest_or_none(session, contest_id, lock=lock)
    if found is None:
        raise NotFound("ไม่พบการประกวดนี้", "There is no such contest.", field="contest_id")
    return found


async def contest_or_none(session: AsyncSession, contest_id: str, *, lock: bool = False) -> Contest | None:
    """The contest of that id, if there is one."""
    query = select(Contest).where(Contest.contest_id == contest_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.exec(query)).one_or_none()


async def contests(session: AsyncSession) -> Sequence[Contest]:
    """Every contest, the newest first."""
    return (await session.exec(select(Contest).order_by(col(Contest.created_at).desc()))).all()


async def versions(session: AsyncSession, contest_id: str) -> Sequence[ContestVersion]:
    """The sealing and the amendments, the newest first."""
    query = select(ContestVersion).where(ContestVersion.contest_id == contest_id)
    return (await session.exec(query.order_by(col(ContestVersion.number).desc()))).all()


async def contact(
    session: AsyncSession, contact_id: str, *, contest_id: str = "", lock: bool = False
) -> Contact:
    """The contact of that id.

    Raises:
        NotFound: there is none, or it was erased.
    """
    query = select(Contact).where(Contact.contact_id == contact_id)
    if contest_id:
        query = query.where(Contact.contest_id == contest_id)
    if lock:
        query = query.with_for_update()
    found = (await session.exec(query)).one_or_none()
    if found is None:
        raise NotFound("ไม่พบบุคคลนี้ หรือลบแล้ว", "There is no such person, or the person was erased.")
    return found


async def hold_email(session: AsyncSession, email: str) -> None:
    """Let nobody else add or change a contact with that address until the transaction ends."""
    await session.execute(_HOLD_EMAIL, {"email": email})


async def contact_by_email(session: AsyncSession, email: str, *, prefer: str = "") -> Contact | None:
    """The contact with that address; where several contests know it, the one of ``prefer``, else the
    oldest."""
    query = select(Contact).where(Contact.email == email)
    order = (Contact.contest_id == prefer).desc()  # type: ignore[attr-defined]  # a column expression
    return (await session.exec(query.order_by(order, col(Contact.created_at)).limit(1))).one_or_none()


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Which people a list shows."""

    words: str = ""
    role: str = ""


async def people(
    session: AsyncSession, contest_id: str, wanted: PeopleFilter, *, limit: int = 50, offset: int = 0
) -> tuple[Sequence[Contact], int]:
    """A page of people by name, and how many there are in all."""
    conditions: list[ColumnElement[bool]] = [col(Contact.contest_id) == contest_id]
    if wanted.role:
        conditions.append(col(Contact.roles).contains([wanted.role]))
    if wanted.words:
        like = f"%{_escaped(wanted.words)}%"
        columns = (Contact.name, Contact.email, Contact.organisation)
        conditions.append(or_(*(col(column).ilike(like) for column in columns)))
    count = (await session.exec(select(func.count()).select_from(Contact).where(*conditions))).one()
    query = select(Contact).where(*conditions).order_by(col(Contact.name), col(Contact.email))
    return (await session.exec(query.limit(limit).offset(offset))).all(), count


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def newest_code(session: AsyncSession, email_hash: str) -> SignInCode | None:
    """The code that was sent last to an address, locked: tries are counted one after the other."""
    query = (
        select(SignInCode)
        .where(SignInCode.email_hash == email_hash)
        .order_by(col(SignInCode.created_at).desc(), col(SignInCode.code_id).desc())
        .limit(1)
        .with_for_update()
    )
    return (await session.exec(query)).one_or_none()


async def forget_codes(session: AsyncSession, email_hash: str) -> None:
    """Destroy every code of an address."""
    await session.execute(delete(SignInCode).where(col(SignInCode.email_hash) == email_hash))


async def purge_codes(session: AsyncSession, before: datetime) -> None:
    """Destroy codes that expired before that instant."""
    await session.execute(delete(SignInCode).where(col(SignInCode.expires_at) < before))


async def registration(
    session: AsyncSession, contest_id: str, registration_id: str, *, lock: bool = False
) -> Registration:
    """The registration of that id.

    Raises:
        NotFound: there is none.
    """
    query = select(Registration).where(
        Registration.contest_id == contest_id, Registration.registration_id == registration_id
    )
    if lock:
        query = query.with_for_update()
    found = (await session.exec(query)).one_or_none()
    if found is None:
        raise NotFound("ไม่พบการลงทะเบียนนี้", "There is no such registration.")
    return found


async def registration_of(
    session: AsyncSession, contest_id: str, contact_id: str, *, lock: bool = False
) -> Registration | None:
    """The person's registration, cancelled or not."""
    query = select(Registration).where(
        Registration.contest_id == contest_id, Registration.contact_id == contact_id
    )
    if lock:
        query = query.with_for_update()
    return (await session.exec(query)).one_or_none()


async def registrations(session: AsyncSession, contest_id: str) -> Sequence[Registration]:
    """Everyone who signed up, in order."""
    query = select(Registration).where(Registration.contest_id == contest_id)
    return (await session.exec(query.order_by(col(Registration.registered_at)))).all()


async def entry(session: AsyncSession, contest_id: str, entry_id: str, *, lock: bool = False) -> Entry:
    """The entry of that id.

    Raises:
        NotFound: there is none in this contest.
    """
    query = select(Entry).where(Entry.contest_id == contest_id, Entry.entry_id == entry_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = (await session.exec(query)).one_or_none()
    if found is None:
        raise NotFound("ไม่พบผลงานนี้", "There is no such entry.")
    return found


async def entries_of(session: AsyncSession, contest_id: str, contact_id: str) -> Sequence[Entry]:
    """The person's own entries, in the order they were started."""
    query = select(Entry).where(Entry.contest_id == contest_id, Entry.contact_id == contact_id)
    return (await session.exec(query.order_by(col(Entry.started_at)))).all()


async def sent_entries(session: AsyncSession, contest_id: str) -> Sequence[Entry]:
    """Every entry that was submitted and not withdrawn."""
    query = select(Entry).where(Entry.contest_id == contest_id, col(Entry.state).in_(sorted(SENT)))
    return (await session.exec(query.order_by(col(Entry.reference)))).all()


SORTS = {
    "reference": Entry.reference,
    "title": Entry.title,
    "applicant": Entry.applicant_name,
    "category": Entry.category_id,
    "state": Entry.state,
    "submitted": Entry.submitted_at,
}


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries a list shows, and in which order."""

    words: str = ""
    state: str = ""
    category: str = ""
    sort: str = "reference"
    descending: bool = False


async def entries(
    session: AsyncSession, contest_id: str, wanted: EntryFilter, *, limit: int = 50, offset: int = 0
) -> tuple[Sequence[Entry], int]:
    """A page of entries, drafts aside unless asked for, and how many there are in all."""
    conditions: list[ColumnElement[bool]] = [col(Entry.contest_id) == contest_id]
    conditions.append(col(Entry.state) == wanted.state if wanted.state else col(Entry.state) != "draft")
    if wanted.category:
        conditions.append(col(Entry.category_id) == wanted.category)
    if wanted.words:
        like = f"%{_escaped(wanted.words)}%"
        columns = (Entry.reference, Entry.title, Entry.applicant_name)
        conditions.append(or_(*(col(column).ilike(like) for column in columns)))
    count = (await session.exec(select(func.count()).select_from(Entry).where(*conditions))).one()
    column = col(SORTS.get(wanted.sort, Entry.reference))
    order = column.desc() if wanted.descending else column.asc()
    query = select(Entry).where(*conditions).order_by(order.nulls_last(), col(Entry.entry_id))
    return (await session.exec(query.limit(limit).offset(offset))).all(), count


async def entry_counts(session: AsyncSession, contest_id: str) -> dict[str, int]:
    """How many entries are in each state."""
    query = select(Entry.state, func.count()).where(Entry.contest_id == contest_id).group_by(Entry.state)
    return dict((await session.exec(query)).all())


async def history(session: AsyncSession, contest_id: str, entry_id: str) -> Sequence[EntryVersion]:
    """What happened to an entry, the newest first."""
    query = select(EntryVersion).where(
        EntryVersion.contest_id == contest_id, EntryVersion.entry_id == entry_id
    )
    return (await session.exec(query.order_by(col(EntryVersion.revision).desc()))).all()


async def attachments(
    session: AsyncSession, contest_id: str, entry_id: str, *, removed: bool = False
) -> Sequence[Attachment]:
    """The files of an entry in the order they were added; with ``removed`` also those taken away."""
    query = select(Attachment).where(Attachment.contest_id == contest_id, Attachment.entry_id == entry_id)
    if not removed:
        query = query.where(col(Attachment.removed_at).is_(None))
    order = col(Attachment.added_at), col(Attachment.attachment_id)
    return (await session.exec(query.order_by(*order))).all()


async def attachment(session: AsyncSession, contest_id: str, entry_id: str, attachment_id: str) -> Attachment:
    """One file of an entry.

    Raises:
        NotFound: the entry has none of that id.
    """
    query = select(Attachment).where(
        Attachment.contest_id == contest_id,
        Attachment.entry_id == entry_id,
        Attachment.attachment_id == attachment_id,
    )
    found = (await session.exec(query)).one_or_none()
    if found is None:
        raise NotFound("ไม่พบไฟล์แนบนี้", "There is no such attachment.")
    return found


async def attachment_content(session: AsyncSession, contest_id: str, attachment_id: str) -> bytes:
    """The bytes of a file that exists."""
    query = select(AttachmentContent.content).where(
        AttachmentContent.contest_id == contest_id, AttachmentContent.attachment_id == attachment_id
    )
    return (await session.exec(query)).one()


async def keep_judge_list(session: AsyncSession, event: JudgeAssigned) -> None:
    """Replace the judge's list of that round by a newer one."""
    statement = insert(JudgeList).values(
        contest_id=event.contest_id,
        judge_id=event.judge_id,
        round=event.round.value,
        contact_id=event.contact_id,
        revision=event.revision,
        entry_ids=list(event.entry_ids),
    )
    new = statement.excluded
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["contest_id", "judge_id", "round"],
            set_={"contact_id": new.contact_id, "revision": new.revision, "entry_ids": new.entry_ids},
            where=col(JudgeList.revision) < new.revision,
        )
    )


async def keep_recusal(session: AsyncSession, contest_id: str, contact_id: str, entry_id: str) -> None:
    """Remember that this judge must not see that entry."""
    row = insert(Recusal).values(contest_id=contest_id, contact_id=contact_id, entry_id=entry_id)
    await session.execute(row.on_conflict_do_nothing())


async def judges_entry(session: AsyncSession, contest_id: str, contact_id: str, entry_id: str) -> bool:
    """Whether the entry is on one of the person's lists and no recusal forbids it."""
    listed = select(JudgeList.judge_id).where(
        JudgeList.contest_id == contest_id,
        JudgeList.contact_id == contact_id,
        col(JudgeList.entry_ids).contains([entry_id]),
    )
    recused = select(Recusal.entry_id).where(
        Recusal.contest_id == contest_id, Recusal.contact_id == contact_id, Recusal.entry_id == entry_id
    )
    found = await session.execute(select(listed.exists() & ~recused.exists()))
    return bool(found.scalar_one())


async def set_outcome(session: AsyncSession, contest_id: str, entry_ids: Sequence[str], outcome: str) -> None:
    """Let those entries show that outcome."""
    await session.execute(
        update(Entry)
        .where(col(Entry.contest_id) == contest_id, col(Entry.entry_id).in_(entry_ids))
        .values(outcome=outcome)
    )


async def other_administrators(session: AsyncSession, contact_id: str) -> int:
    """How many administrators there are besides that person; their rows are held, so that two of
    them cannot dismiss each other at once."""
    query = (
        select(Contact.contact_id)
        .where(col(Contact.roles).contains(["admin"]))
        .order_by(col(Contact.contact_id))
        .with_for_update()
    )
    return sum(1 for found in (await session.exec(query)).all() if found != contact_id)
