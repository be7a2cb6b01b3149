"""Holding and deciding: votes leave the count and come back, and nothing is ever lost between.

A vote's row says what it is (``counted``, ``held``, ``struck``); the counters follow in the same
transaction, moved by exactly the rows that an UPDATE returned. Rows are locked in the tally's order
(votes, entries, partitions), each sorted, so that a hold and a batch of votes cannot deadlock. A large
case is told in several events, none near Kafka's limit.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import TextClause, text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain.outcomes import Outcome
from shared.contracts.ids import ReceiptId

RECEIPTS_PER_EVENT = 5_000
"""About 90 kB of JSON; a record of Kafka's may have 1 MB."""


class Moved(NamedTuple):
    """A vote whose state changed."""

    entry_id: str
    partition: int
    receipt_id: str


class Voter(NamedTuple):
    """The key of a vote's row."""

    slot: str
    voter_id: str


_HOLD = text(
    """
    WITH wanted AS MATERIALIZED (
        SELECT vote.slot, vote.voter_id
        FROM unnest(CAST(:slots AS text[]), CAST(:voters AS text[])) AS named (slot, voter_id)
        JOIN vote USING (slot, voter_id)
        WHERE vote.contest_id = :contest_id AND vote.state = 'counted' AND NOT EXISTS (
            SELECT FROM held_vote AS decided
            WHERE decided.contest_id = vote.contest_id AND decided.slot = vote.slot
              AND decided.voter_id = vote.voter_id)
        ORDER BY vote.slot, vote.voter_id FOR UPDATE OF vote),
    moved AS (
        UPDATE vote SET state = 'held' FROM wanted
        WHERE vote.contest_id = :contest_id AND vote.slot = wanted.slot AND vote.voter_id = wanted.voter_id
        RETURNING vote.slot, vote.voter_id, vote.entry_id, vote.partition, vote.receipt_id),
    kept AS (
        INSERT INTO held_vote (contest_id, slot, voter_id, case_id, receipt_id, partition)
        SELECT :contest_id, slot, voter_id, :case_id, receipt_id, partition FROM moved)
    SELECT entry_id, partition, receipt_id FROM moved ORDER BY partition, receipt_id
    """
)
_DECIDE = text(
    """
    WITH wanted AS MATERIALIZED (
        SELECT vote.slot, vote.voter_id FROM held_vote JOIN vote USING (contest_id, slot, voter_id)
        WHERE held_vote.contest_id = :contest_id AND held_vote.case_id = :case_id AND vote.state = 'held'
        ORDER BY vote.slot, vote.voter_id FOR UPDATE OF vote),
    moved AS (
        UPDATE vote SET state = :state FROM wanted
        WHERE vote.contest_id = :contest_id AND vote.slot = wanted.slot AND vote.voter_id = wanted.voter_id
        RETURNING vote.entry_id, vote.partition, vote.receipt_id)
    SELECT entry_id, partition, receipt_id FROM moved ORDER BY partition, receipt_id
    """
)
_MOVE_ENTRIES = text(
    """
    INSERT INTO entry_count AS kept (contest_id, entry_id, partition, counted)
    SELECT :contest_id, * FROM unnest(CAST(:entries AS text[]), CAST(:partitions AS int[]),
                                      CAST(:counted AS bigint[]))
    ON CONFLICT (contest_id, entry_id, partition) DO UPDATE SET counted = kept.counted + excluded.counted
    """
)
_MOVE_PARTITIONS = text(
    """
    INSERT INTO partition_count AS kept (contest_id, partition, counted, duplicate, late, held, struck)
    SELECT :contest_id, partition, counted, 0, 0, held, struck
    FROM unnest(CAST(:partitions AS int[]), CAST(:counted AS bigint[]), CAST(:held AS bigint[]),
                CAST(:struck AS bigint[])) AS moved (partition, counted, held, struck)
    ON CONFLICT (contest_id, partition)
    DO UPDATE SET counted = kept.counted + excluded.counted, held = kept.held + excluded.held,
                  struck = kept.struck + excluded.struck
    """
)


async def hold(session: AsyncSession, contest_id: str, case_id: str, voters: Sequence[Voter]) -> list[Moved]:
    """Set aside those of ``voters`` whose votes count, but for what two people released before.

    Returns:
        The votes that were set aside.
    """
    parameters = {
        "contest_id": contest_id,
        "case_id": case_id,
        "slots": [voter.slot for voter in voters],
        "voters": [voter.voter_id for voter in voters],
    }
    return await _moved(session, _HOLD, parameters)


async def decide(session: AsyncSession, contest_id: str, case_id: str, state: Outcome) -> list[Moved]:
    """Give every held vote of a case its final state; the votes that got it."""
    return await _moved(
        session, _DECIDE, {"contest_id": contest_id, "case_id": case_id, "state": state.value}
    )


async def _moved(
    session: AsyncSession, statement: TextClause, parameters: Mapping[str, object]
) -> list[Moved]:
    return [Moved(*row) for row in await session.execute(statement, parameters)]


async def move_counters(
    session: AsyncSession, contest_id: str, moved: Sequence[Moved], before: Outcome, after: Outcome
) -> None:
    """Take ``moved`` out of one column of the counters and put it into another. Run last: the tally
    waits for these rows."""
    by_partition = Counter(vote.partition for vote in moved)
    change = {Outcome.COUNTED: 0, Outcome.HELD: 0, Outcome.STRUCK: 0, before: -1, after: 1}
    if change[Outcome.COUNTED]:
        entries = sorted(Counter((vote.entry_id, vote.partition) for vote in moved).items())
        await session.execute(
            _MOVE_ENTRIES,
            {
                "contest_id": contest_id,
                "entries": [entry_id for (entry_id, _), _ in entries],
                "partitions": [partition for (_, partition), _ in entries],
                "counted": [change[Outcome.COUNTED] * votes for _, votes in entries],
            },
        )
    partitions = sorted(by_partition)
    await session.execute(
        _MOVE_PARTITIONS,
        {
            "contest_id": contest_id,
            "partitions": partitions,
            **{
                outcome.value: [change[outcome] * by_partition[partition] for partition in partitions]
                for outcome in (Outcome.COUNTED, Outcome.HELD, Outcome.STRUCK)
            },
        },
    )


def in_parts(moved: Sequence[Moved]) -> Iterator[tuple[ReceiptId, ...]]:
    """The receipts of ``moved``, as many at a time as one event takes."""
    for start in range(0, len(moved), RECEIPTS_PER_EVENT):
        yield tuple(ReceiptId(vote.receipt_id) for vote in moved[start : start + RECEIPTS_PER_EVENT])
