"""The rule of the count, as properties."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voting.domain.order import shuffled
from services.voting.domain.outcomes import (
    Outcome,
    ReceivedVote,
    Totals,
    first_place,
    judge_votes,
    slot_of,
)
from shared.contracts.rulebook import VoteScope

PARTITIONS = 3


@st.composite
def logs(draw: st.DrawFn) -> list[ReceivedVote]:
    """Partitions in offset order; a voter always lies in one partition, as keyed records do."""
    votes = []
    for partition in range(PARTITIONS):
        drawn = draw(
            st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 2)), max_size=12)
        )
        for offset, (voter, slot, key) in enumerate(drawn):
            name = f"{partition}-{voter}"
            votes.append(ReceivedVote(partition, offset, f"s{slot}", name, f"{name}-{key}", f"e{key}"))
    return votes


seals = st.dictionaries(st.integers(0, PARTITIONS - 1), st.integers(0, 12), max_size=PARTITIONS)


@given(logs(), seals)
def test_every_vote_has_one_outcome_and_a_voter_counts_once_per_slot(
    votes: list[ReceivedVote], sealed: dict[int, int]
) -> None:
    outcomes = judge_votes(votes, sealed)
    assert outcomes.keys() == {(vote.partition, vote.offset) for vote in votes}
    counted = [vote for vote in votes if outcomes[vote.partition, vote.offset] is Outcome.COUNTED]
    assert max(Counter((vote.slot, vote.voter_id) for vote in counted).values(), default=1) == 1
    assert max(Counter(vote.receipt_id for vote in counted).values(), default=1) == 1
    for vote in votes:
        late = outcomes[vote.partition, vote.offset] is Outcome.LATE
        assert late == (vote.partition in sealed and vote.offset > sealed[vote.partition])


@given(logs(), seals, st.randoms())
def test_redelivery_and_the_order_between_partitions_change_nothing(votes, sealed, random) -> None:
    expected = judge_votes(votes, sealed)
    queues = [[vote for vote in votes if vote.partition == partition] for partition in range(PARTITIONS)]
    mixed: list[ReceivedVote] = []
    while any(queues):
        queue = random.choice([queue for queue in queues if queue])
        mixed.append(queue.pop(0))
        if random.random() < 0.3:
            mixed.append(mixed[-1])
    assert judge_votes(mixed, sealed) == expected


def test_totals_add_up() -> None:
    totals = Totals(1, 2, 3, 4, 5) + Totals(counted=10)
    assert (totals, totals.received) == (Totals(11, 2, 3, 4, 5), 25)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [(VoteScope.CONTEST, ""), (VoteScope.CATEGORY, "mobility"), (VoteScope.DAY, "2022-08-05")],
)
def test_slot_says_what_once_means(scope: VoteScope, expected: str) -> None:
    assert slot_of(scope, "mobility", datetime(2022, 8, 4, 17, tzinfo=UTC)) == expected


@pytest.mark.parametrize(
    ("counted", "withdrawn", "expected"),
    [
        ({"a": 3, "b": 2}, set(), "a"),
        ({"a": 3, "b": 3}, set(), None),
        ({"a": 3, "b": 3, "c": 1}, {"a"}, "b"),
        ({"a": 3, "b": 2}, {"a", "b"}, None),
        ({"a": 0}, set(), None),
        ({}, set(), None),
    ],
)
def test_first_place_is_one_entry_that_stayed_or_nobody(counted, withdrawn, expected) -> None:
    assert first_place(counted, frozenset(withdrawn)) == expected


@given(st.text(max_size=10), st.sets(st.text(min_size=1), min_size=1, max_size=8))
def test_order_is_stable_for_a_voter_and_keeps_every_entry(seed: str, entries: set[str]) -> None:
    once = shuffled(sorted(entries), seed, str)
    assert once == shuffled(sorted(entries, reverse=True), seed, str)
    assert set(once) == entries


def test_order_favours_no_place() -> None:
    first = Counter(shuffled("abcd", f"voter {n}", str)[0] for n in range(4_000))
    assert min(first.values()) > 850
