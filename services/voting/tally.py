"""The tally: votes on the log become rows, and rows become counts.

The log decides everything. A record's place in it says whether it came before the seal; the database's
unique keys say whether its voter already has a vote. Nothing is remembered between two batches, and a
count grows only by rows that an INSERT returned, so a batch that is folded twice counts once.

One batch is one transaction, opened by the messaging kit together with the consumer's fence:

    votes ── behind their seal? ──► late ──────────────┐
      │                                                ├──► uncounted_vote ──► partition_count
      └──► vote ── key taken? ────► duplicate ─────────┘
             └──────► counted ──► entry_count, partition_count

No row is written by two workers: all records of a voter lie in one partition, and every counter
belongs to one. :func:`services.voting.domain.outcomes.judge_votes` is the same rule in pure Python,
against which the tests hold this module; ``audit.py`` is a third account that shares nothing with it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import TextClause, text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain.outcomes import Outcome
from shared.clock import Clock
from shared.contracts.ids import ContestId, EntryId
from shared.contracts.voting import TallyChanged, VoteCast, VotingSealed
from shared.messaging import Delivered, publish

GROUP = "voting-tally"


class Place(NamedTuple):
    """Where a record lies. The contest comes first: several share the topic."""

    contest_id: str
    partition: int
    offset: int


Votes = Mapping[Place, VoteCast]
"""Votes in log order."""

_KEEP_FIRST_SEALS = text(
    """
    INSERT INTO partition_seal (contest_id, partition, "offset")
    SELECT DISTINCT ON (contest_id, partition) contest_id, partition, "offset"
    FROM unnest(CAST(:contests AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]))
        AS sealed (contest_id, partition, "offset")
    ORDER BY contest_id, partition, "offset"
    ON CONFLICT DO NOTHING
    """
)
_SEALS = text(
    """
    SELECT contest_id, partition, "offset" FROM partition_seal
    WHERE contest_id = ANY(CAST(:contests AS text[])) AND partition = ANY(CAST(:partitions AS int[]))
    """
)
_INSERT_VOTES = text(
    """
    INSERT INTO vote (contest_id, slot, voter_id, receipt_id, entry_id, partition, "offset", state,
                      cast_at, folded_at)
    SELECT contest_id, slot, voter_id, receipt_id, entry_id, partition, "offset", 'counted',
           cast_at, clock_timestamp()
    FROM unnest(CAST(:contests AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]),
                CAST(:slots AS text[]), CAST(:voters AS text[]), CAST(:receipts AS text[]),
                CAST(:entries AS text[]), CAST(:cast_ats AS timestamptz[]))
        WITH ORDINALITY AS batch (contest_id, partition, "offset", slot, voter_id, receipt_id, entry_id,
                                  cast_at, position)
    ORDER BY position
    ON CONFLICT DO NOTHING
    RETURNING contest_id, partition, "offset"
    """
)
_INSERT_UNCOUNTED = text(
    """
    INSERT INTO uncounted_vote (contest_id, partition, "offset", receipt_id, outcome, cast_at, folded_at)
    SELECT contest_id, partition, "offset", receipt_id, :outcome, cast_at, clock_timestamp()
    FROM unnest(CAST(:contests AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]),
                CAST(:slots AS text[]), CAST(:voters AS text[]), CAST(:receipts AS text[]),
                CAST(:entries AS text[]), CAST(:cast_ats AS timestamptz[]))
        AS batch (contest_id, partition, "offset", slot, voter_id, receipt_id, entry_id, cast_at)
    WHERE NOT EXISTS (  -- the record that counts, delivered once more, is no duplicate of itself
        SELECT FROM vote
        WHERE vote.contest_id = batch.contest_id AND vote.slot = batch.slot
          AND vote.voter_id = batch.voter_id
          AND vote.partition = batch.partition AND vote."offset" = batch."offset")
    ON CONFLICT DO NOTHING
    RETURNING contest_id, partition, "offset"
    """
)
_ADD_TO_ENTRIES = text(
    """
    INSERT INTO entry_count (contest_id, entry_id, partition, counted)
    SELECT * FROM unnest(CAST(:contests AS text[]), CAST(:entries AS text[]),
                         CAST(:partitions AS int[]), CAST(:counted AS bigint[]))
    ON CONFLICT (contest_id, entry_id, partition)
    DO UPDATE SET counted = entry_count.counted + excluded.counted
    """
)
_ADD_TO_PARTITIONS = text(
    """
    INSERT INTO partition_count (contest_id, partition, counted, duplicate, late, held, struck)
    SELECT contest_id, partition, counted, duplicate, late, 0, 0
    FROM unnest(CAST(:contests AS text[]), CAST(:partitions AS int[]), CAST(:counted AS bigint[]),
                CAST(:duplicate AS bigint[]), CAST(:late AS bigint[]))
        AS batch (contest_id, partition, counted, duplicate, late)
    ON CONFLICT (contest_id, partition)
    DO UPDATE SET counted = partition_count.counted + excluded.counted,
                  duplicate = partition_count.duplicate + excluded.duplicate,
                  late = partition_count.late + excluded.late
    """
)
_TAKE_CHANGED = text(
    """
    INSERT INTO published_tally (contest_id, entry_id, revision, counted)
    SELECT contest_id, entry_id, 1, sum(counted) FROM entry_count GROUP BY contest_id, entry_id
    ON CONFLICT (contest_id, entry_id)
    DO UPDATE SET revision = published_tally.revision + 1, counted = excluded.counted
    WHERE published_tally.counted <> excluded.counted
    RETURNING contest_id, entry_id, revision, counted
    """
)


async def fold_votes(session: AsyncSession, batch: Sequence[Delivered[VoteCast | VotingSealed]]) -> None:
    """Fold one batch of the vote log, whose partitions are each in offset order.

    Afterwards received = counted + duplicate + late + held + struck holds for every contest in it,
    whatever part of the batch had been folded before.
    """
    seals = await _seals_known_after(session, batch)
    in_time: dict[Place, VoteCast] = {}
    late: dict[Place, VoteCast] = {}
    for record in batch:
        if isinstance(record.event, VoteCast):
            place = _place(record)
            sealed_at = seals.get(place[:2])
            side = in_time if sealed_at is None or place.offset < sealed_at else late
            side[place] = record.event

    counted = await _insert(session, _INSERT_VOTES, in_time)
    taken = {place: vote for place, vote in in_time.items() if place not in counted}
    duplicate = await _insert(session, _INSERT_UNCOUNTED, taken, outcome=Outcome.DUPLICATE.value)
    behind = await _insert(session, _INSERT_UNCOUNTED, late, outcome=Outcome.LATE.value)

    await _add_to_entries(session, Counter((p.contest_id, in_time[p].entry_id, p.partition) for p in counted))
    await _add_to_partitions(session, counted, duplicate, behind)


async def publish_changed(session: AsyncSession, clock: Clock) -> int:
    """Tell of every entry whose count differs from the one last told; run about once a second.

    Returns:
        How many TallyChanged were written.
    """
    changed = sorted((await session.execute(_TAKE_CHANGED)).all())
    for contest_id, entry_id, revision, counted in changed:
        event = TallyChanged(
            contest_id=ContestId(contest_id),
            entry_id=EntryId(entry_id),
            revision=revision,
            counted=counted,
            changed_at=await clock.now(session, contest_id),
        )
        await publish(session, event)
    return len(changed)


def _place(record: Delivered[VoteCast | VotingSealed]) -> Place:
    return Place(record.event.contest_id, record.envelope.partition, record.envelope.offset)


async def _seals_known_after(
    session: AsyncSession, batch: Sequence[Delivered[VoteCast | VotingSealed]]
) -> dict[tuple[str, int], int]:
    """The first seal of each partition in ``batch``, those that it brings included."""
    sealed = [_place(record) for record in batch if isinstance(record.event, VotingSealed)]
    if sealed:
        await session.execute(_KEEP_FIRST_SEALS, _columns(sealed))
    places = {_place(record)[:2] for record in batch}
    rows = await session.execute(
        _SEALS,
        {"contests": sorted({c for c, _ in places}), "partitions": sorted({p for _, p in places})},
    )
    return {(contest_id, partition): offset for contest_id, partition, offset in rows}


async def _insert(session: AsyncSession, statement: TextClause, votes: Votes, **fixed: str) -> set[Place]:
    """Run one of the two bulk inserts; the places of the rows that were new."""
    if not votes:
        return set()
    columns = _columns(votes) | {
        "slots": [vote.slot for vote in votes.values()],
        "voters": [vote.voter_id for vote in votes.values()],
        "receipts": [vote.receipt_id for vote in votes.values()],
        "entries": [vote.entry_id for vote in votes.values()],
        "cast_ats": [vote.cast_at for vote in votes.values()],
    }
    rows = await session.execute(statement, columns | fixed)
    return {Place(*row) for row in rows}


def _columns(places: Iterable[Place]) -> dict[str, list[object]]:
    contests, partitions, offsets = zip(*places, strict=True)
    return {"contests": list(contests), "partitions": list(partitions), "offsets": list(offsets)}


async def _add_to_entries(session: AsyncSession, counted: Counter[tuple[str, str, int]]) -> None:
    if not counted:
        return
    keys = sorted(counted)
    await session.execute(
        _ADD_TO_ENTRIES,
        {
            "contests": [contest_id for contest_id, _, _ in keys],
            "entries": [entry_id for _, entry_id, _ in keys],
            "partitions": [partition for _, _, partition in keys],
            "counted": [counted[key] for key in keys],
        },
    )


async def _add_to_partitions(
    session: AsyncSession, counted: set[Place], duplicate: set[Place], late: set[Place]
) -> None:
    outcomes = [Counter(place[:2] for place in places) for places in (counted, duplicate, late)]
    keys = sorted(set().union(*outcomes))
    if not keys:
        return
    await session.execute(
        _ADD_TO_PARTITIONS,
        {
            "contests": [contest_id for contest_id, _ in keys],
            "partitions": [partition for _, partition in keys],
            "counted": [outcomes[0][key] for key in keys],
            "duplicate": [outcomes[1][key] for key in keys],
            "late": [outcomes[2][key] for key in keys],
        },
    )
