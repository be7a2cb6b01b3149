"""Counts for the staff board."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.tables import Assignment, Briefing, Entry, HeldVotes, Judge, Recusal, Score, Tally
from shared.messaging.tables import OUTBOX

_RATE = text(
    """
    WITH minutes AS (
        SELECT generate_series(
            date_trunc('minute', CAST(:until AS timestamptz)) - CAST(:window AS interval),
            date_trunc('minute', CAST(:until AS timestamptz)), CAST(:step AS interval)) AS minute)
    SELECT minutes.minute, coalesce((
        SELECT sum(latest.counted) FROM (
            SELECT DISTINCT ON (entry_id) counted FROM tally_minute
            WHERE contest_id = :contest_id AND tally_minute.minute <= minutes.minute
            ORDER BY entry_id, tally_minute.minute DESC) AS latest), 0) AS counted
    FROM minutes ORDER BY minutes.minute
    """
)
"""The cumulative count at each step: the newest known count of every entry up to then."""


async def entry_states(session: AsyncSession, contest_id: str) -> dict[tuple[str, str], int]:
    """(category, state) → how many entries."""
    query = (
        select(Entry.category_id, Entry.state, func.count())
        .where(Entry.contest_id == contest_id)
        .group_by(col(Entry.category_id), col(Entry.state))
    )
    return {(category, state): count for category, state, count in (await session.exec(query)).all()}


async def briefing_guests(session: AsyncSession, contest_id: str) -> int:
    query = select(func.count()).where(Briefing.contest_id == contest_id, col(Briefing.cancelled).is_(False))
    return (await session.exec(query)).one()


async def judges(session: AsyncSession, contest_id: str) -> Sequence[Judge]:
    return (await session.exec(select(Judge).where(Judge.contest_id == contest_id))).all()


async def assignments(session: AsyncSession, contest_id: str) -> Sequence[Assignment]:
    return (await session.exec(select(Assignment).where(Assignment.contest_id == contest_id))).all()


async def scored(session: AsyncSession, contest_id: str) -> set[tuple[str, str, str]]:
    """(judge, round, entry) of every submitted score."""
    query = select(Score.judge_id, Score.round, Score.entry_id).where(Score.contest_id == contest_id)
    return {(judge, round_, entry) for judge, round_, entry in (await session.exec(query)).all()}


async def recused(session: AsyncSession, contest_id: str) -> set[tuple[str, str]]:
    """(judge, entry) of every recusal."""
    query = select(Recusal.judge_id, Recusal.entry_id).where(Recusal.contest_id == contest_id)
    return {(judge, entry) for judge, entry in (await session.exec(query)).all()}


async def votes_counted(session: AsyncSession, contest_id: str) -> int:
    query = select(func.coalesce(func.sum(Tally.counted), 0)).where(Tally.contest_id == contest_id)
    return int((await session.exec(query)).one())


async def votes_held(session: AsyncSession, contest_id: str) -> int:
    """Receipts set aside and not yet struck or released."""
    query = (
        select(HeldVotes.kind, func.sum(HeldVotes.receipts))
        .where(HeldVotes.contest_id == contest_id)
        .group_by(col(HeldVotes.kind))
    )
    counts: dict[str, int] = {kind: int(receipts) for kind, receipts in (await session.exec(query)).all()}
    return max(0, counts.get("held", 0) - counts.get("struck", 0) - counts.get("released", 0))


async def vote_curve(
    session: AsyncSession, contest_id: str, until: datetime, window: timedelta, step: timedelta
) -> list[tuple[datetime, int]]:
    """The cumulative count over ``window`` before ``until``."""
    rows = await session.execute(
        _RATE, {"contest_id": contest_id, "until": until, "window": window, "step": step}
    )
    return [(row.minute, int(row.counted)) for row in rows]


async def outbox_lag(session: AsyncSession) -> tuple[int, float]:
    """Events of this service that are not published yet, and the age of the oldest in seconds."""
    row = (
        await session.execute(
            select(
                func.count(),
                func.coalesce(
                    func.extract("epoch", func.clock_timestamp() - func.min(OUTBOX.c.created_at)), 0
                ),
            ).where(OUTBOX.c.published_at.is_(None))
        )
    ).one()
    return int(row[0]), float(row[1])
