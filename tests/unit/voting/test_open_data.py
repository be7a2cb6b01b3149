"""Open data: nothing is lost, and no period tells a choice."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.voting.domain.open_data import FEWEST, ballot_rows
from services.voting.open_data import AT
from shared.contracts.catalogue import TOPICS
from shared.contracts.voting import TreeHeadSigned, VotingOpened

START = datetime(2022, 8, 5, tzinfo=UTC)
drawn = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 12), st.integers(1, 12)), max_size=20)


@given(cells=drawn)
def test_every_ballot_is_in_one_period_and_no_period_tells_a_choice(
    cells: list[tuple[str, int, int]],
) -> None:
    by_hour = Counter[tuple[str, datetime]]()
    for entry, hour, votes in cells:
        by_hour[entry, START + timedelta(hours=hour)] += votes
    rows = ballot_rows((entry, hour, votes) for (entry, hour), votes in by_hour.items())
    totals, told = Counter[str](), Counter[str]()
    for (entry, _), votes in by_hour.items():
        totals[entry] += votes
    for row in rows:
        told[row.entry_id] += row.votes
    assert told == totals
    assert list(rows) == sorted(rows, key=lambda row: (row.hour, row.entry_id))
    periods: dict[tuple[datetime, datetime], Counter[str]] = {}
    for row in rows:
        periods.setdefault((row.hour, row.until), Counter())[row.entry_id] += row.votes
    spans = sorted(periods)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert all(any(begin <= hour < end for begin, end in spans) for _, hour in by_hour)
    if len(periods) > 1:
        assert all(found.total() >= FEWEST and len(found) > 1 for found in periods.values())


def test_hours_with_enough_ballots_for_two_entries_stand_alone() -> None:
    two = START + timedelta(hours=1)
    rows = ballot_rows([("a", START, 9), ("b", START, 1), ("a", two, 10), ("b", two, 3)])
    assert [(row.entry_id, row.hour, row.votes) for row in rows] == [
        ("a", START, 9), ("b", START, 1), ("a", two, 10), ("b", two, 3)
    ]  # fmt: skip


def test_every_decision_has_an_instant_that_open_data_knows() -> None:
    decisions = set(TOPICS[VotingOpened.TOPIC].events) - {TreeHeadSigned}
    assert {event.__name__: len(event.model_fields.keys() & set(AT)) for event in decisions} == {
        event.__name__: 1 for event in decisions
    }
