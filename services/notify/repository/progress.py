"""What notify knows of entries, judges, slots, decisions and votes: rows that follow the events."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.tables import (
    Assignment,
    Briefing,
    Decision,
    Entry,
    HeldVotes,
    Judge,
    Recusal,
    Score,
    Slot,
    Tally,
    TallyMinute,
)
from shared.errors import NotFound

Json = dict[str, Any]


async def _keep(session: AsyncSession, table: type[SQLModel], keys: Sequence[str], values: Json) -> bool:
    """Insert or change a row, only by a higher revision. Returns whether it was new."""
    columns: Any = table.__table__.c  # type: ignore[attr-defined]  # SQLModel tables have it
    statement = insert(table).values(values)
    changed = {name: statement.excluded[name] for name in values if name not in keys}
    statement = statement.on_conflict_do_update(
        index_elements=list(keys), set_=changed, where=columns.revision < statement.excluded.revision
    )
    kept = await session.execute(statement.returning(columns.revision))
    return kept.first() is not None


async def keep_entry(session: AsyncSession, values: Json) -> bool:
    """Keep what an event tells of an entry; what it does not tell stays."""
    known = await session.get(Entry, (values["contest_id"], values["entry_id"]))
    base = {"reference": "", "applicant_name": "", "province_code": "", "category_id": "", "title": None}
    if known is not None:
        if known.revision >= values["revision"]:
            return False
        base = {name: getattr(known, name) for name in base}
    return await _keep(session, Entry, ("contest_id", "entry_id"), {**base, **values})


async def keep_briefing(session: AsyncSession, values: Json) -> bool:
    return await _keep(session, Briefing, ("contest_id", "registration_id"), values)


async def standing_briefings(session: AsyncSession, contest_id: str) -> Sequence[Briefing]:
    """Registrations for the briefing that are not cancelled."""
    query = select(Briefing).where(Briefing.contest_id == contest_id, col(Briefing.cancelled).is_(False))
    return (await session.exec(query.order_by(col(Briefing.registration_id)))).all()


async def keep_judge(session: AsyncSession, values: Json) -> bool:
    return await _keep(session, Judge, ("contest_id", "judge_id"), values)


async def keep_assignment(session: AsyncSession, values: Json) -> bool:
    return await _keep(session, Assignment, ("contest_id", "judge_id", "round"), values)


async def keep_score(session: AsyncSession, values: Json) -> bool:
    return await _keep(session, Score, ("contest_id", "entry_id", "judge_id", "round"), values)


async def keep_slot(session: AsyncSession, values: Json) -> bool:
    return await _keep(session, Slot, ("contest_id", "slot_id"), values)


async def keep_decision(session: AsyncSession, values: Json) -> bool:
    return await _keep(session, Decision, ("contest_id", "kind"), values)


def awaited_kind(decision: str) -> str:
    """The kind under which it is kept that a decision waits for another signature."""
    return f"{decision}-awaited"


async def keep_recusal(session: AsyncSession, values: Json) -> None:
    await session.execute(insert(Recusal).values(values).on_conflict_do_nothing())


async def keep_held_votes(session: AsyncSession, values: Json) -> None:
    await session.execute(insert(HeldVotes).values(values).on_conflict_do_nothing())


async def keep_tally(
    session: AsyncSession, *, contest_id: str, entry_id: str, revision: int, counted: int, at: datetime
) -> None:
    """The entry's count, and the highest count of its minute."""
    values = {"contest_id": contest_id, "entry_id": entry_id, "revision": revision, "counted": counted}
    if not await _keep(session, Tally, ("contest_id", "entry_id"), values):
        return
    minute = at.replace(second=0, microsecond=0)
    statement = insert(TallyMinute).values(
        contest_id=contest_id, minute=minute, entry_id=entry_id, counted=counted
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["contest_id", "minute", "entry_id"],
            set_={"counted": func.greatest(col(TallyMinute.counted), statement.excluded.counted)},
        )
    )


async def entry(session: AsyncSession, contest_id: str, entry_id: str) -> Entry | None:
    return await session.get(Entry, (contest_id, entry_id))


async def entries(session: AsyncSession, contest_id: str) -> Sequence[Entry]:
    return (await session.exec(select(Entry).where(Entry.contest_id == contest_id))).all()


async def some_entries(session: AsyncSession, entry_ids: Iterable[str]) -> Sequence[Entry]:
    """These entries, of all contests."""
    return (await session.exec(select(Entry).where(col(Entry.entry_id).in_(set(entry_ids))))).all()


async def drafts(session: AsyncSession, contest_id: str) -> Sequence[Entry]:
    """Entries that were started and not submitted, or returned and not sent again."""
    query = select(Entry).where(Entry.contest_id == contest_id, col(Entry.state).in_(("draft", "returned")))
    return (await session.exec(query)).all()


async def slot(session: AsyncSession, contest_id: str, slot_id: str) -> Slot:
    found = await session.get(Slot, (contest_id, slot_id))
    if found is None:
        raise NotFound("ไม่พบช่วงเวลานำเสนอ", "There is no such presentation slot.")
    return found


async def decision(session: AsyncSession, contest_id: str, kind: str) -> Decision | None:
    return await session.get(Decision, (contest_id, kind))
