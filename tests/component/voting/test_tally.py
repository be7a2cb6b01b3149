"""The tally on a real database, held against the rule in pure Python."""

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from services.voting import curves, repository
from services.voting.domain.outcomes import Outcome, ReceivedVote, Totals, judge_votes
from services.voting.tally import fold_votes, publish_changed
from shared.clock import BANGKOK, FixedClock
from shared.contracts.ids import new_id
from shared.contracts.voting import TallyChanged, VoteCast
from shared.db import Database
from shared.messaging import Delivered
from shared.messaging.tables import OUTBOX
from shared.testing.rulebooks import VOTE_OPENS
from tests.component.voting.scenario import a_seal, a_vote, batches_of

Batch = list[Delivered[Any]]


async def fold(database: Database, batch: Batch) -> None:
    async with database.transaction() as session:
        await fold_votes(session, batch)


async def accounts(database: Database, contest_id: str) -> tuple[dict[str, int], Totals]:
    """The counters, after checking them against the rows."""
    async with database.transaction() as session:
        rows = await repository.recount(session, contest_id)
        totals = await repository.totals(session, contest_id)
        counted = await repository.counted_by_entry(session, contest_id)
    assert (rows.by_entry, rows.totals) == ({e: n for e, n in counted.items() if n}, totals)
    return rows.by_entry, totals


async def test_first_vote_of_a_voter_counts_and_a_receipt_counts_once(voting_database: Database) -> None:
    batch: Batch = [
        a_vote("c", "ann", entry="e1", receipt="ra", offset=0),
        a_vote("c", "bob", entry="e2", receipt="rb", offset=1),
        a_vote("c", "ann", entry="e2", receipt="ra2", offset=2),
        a_vote("c", "bob", entry="e2", receipt="rb", offset=3),
        a_vote("c", "bob", entry="e2", receipt="rb", slot="another day", offset=4),
    ]
    await fold(voting_database, batch)
    assert await accounts(voting_database, "c") == ({"e1": 1, "e2": 1}, Totals(counted=2, duplicate=3))
    async with voting_database.transaction() as session:
        found = {receipt: await repository.track(session, receipt) for receipt in ("ra", "ra2", "rb", "rz")}
    outcomes = {receipt: tracked and tracked.outcome for receipt, tracked in found.items()}
    assert outcomes == {
        "ra": Outcome.COUNTED,
        "ra2": Outcome.DUPLICATE,
        "rb": Outcome.COUNTED,
        "rz": None,
    }


async def test_votes_behind_the_first_seal_are_late_and_a_second_seal_changes_nothing(
    voting_database: Database,
) -> None:
    await fold(
        voting_database,
        [
            a_vote("c", "ann", offset=0),
            a_seal("c", partition=0, offset=1),
            a_vote("c", "bob", offset=2),
            a_seal("c", partition=0, offset=3),
            a_vote("other", "bob", offset=4),
        ],
    )
    await fold(voting_database, [a_vote("c", "cid", offset=5), a_vote("c", "dan", partition=1, offset=5)])
    assert (await accounts(voting_database, "c"))[1] == Totals(counted=2, late=2)
    assert (await accounts(voting_database, "other"))[1] == Totals(counted=1)
    async with voting_database.transaction() as session:
        assert await repository.seals(session, "c") == {0: 1}


async def test_log_read_again_from_its_beginning_changes_nothing(voting_database: Database) -> None:
    """Without any fence: what a count must survive when offsets are lost."""
    log: Batch = [
        a_vote("c", f"v{number % 40}", entry=f"e{number % 3}", partition=number % 4, offset=number // 4)
        for number in range(200)
    ]
    log += [a_seal("c", partition=p, offset=100) for p in range(4)] + [a_vote("c", "late", offset=101)]
    for batch in batches_of(log, 17):
        await fold(voting_database, batch)
    before = await accounts(voting_database, "c")
    for size in (1, 50, 500):
        for batch in batches_of(log, size):
            await fold(voting_database, batch)
    assert await accounts(voting_database, "c") == before
    assert before[1].received == 201


async def test_batch_that_fails_leaves_nothing_behind(voting_database: Database) -> None:
    try:
        async with voting_database.transaction() as session:
            await fold_votes(session, [a_vote("c", "ann")])
            raise RuntimeError("the worker dies")
    except RuntimeError:
        pass
    assert await accounts(voting_database, "c") == ({}, Totals())


drawn_votes = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 1), st.integers(0, 2)), max_size=30
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(votes=drawn_votes, seal_at=st.integers(0, 12), size=st.integers(1, 40), seed=st.integers())
async def test_tally_is_the_rule(
    voting_database: Database, votes: list[tuple[int, int, int, int]], seal_at: int, size: int, seed: int
) -> None:
    """Any votes, any batches, any redelivery: the same outcomes as the rule in pure Python."""
    contest_id = new_id()
    offsets: Counter[int] = Counter()
    records: Batch = []
    for partition, voter, slot, key in votes:
        if offsets[partition] == seal_at:
            records.append(a_seal(contest_id, partition=partition, offset=offsets[partition]))
            offsets[partition] += 1
        name = f"{partition}-{voter}"
        records.append(
            a_vote(
                contest_id,
                name,
                entry=f"e{key}",
                receipt=f"{contest_id}-{name}-{key}",
                slot=f"s{slot}",
                partition=partition,
                offset=offsets[partition],
            )
        )
        offsets[partition] += 1
    seals = {p: seal_at for p, end in offsets.items() if end > seal_at}
    cast = [record for record in records if isinstance(record.event, VoteCast)]
    received = [
        ReceivedVote(
            r.envelope.partition,
            r.envelope.offset,
            r.event.slot,
            r.event.voter_id,
            r.event.receipt_id,
            r.event.entry_id,
        )
        for r in cast
    ]
    expected = judge_votes(received, seals)
    chosen = random.Random(seed)
    for batch in batches_of(records, size):
        await fold(voting_database, batch)
        if chosen.random() < 0.4:
            await fold(voting_database, batch)
    by_entry, totals = await accounts(voting_database, contest_id)
    numbers = Counter(expected.values())
    assert totals == Totals(
        counted=numbers[Outcome.COUNTED], duplicate=numbers[Outcome.DUPLICATE], late=numbers[Outcome.LATE]
    )
    winners = Counter(v.entry_id for v in received if expected[v.partition, v.offset] is Outcome.COUNTED)
    assert by_entry == dict(winners)


async def test_changes_are_told_once_with_the_cumulative_count(voting_database: Database) -> None:
    clock = FixedClock(VOTE_OPENS)

    async def tell() -> int:
        async with voting_database.transaction() as session:
            return await publish_changed(session, clock)

    await fold(voting_database, [a_vote("c", "ann", entry="e1"), a_vote("c", "bob", entry="e2", offset=1)])
    assert (await tell(), await tell()) == (2, 0)
    await fold(voting_database, [a_vote("c", "cid", entry="e2", partition=3), a_vote("c", "ann", offset=2)])
    assert (await tell(), await tell()) == (1, 0)
    async with voting_database.transaction() as session:
        values = (await session.execute(select(OUTBOX.c.value).order_by(OUTBOX.c.sequence))).scalars()
        told = [TallyChanged.model_validate_json(value) for value in values]
    assert [(event.entry_id, event.revision, event.counted) for event in told] == [
        ("e1", 1, 1),
        ("e2", 1, 1),
        ("e2", 2, 2),
    ]


async def test_a_closed_vote_is_drawn_over_its_own_time(voting_database: Database) -> None:
    batch = [a_vote("c", f"v{number}", offset=number) for number in range(3)] + [a_vote("d", "v9")]
    opened = datetime(2022, 8, 5, 9, 0, tzinfo=BANGKOK)
    async with voting_database.transaction() as session:
        await fold_votes(session, batch)
        for number, minutes in enumerate((0, 25, 60)):
            at = opened + timedelta(minutes=minutes)
            change = text("UPDATE vote SET cast_at = :at WHERE contest_id = 'c' AND voter_id = :voter")
            await session.execute(change, {"at": at, "voter": f"v{number}"})
        closed = opened + timedelta(hours=1)
        assert await curves.votes_over_time(session, "c", opened, closed, steps=4) == [1, 1, 0, 1]
        assert await curves.votes_over_time(session, "c", opened, opened) == []


async def test_board_counts_the_last_half_hour(voting_database: Database) -> None:
    batch = [a_vote("c", "v1"), a_vote("c", "v1", offset=1), a_vote("c", "v2", offset=2), a_vote("d", "v3")]
    async with voting_database.transaction() as session:
        await fold_votes(session, batch)
        await session.execute(
            text("UPDATE vote SET folded_at = folded_at - interval '1 day' WHERE voter_id = 'v2'")
        )
        per_minute = await curves.votes_per_minute(session, "c")
        assert (len(per_minute), sum(per_minute)) == (30, 2)
