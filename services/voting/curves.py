"""How votes came in over time, for the staff's board."""

from datetime import datetime

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

# statement_timestamp() is one instant for the statement, so the indexes on folded_at can be used.
_VOTES_PER_MINUTE = text(
    """
    SELECT minute, coalesce(votes, 0) AS votes
    FROM generate_series(date_trunc('minute', statement_timestamp()) - interval '29 minutes',
                         date_trunc('minute', statement_timestamp()), interval '1 minute') AS minute
    LEFT JOIN (
        SELECT date_trunc('minute', folded_at) AS minute, count(*) AS votes FROM (
            SELECT folded_at FROM vote WHERE contest_id = :contest_id
                AND folded_at > statement_timestamp() - interval '31 minutes'
            UNION ALL
            SELECT folded_at FROM uncounted_vote WHERE contest_id = :contest_id
                AND folded_at > statement_timestamp() - interval '31 minutes') AS recent
        GROUP BY 1) AS counted USING (minute)
    ORDER BY minute
    """
)


async def votes_per_minute(session: AsyncSession, contest_id: str) -> list[int]:
    """Votes received in each of the last thirty minutes, the present one last."""
    rows = await session.execute(_VOTES_PER_MINUTE, {"contest_id": contest_id})
    return [int(row.votes) for row in rows]


_VOTES_OVER_TIME = text(
    """
    SELECT step, coalesce(votes, 0) AS votes
    FROM generate_series(1, :steps) AS step
    LEFT JOIN (
        SELECT least(width_bucket(extract(epoch FROM cast_at), :starts, :ends, :steps), :steps) AS step,
               count(*) AS votes
        FROM (SELECT cast_at FROM vote WHERE contest_id = :contest_id
              UNION ALL
              SELECT cast_at FROM uncounted_vote WHERE contest_id = :contest_id) AS received
        GROUP BY 1) AS counted USING (step)
    ORDER BY step
    """
)


async def votes_over_time(
    session: AsyncSession, contest_id: str, opened: datetime, closed: datetime, *, steps: int = 40
) -> list[int]:
    """Votes received in each of ``steps`` equal parts of the vote, by the contest's clock; the late ones
    stand in the last. Nothing where the vote had no length."""
    if closed <= opened:
        return []
    span = {"starts": opened.timestamp(), "ends": closed.timestamp(), "steps": steps}
    rows = await session.execute(_VOTES_OVER_TIME, {"contest_id": contest_id, **span})
    return [int(row.votes) for row in rows]
