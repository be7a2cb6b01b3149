"""Judges, their recusals and what they are assigned."""

from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.tables import Assignment, Judge, Recusal


async def judge(session: AsyncSession, contest_id: str, judge_id: str, *, lock: bool = False) -> Judge | None:
    """One judge; with ``lock`` nobody else changes it until the transaction ends."""
    query = select(Judge).where(Judge.contest_id == contest_id, Judge.judge_id == judge_id)
    return (await session.exec(query.with_for_update() if lock else query)).one_or_none()


async def judge_of(session: AsyncSession, contest_id: str, contact_id: str) -> Judge | None:
    """The contact as a judge of the contest."""
    query = select(Judge).where(Judge.contest_id == contest_id, Judge.contact_id == contact_id)
    return (await session.exec(query)).one_or_none()


async def judges(session: AsyncSession, contest_id: str) -> Sequence[Judge]:
    """Everyone who was invited, in that order."""
    query = select(Judge).where(Judge.contest_id == contest_id)
    return (await session.exec(query.order_by(col(Judge.invited_at), Judge.judge_id))).all()


async def recusals(session: AsyncSession, contest_id: str, judge_id: str | None = None) -> Sequence[Recusal]:
    """Who must not score what: of one judge, or of all."""
    query = select(Recusal).where(Recusal.contest_id == contest_id)
    if judge_id is not None:
        query = query.where(Recusal.judge_id == judge_id)
    return (await session.exec(query.order_by(col(Recusal.recused_at), Recusal.judge_id))).all()


async def recusal(session: AsyncSession, contest_id: str, judge_id: str, entry_id: str) -> Recusal | None:
    """Whether the judge must not score the entry."""
    return await session.get(Recusal, (contest_id, judge_id, entry_id))


async def assignments(
    session: AsyncSession,
    contest_id: str,
    *,
    scoring_round: str | None = None,
    judge_id: str | None = None,
    entry_id: str | None = None,
) -> Sequence[Assignment]:
    """Assignments, filtered."""
    query = select(Assignment).where(Assignment.contest_id == contest_id)
    if scoring_round is not None:
        query = query.where(Assignment.round == scoring_round)
    if judge_id is not None:
        query = query.where(Assignment.judge_id == judge_id)
    if entry_id is not None:
        query = query.where(Assignment.entry_id == entry_id)
    return (await session.exec(query.order_by(Assignment.judge_id, Assignment.entry_id))).all()


async def assignment(
    session: AsyncSession, contest_id: str, scoring_round: str, judge_id: str, entry_id: str
) -> Assignment | None:
    """One assignment."""
    return await session.get(Assignment, (contest_id, scoring_round, judge_id, entry_id))
