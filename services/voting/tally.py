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

from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.vote_log import Log, LoggedVote, log_of, read_log
from shared.clock import Clock
from shared.contracts.ids import ContestId, EntryId
from shared.contracts.voting import TallyChanged, VoteCast, VotingSealed
from shared.messaging import Delivered, publish
from shared.messaging.codec import RawRecord

GROUP = "voting-tally"

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
# A plan that was made while the table was small must not be kept: it would read all of it, for ever.
_PLAN_ANEW = text("SET LOCAL plan_cache_mode = force_custom_plan")
_FOLD = text(
    """
    WITH batch AS MATERIALIZED (
        SELECT * FROM unnest(
            CAST(:contests AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]),
            CAST(:slots AS text[]), CAST(:voters AS text[]), CAST(:receipts AS text[]),
            CAST(:entries AS text[]), CAST(:cast_ats AS timestamptz[]), CAST(:in_time AS boolean[]))
            WITH ORDINALITY AS batch (contest_id, partition, "offset", slot, voter_id, receipt_id, entry_id,
                                      cast_at, in_time, position)
    ), counted AS (
        INSERT INTO vote (contest_id, slot, voter_id, receipt_id, entry_id, partition, "offset", state,
                          cast_at, folded_at)
        SELECT contest_id, slot, voter_id, receipt_id, entry_id, partition, "offset", 'counted',
               cast_at, clock_timestamp()
        FROM batch WHERE in_time ORDER BY position
        ON CONFLICT DO NOTHING
        RETURNING contest_id, entry_id, partition, "offset"
    ), others AS MATERIALIZED (
        SELECT * FROM batch WHERE NOT EXISTS (
            SELECT FROM counted
            WHERE counted.contest_id = batch.contest_id AND counted.partition = batch.partition
              AND counted."offset" = batch."offset")
    ), uncounted AS (
        INSERT INTO uncounted_vote (contest_id, partition, "offset", receipt_id, outcome, cast_at, folded_at)
        SELECT contest_id, partition, "offset", receipt_id,
               CASE WHEN in_time THEN 'duplicate' ELSE 'late' END, cast_at, clock_timestamp()
        FROM others
        WHERE NOT EXISTS (  -- the record that counts, delivered once more, is no duplicate of itself
            SELECT FROM vote
            WHERE vote.contest_id = others.contest_id AND vote.slot = others.slot
              AND vote.voter_id = others.voter_id
              AND vote.partition = others.partition AND vote."offset" = others."offset"
            OFFSET 0)  -- looked up vote by vote: as a join it may read the whole table
        ON CONFLICT DO NOTHING
        RETURNING contest_id, partition, outcome
    ), entries AS (
        INSERT INTO entry_count (contest_id, entry_id, partition, counted)
        SELECT contest_id, entry_id, partition, count(*) FROM counted GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (contest_id, entry_id, partition)
        DO UPDATE SET counted = entry_count.counted + excluded.counted
    )
    INSERT INTO partition_count (contest_id, partition, counted, duplicate, late, held, struck)
    SELECT contest_id, partition, count(*) FILTER (WHERE outcome = 'counted'),
           count(*) FILTER (WHERE outcome = 'duplicate'), count(*) FILTER (WHERE outcome = 'late'), 0, 0
    FROM (SELECT contest_id, partition, 'counted' AS outcome FROM counted
          UNION ALL SELECT contest_id, partition, outcome FROM uncounted) AS new
    GROUP BY 1, 2 ORDER BY 1, 2
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


async def fold_records(
    session: AsyncSession, records: Sequence[RawRecord]
) -> Sequence[tuple[RawRecord, str]]:
    """Fold one turn of the vote log, whose partitions are each in offset order.

    Afterwards received = counted + duplicate + late + held + struck holds for every contest in it,
    whatever part of the turn had been folded before.

    Returns:
        The records that cannot be read, each with the reason.
    """
    log = read_log(records)
    await _fold(session, log)
    return log.unusable


async def fold_votes(session: AsyncSession, batch: Sequence[Delivered[VoteCast | VotingSealed]]) -> None:
    """:func:`fold_records` for events that were read already."""
    await _fold(session, log_of(batch))


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


async def _fold(session: AsyncSession, log: Log) -> None:
    if not log.votes and not log.seals:
        return
    seals = await _seals_known_after(session, log)
    if not log.votes:
        return
    await session.execute(_PLAN_ANEW)
    await session.execute(
        _FOLD,
        {
            "contests": [vote.contest_id for vote in log.votes],
            "partitions": [vote.partition for vote in log.votes],
            "offsets": [vote.offset for vote in log.votes],
            "slots": [vote.slot for vote in log.votes],
            "voters": [vote.voter_id for vote in log.votes],
            "receipts": [vote.receipt_id for vote in log.votes],
            "entries": [vote.entry_id for vote in log.votes],
            "cast_ats": [vote.cast_at for vote in log.votes],
            "in_time": [_in_time(vote, seals) for vote in log.votes] if seals else [True] * len(log.votes),
        },
    )


def _in_time(vote: LoggedVote, seals: dict[tuple[str, int], int]) -> bool:
    sealed_at = seals.get((vote.contest_id, vote.partition))
    return sealed_at is None or vote.offset < sealed_at


async def _seals_known_after(session: AsyncSession, log: Log) -> dict[tuple[str, int], int]:
    """The first seal of each partition in ``log``, those that it brings included."""
    if log.seals:
        contests, partitions, offsets = zip(*log.seals, strict=True)
        await session.execute(
            _KEEP_FIRST_SEALS, {"contests": contests, "partitions": partitions, "offsets": offsets}
        )
    places = {(vote.contest_id, vote.partition) for vote in log.votes}
    rows = await session.execute(
        _SEALS,
        {"contests": sorted({c for c, _ in places}), "partitions": sorted({p for _, p in places})},
    )
    return {(contest_id, partition): offset for contest_id, partition, offset in rows}
