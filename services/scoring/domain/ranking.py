"""Who is first, and why.

A ranking is one sort. An entry is described by a row of *measures*: the mean of its judges' totals,
then the rulebook's tie-break steps in their order, and last what the committee decided. Entries are
ordered by comparing their rows from the left, so two neighbours are parted by the first measure in
which they differ, and that measure **is** the explanation. Entries whose rows are equal share a rank;
only the committee can part them, and nothing that depends on their order is certified before it does.

Arithmetic is exact: points are whole numbers, means and medians are fractions, and nothing is rounded
before it is shown to a person.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from math import floor
from statistics import median

from shared.contracts.ids import DimensionId, EntryId, JudgeId
from shared.contracts.rulebook import Dimension, TieBreak

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scorecard:
    """One judge's points for one entry: every dimension of the rubric, whole points."""

    judge_id: JudgeId
    points: Mapping[DimensionId, int]

    @property
    def total(self) -> int:
        """The sum over the dimensions; 100 at most under annex §8."""
        return sum(self.points.values())


@dataclass(frozen=True, slots=True)
class Contender:
    """An entry that can be ranked: at least one judge scored it."""

    entry_id: EntryId
    submitted_at: datetime
    scorecards: tuple[Scorecard, ...]

    def __post_init__(self) -> None:
        if not self.scorecards:
            raise ValueError(f"entry {self.entry_id} has no scores and cannot be ranked")

    def mean_total(self) -> Fraction:
        """Mean of the judges' totals."""
        return self._mean(card.total for card in self.scorecards)

    def dimension_mean(self, dimension_id: DimensionId) -> Fraction:
        """Mean of the judges' points in one dimension."""
        return self._mean(card.points[dimension_id] for card in self.scorecards)

    def median_total(self) -> Fraction:
        """Median of the judges' totals."""
        return median(Fraction(card.total) for card in self.scorecards)

    def _mean(self, points: Iterable[int]) -> Fraction:
        return Fraction(sum(points), len(self.scorecards))


class Basis(StrEnum):
    """What a measure rests on. The members after the first are the rulebook's tie-break steps."""

    MEAN_TOTAL = "mean_total"
    HIGHEST_DIMENSION = TieBreak.HIGHEST_DIMENSION.value
    MEDIAN_TOTAL = TieBreak.MEDIAN_TOTAL.value
    EARLIEST_SUBMISSION = TieBreak.EARLIEST_SUBMISSION.value
    COMMITTEE_VOTE = TieBreak.COMMITTEE_VOTE.value


@dataclass(frozen=True, slots=True)
class Measure:
    """One column that entries are compared by; the higher value goes first."""

    basis: Basis
    of: Callable[[Contender], Fraction]
    dimension_id: DimensionId | None = None


def measures(
    rubric: Sequence[Dimension], tie_break: Sequence[TieBreak], committee: Sequence[EntryId] = ()
) -> tuple[Measure, ...]:
    """The columns of a contest's ranking, most important first.

    Args:
        rubric: the dimensions; heavier ones are tried first, equally heavy ones in the rubric's order.
        tie_break: the rulebook's steps; whatever follows ``COMMITTEE_VOTE`` is never reached.
        committee: the entries that the committee put in order, best first. Entries that it did not
            name stand behind those it named, and equal among themselves.
    """
    by_weight = sorted(rubric, key=lambda dimension: -dimension.points)
    columns = [Measure(Basis.MEAN_TOTAL, Contender.mean_total)]
    for step in tie_break:
        match step:
            case TieBreak.HIGHEST_DIMENSION:
                columns += [
                    Measure(Basis.HIGHEST_DIMENSION, _dimension_mean(dimension.id), dimension.id)
                    for dimension in by_weight
                ]
            case TieBreak.MEDIAN_TOTAL:
                columns.append(Measure(Basis.MEDIAN_TOTAL, Contender.median_total))
            case TieBreak.EARLIEST_SUBMISSION:
                columns.append(Measure(Basis.EARLIEST_SUBMISSION, _earliness))
            case TieBreak.COMMITTEE_VOTE:
                break
    columns.append(Measure(Basis.COMMITTEE_VOTE, _place_in(committee)))
    return tuple(columns)


def _dimension_mean(dimension_id: DimensionId) -> Callable[[Contender], Fraction]:
    return lambda contender: contender.dimension_mean(dimension_id)


def _earliness(contender: Contender) -> Fraction:
    return -Fraction((contender.submitted_at - EPOCH) // timedelta(microseconds=1))


def _place_in(committee: Sequence[EntryId]) -> Callable[[Contender], Fraction]:
    place = {entry_id: Fraction(-index) for index, entry_id in enumerate(committee)}
    last = Fraction(-len(committee))
    return lambda contender: place.get(contender.entry_id, last)


@dataclass(frozen=True, slots=True)
class Separation:
    """Why one entry stands above its neighbour: the first measure in which they differ."""

    basis: Basis
    dimension_id: DimensionId | None
    above: Fraction
    below: Fraction

    @property
    def by_tie_break(self) -> bool:
        """Whether their means were equal, so that a rule of the tie-break had to decide."""
        return self.basis is not Basis.MEAN_TOTAL


@dataclass(frozen=True, slots=True)
class Standing:
    """One line of a ranking."""

    rank: int
    """1 is best; tied entries share the better rank and the next one is left out (1, 2, 2, 4)."""
    contender: Contender
    separation: Separation | None
    """What parts it from the line above; None on the first line and within a tie."""

    @property
    def entry_id(self) -> EntryId:
        return self.contender.entry_id

    @property
    def mean_total(self) -> Fraction:
        return self.contender.mean_total()


def rank(contenders: Iterable[Contender], columns: Sequence[Measure]) -> tuple[Standing, ...]:
    """Order ``contenders`` by ``columns``, best first; within a tie by entry id, which means nothing.

    The result does not depend on the order in which the contenders come.
    """
    rows = [
        (tuple(column.of(contender) for column in columns), contender)
        for contender in sorted(contenders, key=lambda contender: contender.entry_id)
    ]
    rows.sort(key=lambda row: row[0], reverse=True)
    if not rows:
        return ()
    standings = [Standing(1, rows[0][1], None)]
    for place, ((above, _), (below, contender)) in enumerate(pairwise(rows), start=2):
        separation = _first_difference(columns, above, below)
        standings.append(Standing(place if separation else standings[-1].rank, contender, separation))
    return tuple(standings)


def _first_difference(
    columns: Sequence[Measure], above: Sequence[Fraction], below: Sequence[Fraction]
) -> Separation | None:
    for column, higher, lower in zip(columns, above, below, strict=True):
        if higher != lower:
            return Separation(column.basis, column.dimension_id, higher, lower)
    return None


@dataclass(frozen=True, slots=True)
class Cut:
    """A line drawn under the first places of one category."""

    selected: tuple[Standing, ...]
    undecided: tuple[Standing, ...]
    """A tie that lies across the line: the committee must part it. Empty where the line is clean."""
    beyond: tuple[Standing, ...]
    """Good enough, but beyond the number of places."""
    below_minimum: tuple[Standing, ...]

    @property
    def separation(self) -> Separation | None:
        """What parts the last one in from the first one out, where there are both."""
        return self.beyond[0].separation if self.selected and self.beyond and not self.undecided else None


def cut(standings: Sequence[Standing], places: int, minimum: Fraction | int) -> Cut:
    """Choose the first ``places`` of one category's ranking among entries with a mean of ``minimum``.

    The shortlist is a cut at the rulebook's size, and the winner is a cut at one.
    """
    eligible = [standing for standing in standings if standing.mean_total >= minimum]
    below = tuple(standing for standing in standings if standing.mean_total < minimum)
    inside, outside = eligible[:places], eligible[places:]
    if not (inside and outside) or inside[-1].rank != outside[0].rank:
        return Cut(tuple(inside), (), tuple(outside), below)
    contested = outside[0].rank
    return Cut(
        selected=tuple(standing for standing in inside if standing.rank != contested),
        undecided=tuple(standing for standing in eligible if standing.rank == contested),
        beyond=tuple(standing for standing in outside if standing.rank != contested),
        below_minimum=below,
    )


def two_places(value: Fraction) -> str:
    """``value`` (not negative) for people: two places, halves up, so 86.005 reads 86.01."""
    hundredths = floor(value * 100 + Fraction(1, 2))
    return f"{hundredths // 100}.{hundredths % 100:02d}"
