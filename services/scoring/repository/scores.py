"""Scorecards, and what the log says about them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.tables import CountedScore, EntryTotal, Score, ScoreAmendment
from shared.contracts.scoring import ScoreEvent

_LOCK_TOTAL = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('total/' || :contest_id || '/' || :entry_id, 0))"
)
"""The statement after it sees what others committed meanwhile, so the last writer is never stale."""

_RECOMPUTE = text(
    """
    WITH counted AS (
        SELECT score.judge_id, score.points, score.total
        FROM counted_score AS score
        WHERE score.contest_id = :contest_id AND score.round = :round AND score.entry_id = :entry_id
          AND NOT EXISTS (
            SELECT FROM recusal
            WHERE recusal.contest_id = score.contest_id
              AND recusal.judge_id = score.judge_id
              AND recusal.entry_id = score.entry_id)
    ),
    dimensions AS (
        SELECT point.key AS dimension, sum(point.value::int) AS points
        FROM counted, jsonb_each_text(counted.points) AS point
        GROUP BY point.key
    )
    INSERT INTO entry_total (contest_id, round, entry_id, judges, sum_of_totals, sum_of_points)
    SELECT :contest_id, :round, :entry_id, count(*), coalesce(sum(total), 0),
           (SELECT coalesce(jsonb_object_agg(dimension, points), '{}'::jsonb) FROM dimensions)
    FROM counted
    ON CONFLICT (contest_id, round, entry_id) DO UPDATE SET
        judges = excluded.judges,
        sum_of_totals = excluded.sum_of_totals,
        sum_of_points = excluded.sum_of_points
    """
)
"""An entry's total, always from all of its scorecards and never by adding to the last one."""

_LAGGING = text(
    """
    SELECT count(*)
    FROM score
    LEFT JOIN counted_score AS counted USING (contest_id, round, entry_id, judge_id)
    WHERE score.contest_id = :contest_id AND score.round = :round
      AND score.submitted_revision > coalesce(counted.revision, 0)
      AND NOT EXISTS (
        SELECT FROM recusal
        WHERE recusal.contest_id = score.contest_id
          AND recusal.judge_id = score.judge_id
          AND recusal.entry_id = score.entry_id)
    """
)
"""Scorecards that were submitted and have not come back from the log."""

_COUNTED = text(
    """
    SELECT score.entry_id, score.judge_id, score.points
    FROM counted_score AS score
    WHERE score.contest_id = :contest_id AND score.round = :round
      AND NOT EXISTS (
        SELECT FROM recusal
        WHERE recusal.contest_id = score.contest_id
          AND recusal.judge_id = score.judge_id
          AND recusal.entry_id = score.entry_id)
    ORDER BY score.entry_id, score.judge_id
    """
)


async def score(
    session: AsyncSession, contest_id: str, scoring_round: str, entry_id: str, judge_id: str
) -> Score | None:
    """One judge's scorecard."""
    return await session.get(Score, (contest_id, scoring_round, entry_id, judge_id))


async def hold_score(
    session: AsyncSession, contest_id: str, scoring_round: str, entry_id: str, judge_id: str, now: datetime
) -> Score:
    """One judge's scorecard, made empty at revision 0 where there is none; a second save waits."""
    await session.execute(
        insert(Score)
        .values(
            contest_id=contest_id,
            round=scoring_round,
            entry_id=entry_id,
            judge_id=judge_id,
            revision=0,
            points={},
            comments={},
            saved_at=now,
            submitted_revision=0,
        )
        .on_conflict_do_nothing()
    )
    query = select(Score).where(
        Score.contest_id == contest_id,
        Score.round == scoring_round,
        Score.entry_id == entry_id,
        Score.judge_id == judge_id,
    )
    return (await session.exec(query.with_for_update())).one()


async def scores(
    session: AsyncSession,
    contest_id: str,
    *,
    scoring_round: str | None = None,
    judge_id: str | None = None,
    entry_id: str | None = None,
) -> Sequence[Score]:
    """Scorecards, filtered."""
    query = select(Score).where(Score.contest_id == contest_id)
    if scoring_round is not None:
        query = query.where(Score.round == scoring_round)
    if judge_id is not None:
        query = query.where(Score.judge_id == judge_id)
    if entry_id is not None:
        query = query.where(Score.entry_id == entry_id)
    return (await session.exec(query.order_by(Score.entry_id, Score.judge_id))).all()


async def amendments(session: AsyncSession, contest_id: str) -> Sequence[ScoreAmendment]:
    """Every change of a submitted score, the newest first."""
    query = select(ScoreAmendment).where(ScoreAmendment.contest_id == contest_id)
    return (await session.exec(query.order_by(col(ScoreAmendment.amended_at).desc()))).all()


async def count_score(session: AsyncSession, event: ScoreEvent, scored_at: datetime) -> bool:
    """Keep the scorecard that the log tells of unless a higher revision is known.

    Returns:
        Whether it was new.
    """
    statement = insert(CountedScore).values(
        contest_id=event.contest_id,
        round=event.round.value,
        entry_id=event.entry_id,
        judge_id=event.judge_id,
        revision=event.revision,
        points={score.dimension_id: score.points for score in event.scores},
        total=event.total,
        scored_at=scored_at,
    )
    statement = statement.on_conflict_do_update(
        index_elements=["contest_id", "round", "entry_id", "judge_id"],
        set_={name: statement.excluded[name] for name in ("revision", "points", "total", "scored_at")},
        where=col(CountedScore.revision) < statement.excluded.revision,
    )
    kept = await session.execute(statement.returning(col(CountedScore.revision)))
    return kept.first() is not None


async def recompute_total(session: AsyncSession, contest_id: str, scoring_round: str, entry_id: str) -> None:
    """Write the entry's total anew from the scorecards of judges who are not recused."""
    await session.execute(_LOCK_TOTAL, {"contest_id": contest_id, "entry_id": entry_id})
    await session.execute(
        _RECOMPUTE, {"contest_id": contest_id, "round": scoring_round, "entry_id": entry_id}
    )


async def totals(session: AsyncSession, contest_id: str, scoring_round: str) -> dict[str, EntryTotal]:
    """The totals of a round by entry."""
    query = select(EntryTotal).where(EntryTotal.contest_id == contest_id, EntryTotal.round == scoring_round)
    return {total.entry_id: total for total in await session.exec(query)}


async def counted(
    session: AsyncSession, contest_id: str, scoring_round: str
) -> list[tuple[str, str, dict[str, int]]]:
    """What counts in a round: (entry, judge, points), without the scorecards of recused judges."""
    rows = await session.execute(_COUNTED, {"contest_id": contest_id, "round": scoring_round})
    return [(row.entry_id, row.judge_id, row.points) for row in rows]


async def lagging(session: AsyncSession, contest_id: str, scoring_round: str) -> int:
    """How many submitted scorecards are still on their way through the log."""
    result = await session.execute(_LAGGING, {"contest_id": contest_id, "round": scoring_round})
    count: int = result.scalar_one()
    return count


async def drop_scores(session: AsyncSession, contest_id: str, judge_id: str, entry_id: str) -> None:
    """Remove a recused judge's own scorecards of an entry; what the log tells stays, and is not counted."""
    await session.execute(
        delete(Score).where(
            col(Score.contest_id) == contest_id,
            col(Score.judge_id) == judge_id,
            col(Score.entry_id) == entry_id,
        )
    )
