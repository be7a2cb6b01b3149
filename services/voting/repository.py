"""Every question that voting asks of its database, apart from the tally's own statements."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain.outcomes import Outcome, Totals
from services.voting.tables import (
    Certification,
    EntryCount,
    Finalist,
    IdentityPepper,
    IssuedBallot,
    PartitionCount,
    PartitionSeal,
    SealingStart,
    Shortlist,
    UncountedVote,
    Vote,
    VoteWindow,
    WithdrawnEntry,
)
from services.voting.tally import GROUP
from shared.contracts.scoring import ShortlistPublished
from shared.contracts.voting import VoteCast
from shared.messaging.tables import CONSUMER_FENCE

_PEPPER_BYTES = 32


@dataclass(frozen=True, slots=True)
class Tracked:
    """What is known of one receipt."""

    contest_id: str
    outcome: Outcome
    partition: int
    offset: int
    cast_at: datetime
    folded_at: datetime


async def keep_shortlist(session: AsyncSession, event: ShortlistPublished) -> bool:
    """Replace the contest's finalists unless a newer shortlist is known; whether it was new."""
    statement = insert(Shortlist).values(contest_id=event.contest_id, revision=event.revision)
    statement = statement.on_conflict_do_update(
        index_elements=["contest_id"],
        set_={"revision": statement.excluded.revision},
        where=col(Shortlist.revision) < statement.excluded.revision,
    )
    if (await session.execute(statement.returning(col(Shortlist.revision)))).first() is None:
        return False
    await session.execute(delete(Finalist).where(col(Finalist.contest_id) == event.contest_id))
    for finalist in event.finalists:
        session.add(
            Finalist(
                contest_id=event.contest_id,
                entry_id=finalist.entry_id,
                category_id=finalist.category_id,
                title_th=finalist.title.th,
                title_en=finalist.title.en,
                applicant_name=finalist.applicant_name,
                province_code=finalist.province_code,
                summary_th=finalist.summary.th if finalist.summary else "",
                summary_en=finalist.summary.en if finalist.summary else "",
                rank=finalist.rank,
            )
        )
    await session.flush()
    return True


async def keep_withdrawal(
    session: AsyncSession, contest_id: str, entry_id: str, revision: int, withdrawn_at: datetime
) -> None:
    """Remember that the entry left."""
    statement = insert(WithdrawnEntry).values(
        contest_id=contest_id, entry_id=entry_id, revision=revision, withdrawn_at=withdrawn_at
    )
    await session.execute(statement.on_conflict_do_nothing())


async def finalists(session: AsyncSession, contest_id: str) -> Sequence[Finalist]:
    """The shortlist, in the order of entry ids, which says nothing about rank."""
    found = await session.execute(
        select(Finalist).where(col(Finalist.contest_id) == contest_id).order_by(col(Finalist.entry_id))
    )
    return found.scalars().all()


async def withdrawn(session: AsyncSession, contest_id: str) -> frozenset[str]:
    """The entries that left, on the ballot or not."""
    found = await session.execute(
        select(col(WithdrawnEntry.entry_id)).where(col(WithdrawnEntry.contest_id) == contest_id)
    )
    return frozenset(found.scalars())


async def window(session: AsyncSession, contest_id: str, *, lock: bool = False) -> VoteWindow | None:
    """The contest's vote; None before its opening."""
    return await session.get(VoteWindow, contest_id, with_for_update=lock or None)


async def windows(session: AsyncSession) -> Sequence[VoteWindow]:
    """Every vote that was ever opened."""
    return (await session.execute(select(VoteWindow).order_by(col(VoteWindow.contest_id)))).scalars().all()


async def totals(session: AsyncSession, contest_id: str) -> Totals:
    """What became of everything received so far."""
    columns = [
        func.coalesce(func.sum(getattr(PartitionCount, name)), 0) for name in Totals.__dataclass_fields__
    ]
    row = (await session.execute(select(*columns).where(col(PartitionCount.contest_id) == contest_id))).one()
    return Totals(*(int(value) for value in row))


async def counted_by_entry(session: AsyncSession, contest_id: str) -> dict[str, int]:
    """Counted votes by entry, from the counters."""
    found = await session.execute(
        select(col(EntryCount.entry_id), func.sum(col(EntryCount.counted)))
        .where(col(EntryCount.contest_id) == contest_id)
        .group_by(col(EntryCount.entry_id))
    )
    return {entry_id: int(counted) for entry_id, counted in found}


async def partitions(session: AsyncSession, contest_id: str) -> Sequence[PartitionCount]:
    """The counters of each partition."""
    found = await session.execute(
        select(PartitionCount)
        .where(col(PartitionCount.contest_id) == contest_id)
        .order_by(col(PartitionCount.partition))
    )
    return found.scalars().all()


async def seals(session: AsyncSession, contest_id: str) -> dict[int, int]:
    """The offset of each partition's first seal."""
    found = await session.execute(
        select(col(PartitionSeal.partition), col(PartitionSeal.offset))
        .where(col(PartitionSeal.contest_id) == contest_id)
        .order_by(col(PartitionSeal.partition))
    )
    return {row[0]: row[1] for row in found}


async def keep_seals(session: AsyncSession, contest_id: str, offsets: dict[int, int]) -> None:
    """Record first seals; a partition that has one keeps it."""
    rows = [{"contest_id": contest_id, "partition": p, "offset": o} for p, o in sorted(offsets.items())]
    await session.execute(insert(PartitionSeal).values(rows).on_conflict_do_nothing())


async def sealing_starts(session: AsyncSession, contest_id: str, ends: dict[int, int]) -> dict[int, int]:
    """Where the search for first seals begins: ``ends`` if nobody tried before, else what he recorded."""
    rows = [{"contest_id": contest_id, "partition": p, "offset": o} for p, o in sorted(ends.items())]
    await session.execute(insert(SealingStart).values(rows).on_conflict_do_nothing())
    found = await session.execute(
        select(col(SealingStart.partition), col(SealingStart.offset)).where(
            col(SealingStart.contest_id) == contest_id
        )
    )
    return {row[0]: row[1] for row in found}


async def folded_up_to(session: AsyncSession, group: str = GROUP) -> dict[int, int]:
    """The next offset of the tally, or of another group, in each partition of the vote log."""
    fence = CONSUMER_FENCE.c
    found = await session.execute(
        select(fence.partition, fence.next_offset).where(
            fence.consumer_group == group, fence.topic == VoteCast.TOPIC
        )
    )
    return {row[0]: row[1] for row in found}


async def track(session: AsyncSession, receipt: str) -> Tracked | None:
    """What became of the ballot with this receipt; None while the tally has not met it.

    A receipt that counts is told before its own repetitions.
    """
    contests = select(col(PartitionCount.contest_id)).distinct()  # the indexes begin with the contest
    vote = (
        await session.execute(
            select(Vote).where(col(Vote.contest_id).in_(contests), col(Vote.receipt_id) == receipt).limit(1)
        )
    ).scalar_one_or_none()
    if vote is not None:
        return Tracked(
            vote.contest_id, Outcome(vote.state), vote.partition, vote.offset, vote.cast_at, vote.folded_at
        )
    uncounted = (
        await session.execute(
            select(UncountedVote)
            .where(col(UncountedVote.contest_id).in_(contests), col(UncountedVote.receipt_id) == receipt)
            .order_by(col(UncountedVote.offset))
            .limit(1)
        )
    ).scalar_one_or_none()
    if uncounted is None:
        return None
    return Tracked(
        uncounted.contest_id,
        Outcome(uncounted.outcome),
        uncounted.partition,
        uncounted.offset,
        uncounted.cast_at,
        uncounted.folded_at,
    )


async def vote_of(session: AsyncSession, contest_id: str, slot: str, voter_id: str) -> Vote | None:
    """The voter's first vote in this slot, whether it is counted, held or struck."""
    return await session.get(Vote, (contest_id, slot, voter_id))


async def pepper(session: AsyncSession, contest_id: str) -> bytes:
    """The contest's pepper, made on first use; the same for every process. Empty once it was destroyed."""
    fresh = secrets.token_bytes(_PEPPER_BYTES)
    statement = insert(IdentityPepper).values(contest_id=contest_id, pepper=fresh).on_conflict_do_nothing()
    await session.execute(statement)
    found = await session.execute(
        select(col(IdentityPepper.pepper)).where(col(IdentityPepper.contest_id) == contest_id)
    )
    return bytes(found.scalar_one())


async def destroyed_peppers(session: AsyncSession) -> frozenset[str]:
    """The contests whose identity keys are gone."""
    found = await session.execute(
        select(col(IdentityPepper.contest_id)).where(func.length(col(IdentityPepper.pepper)) == 0)
    )
    return frozenset(found.scalars())


@dataclass(frozen=True, slots=True)
class Recounted:
    """The vote counted once more from its rows, not from the counters."""

    by_entry: dict[str, int]
    totals: Totals


_RECOUNT_VOTES = text(
    "SELECT entry_id, state, count(*) FROM vote WHERE contest_id = :contest_id GROUP BY entry_id, state"
)
_RECOUNT_UNCOUNTED = text(
    "SELECT outcome, count(*) FROM uncounted_vote WHERE contest_id = :contest_id GROUP BY outcome"
)


async def recount(session: AsyncSession, contest_id: str) -> Recounted:
    """Count every row of the contest again."""
    by_entry: dict[str, int] = {}
    numbers: dict[str, int] = dict.fromkeys(Totals.__dataclass_fields__, 0)
    parameters: dict[str, Any] = {"contest_id": contest_id}
    for entry_id, state, count in await session.execute(_RECOUNT_VOTES, parameters):
        numbers[state] += count
        if state == Outcome.COUNTED:
            by_entry[entry_id] = count
    for outcome, count in await session.execute(_RECOUNT_UNCOUNTED, parameters):
        numbers[outcome] += count
    return Recounted(by_entry, Totals(**numbers))


_KEEP_ISSUED_BALLOTS = text(
    """
    INSERT INTO issued_ballot (contest_id, voter_id, mail_class, first_issued_at, domain, shape)
    SELECT :contest_id, voter_id, CAST(:mail_class AS int), CAST(:now AS timestamptz), :domain, :shape
    FROM unnest(CAST(:voters AS text[])) AS voter_id
    ON CONFLICT DO NOTHING
    """
)


async def keep_issued_ballots(
    session: AsyncSession,
    contest_id: str,
    voter_ids: Sequence[str],
    mail_class: int,
    now: datetime,
    *,
    domain: str = "",
    shape: str = "",
) -> None:
    """Remember who holds a ballot; a voter who asks again is still one.

    ``domain`` and ``shape`` are keyed hashes for the detectors, empty where they are not to look.
    """
    await session.execute(
        _KEEP_ISSUED_BALLOTS,
        {
            "contest_id": contest_id,
            "voters": list(voter_ids),
            "mail_class": mail_class,
            "now": now,
            "domain": domain,
            "shape": shape,
        },
    )


async def ballots_issued(session: AsyncSession, contest_id: str) -> int:
    """How many voters hold a ballot."""
    found = await session.execute(
        select(func.count()).select_from(IssuedBallot).where(col(IssuedBallot.contest_id) == contest_id)
    )
    return int(found.scalar_one())


async def certification(
    session: AsyncSession, contest_id: str, *, lock: bool = False
) -> Certification | None:
    """The certification of the contest, proposed or done."""
    return await session.get(Certification, contest_id, with_for_update=lock or None)


_BALLOTS_BY_HOUR = text(
    """
    SELECT entry_id, date_trunc('hour', cast_at) AS hour, count(*) AS votes
    FROM vote WHERE contest_id = :contest_id AND state = 'counted'
    GROUP BY entry_id, hour ORDER BY hour, entry_id
    """
)


async def ballots_by_hour(session: AsyncSession, contest_id: str) -> list[tuple[str, datetime, int]]:
    """Counted ballots as open data: entry, hour and number, linked to nobody."""
    rows = await session.execute(_BALLOTS_BY_HOUR, {"contest_id": contest_id})
    return [(row.entry_id, row.hour, row.votes) for row in rows]


_PENDING = text(
    """
    SELECT EXISTS (SELECT FROM vote_window WHERE state IN ('open', 'closing'))
        OR EXISTS (
            SELECT FROM partition_seal AS seal
            LEFT JOIN consumer_fence AS fence
                ON fence.consumer_group = :consumer_group AND fence.topic = :topic
                AND fence.partition = seal.partition
            WHERE coalesce(fence.next_offset, 0) <= seal."offset")
    """
)


async def anything_pending(session: AsyncSession) -> bool:
    """Whether a receipt that is unknown here may still turn up: a vote is open, or not yet all counted."""
    found = await session.execute(_PENDING, {"consumer_group": GROUP, "topic": VoteCast.TOPIC})
    return bool(found.scalar_one())
