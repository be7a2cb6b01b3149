"""The ranking: exact, explained, and the same in whatever order entries come."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scoring.domain.ranking import (
    Basis,
    Contender,
    Scorecard,
    Separation,
    cut,
    measures,
    rank,
    two_places,
)
from shared.contracts.ids import DimensionId, EntryId, JudgeId
from shared.contracts.rulebook import TieBreak
from shared.testing.rulebooks import a_rulebook

RUBRIC = a_rulebook().rubric
START = datetime(2022, 7, 1, tzinfo=UTC)
ALL_STEPS = (TieBreak.HIGHEST_DIMENSION, TieBreak.MEDIAN_TOTAL, TieBreak.EARLIEST_SUBMISSION)


def contender(name: str, *cards: tuple[int, int, int, int], day: int = 0) -> Contender:
    """An entry with its judges' points in the rubric's order."""
    ids = [dimension.id for dimension in RUBRIC]
    scorecards = tuple(
        Scorecard(JudgeId(f"judge-{place}"), dict(zip(ids, points, strict=True)))
        for place, points in enumerate(cards)
    )
    return Contender(EntryId(name), START + timedelta(days=day), scorecards)


def told(
    *contenders: Contender, steps: tuple[TieBreak, ...] = ALL_STEPS, committee: tuple[str, ...] = ()
) -> list[tuple[int, str, str]]:
    """The ranking as (rank, entry, what parts it from the line above)."""
    columns = measures(RUBRIC, steps, tuple(EntryId(entry) for entry in committee))
    return [
        (line.rank, line.entry_id, line.separation.basis.value if line.separation else "")
        for line in rank(contenders, columns)
    ]


def test_mean_decides_and_is_never_rounded() -> None:
    a = contender("a", (10, 30, 40, 20), (10, 30, 40, 20), (10, 30, 40, 19))
    b = contender("b", (10, 30, 40, 20), (10, 30, 40, 19), (10, 30, 40, 19))
    assert told(b, a) == [(1, "a", ""), (2, "b", "mean_total")]
    assert rank([a], measures(RUBRIC, ()))[0].mean_total == Fraction(299, 3)


def test_heaviest_dimension_parts_a_tie_first_then_the_next_heavy() -> None:
    impact = contender("impact", (0, 10, 30, 10))
    implementation = contender("implementation", (0, 20, 20, 10))
    background = contender("background", (10, 20, 20, 0))
    ranked = rank([background, implementation, impact], measures(RUBRIC, (TieBreak.HIGHEST_DIMENSION,)))
    assert [(line.entry_id, line.separation) for line in ranked] == [
        ("impact", None),
        (
            "implementation",
            Separation(Basis.HIGHEST_DIMENSION, DimensionId("impact"), Fraction(30), Fraction(20)),
        ),
        (
            "background",
            Separation(Basis.HIGHEST_DIMENSION, DimensionId("sustainability"), Fraction(10), Fraction(0)),
        ),
    ]


def test_median_then_earliest_submission() -> None:
    steady = contender("steady", (0, 0, 20, 0), (0, 0, 20, 0), (0, 0, 20, 0), day=2)
    uneven = contender("uneven", (0, 0, 0, 0), (0, 0, 25, 0), (0, 0, 35, 0), day=1)
    early = contender("early", (0, 0, 20, 0), (0, 0, 20, 0), (0, 0, 20, 0), day=0)
    steps = (TieBreak.MEDIAN_TOTAL, TieBreak.EARLIEST_SUBMISSION)
    assert told(steady, uneven, early, steps=steps) == [
        (1, "uneven", ""),
        (2, "early", "median_total"),
        (3, "steady", "earliest_submission"),
    ]


def test_entries_equal_in_everything_share_a_rank_until_the_committee_decides() -> None:
    cards = (5, 15, 20, 10)
    field = [contender(name, cards) for name in ("a", "b", "c")]
    last = contender("d", (0, 0, 0, 0))
    assert told(*field, last) == [(1, "a", ""), (1, "b", ""), (1, "c", ""), (4, "d", "mean_total")]
    assert told(*field, last, committee=("c",)) == [
        (1, "c", ""),
        (2, "a", "committee_vote"),
        (2, "b", ""),
        (4, "d", "mean_total"),
    ]


def test_steps_after_the_committee_are_never_reached() -> None:
    late, early = contender("a", (1, 1, 1, 1), day=5), contender("b", (1, 1, 1, 1), day=0)
    steps = (TieBreak.COMMITTEE_VOTE, TieBreak.EARLIEST_SUBMISSION)
    assert told(late, early, steps=steps) == [(1, "a", ""), (1, "b", "")]


def test_entry_without_scores_cannot_be_ranked() -> None:
    with pytest.raises(ValueError, match="no scores"):
        contender("a")


def line_of(totals: list[int], places: int, minimum: int) -> dict[str, list[str]]:
    """The cut of entries that differ in one dimension only, and are equal where totals are."""
    field = [contender(f"e{place}", (0, 0, total, 0)) for place, total in enumerate(totals)]
    found = cut(rank(field, measures(RUBRIC, ())), places, minimum)
    return {
        name: [line.entry_id for line in getattr(found, name)]
        for name in ("selected", "undecided", "beyond", "below_minimum")
    }


def test_cut_takes_the_first_places_above_the_minimum() -> None:
    assert line_of([40, 30, 20, 10], 2, 15) == {
        "selected": ["e0", "e1"],
        "undecided": [],
        "beyond": ["e2"],
        "below_minimum": ["e3"],
    }


def test_tie_across_the_line_is_left_to_the_committee() -> None:
    assert line_of([40, 30, 30, 30, 5], 2, 0) == {
        "selected": ["e0"],
        "undecided": ["e1", "e2", "e3"],
        "beyond": ["e4"],
        "below_minimum": [],
    }


def test_tie_inside_the_line_is_no_matter() -> None:
    assert line_of([30, 30, 10], 2, 0)["selected"] == ["e0", "e1"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(299, 3), "99.67"),
        (Fraction(86005, 1000), "86.01"),
        (Fraction(86004, 1000), "86.00"),
        (Fraction(0), "0.00"),
        (Fraction(100), "100.00"),
    ],
)
def test_two_places_round_halves_up(value: Fraction, text: str) -> None:
    assert two_places(value) == text


points = st.tuples(*(st.integers(0, 3) for _ in RUBRIC))
fields = st.lists(
    st.tuples(st.lists(points, min_size=1, max_size=3), st.integers(0, 2)), min_size=1, max_size=8
)


@given(fields, st.permutations(ALL_STEPS), st.randoms())
def test_ranking_obeys_its_own_explanation(drawn, steps, random) -> None:  # type: ignore[no-untyped-def]
    field = [contender(f"e{place}", *cards, day=day) for place, (cards, day) in enumerate(drawn)]
    columns = measures(RUBRIC, tuple(steps))
    ranked = rank(field, columns)
    shuffled = list(field)
    random.shuffle(shuffled)
    assert rank(shuffled, columns) == ranked
    assert sorted(line.entry_id for line in ranked) == sorted(each.entry_id for each in field)
    assert ranked[0].rank == 1
    for place, (above, below) in enumerate(pairwise(ranked), start=2):
        rows = [(column.of(above.contender), column.of(below.contender)) for column in columns]
        different = [pair for pair in rows if pair[0] != pair[1]]
        if not different:
            assert (below.rank, below.separation) == (above.rank, None)
        else:
            assert below.rank == place
            assert below.separation is not None
            assert (below.separation.above, below.separation.below) == different[0]
            assert below.separation.above > below.separation.below


@given(fields, st.integers(1, 5), st.integers(0, 12))
def test_cut_splits_the_field_without_loss(drawn, places, minimum) -> None:  # type: ignore[no-untyped-def]
    field = [contender(f"e{place}", *cards, day=day) for place, (cards, day) in enumerate(drawn)]
    ranked = rank(field, measures(RUBRIC, (TieBreak.MEDIAN_TOTAL,)))
    found = cut(ranked, places, minimum)
    parts = [*found.selected, *found.undecided, *found.beyond]
    assert sorted([*parts, *found.below_minimum], key=ranked.index) == list(ranked)
    assert all(line.mean_total >= minimum for line in parts)
    assert len(found.selected) <= places
    if found.undecided:
        assert len(found.selected) < places < len(found.selected) + len(found.undecided)
        assert len({line.rank for line in found.undecided}) == 1
    else:
        assert len(found.selected) == min(places, len(parts))
