"""Proposals with their signatures, what the committee said, the presentations, and the public vote."""

from collections.abc import Sequence

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.tables import (
    CommitteeDecision,
    Decision,
    DecisionKind,
    DecisionState,
    PopularVote,
    PresentationSlot,
    Signature,
)
from shared.contracts.ids import EntryId
from shared.contracts.voting import PopularVoteCertified


async def decision(
    session: AsyncSession, contest_id: str, kind: DecisionKind, state: DecisionState
) -> Decision | None:
    """The open proposal, or the published decision, of that kind."""
    query = select(Decision).where(
        Decision.contest_id == contest_id, Decision.kind == kind.value, Decision.state == state.value
    )
    return (await session.exec(query)).one_or_none()


async def decisions(session: AsyncSession, contest_id: str) -> Sequence[Decision]:
    """Every proposal ever made in the contest, the newest first."""
    query = select(Decision).where(Decision.contest_id == contest_id)
    return (await session.exec(query.order_by(col(Decision.proposed_at).desc()))).all()


async def next_number(session: AsyncSession, contest_id: str, kind: DecisionKind) -> int:
    """The number of the next proposal of that kind; the caller has taken the contest's turn."""
    query = select(func.max(col(Decision.number))).where(
        Decision.contest_id == contest_id, Decision.kind == kind.value
    )
    return ((await session.exec(query)).one() or 0) + 1


async def signatures(
    session: AsyncSession, contest_id: str, kind: DecisionKind, number: int
) -> Sequence[Signature]:
    """Who approved a proposal, in that order."""
    query = select(Signature).where(
        Signature.contest_id == contest_id, Signature.kind == kind.value, Signature.number == number
    )
    return (await session.exec(query.order_by(col(Signature.signed_at)))).all()


async def committee(session: AsyncSession, contest_id: str) -> dict[str, tuple[EntryId, ...]]:
    """The committee's orders by scope."""
    query = select(CommitteeDecision).where(CommitteeDecision.contest_id == contest_id)
    return {
        found.scope: tuple(EntryId(entry_id) for entry_id in found.entry_ids)
        for found in await session.exec(query)
    }


async def committee_decisions(session: AsyncSession, contest_id: str) -> Sequence[CommitteeDecision]:
    """What the committee decided, as recorded."""
    query = select(CommitteeDecision).where(CommitteeDecision.contest_id == contest_id)
    return (await session.exec(query.order_by(CommitteeDecision.scope))).all()


async def slots(session: AsyncSession, contest_id: str) -> Sequence[PresentationSlot]:
    """The presentations in the order of time."""
    query = select(PresentationSlot).where(PresentationSlot.contest_id == contest_id)
    return (await session.exec(query.order_by(col(PresentationSlot.starts_at)))).all()


async def slot_of(session: AsyncSession, contest_id: str, entry_id: str) -> PresentationSlot | None:
    """The presentation of an entry."""
    query = select(PresentationSlot).where(
        PresentationSlot.contest_id == contest_id, PresentationSlot.entry_id == entry_id
    )
    return (await session.exec(query)).one_or_none()


async def keep_popular_vote(session: AsyncSession, event: PopularVoteCertified) -> None:
    """Keep the certified public vote unless a higher revision is known."""
    row = {
        "contest_id": event.contest_id,
        "revision": event.revision,
        "totals": {total.entry_id: total.counted for total in event.totals},
        "winner_entry_id": event.winner_entry_id,
        "counted": event.counted,
        "certified_at": event.certified_at,
    }
    statement = insert(PopularVote).values(row)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["contest_id"],
            set_={name: statement.excluded[name] for name in row if name != "contest_id"},
            where=col(PopularVote.revision) < statement.excluded.revision,
        )
    )


async def popular_vote(session: AsyncSession, contest_id: str) -> PopularVote | None:
    """The certified public vote."""
    return await session.get(PopularVote, contest_id)
