"""Rankings for people: every line with what parts it from the one above, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.scoring.domain.ranking import Basis, Cut, Separation, Standing, two_places
from services.scoring.handlers.ranking import CategoryRanking, RoundRanking
from services.scoring.tables import Entry
from shared.contracts.rulebook import Dimension


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a ranking as a page shows it."""

    standing: Standing
    entry: Entry
    state: str
    """``in``, ``tied``, ``out`` or ``below``."""
    why: str
    """Why it stands below the line above; empty where the mean says it all."""
    awaited: int
    dimensions: tuple[str, ...]

    @property
    def mean(self) -> str:
        return two_places(self.standing.mean_total)

    @property
    def totals(self) -> list[int]:
        """The judges' totals, highest first, without names."""
        return sorted((card.total for card in self.standing.contender.scorecards), reverse=True)


@dataclass(frozen=True, slots=True)
class RankingTable:
    """One category."""

    category_id: str
    lines: Sequence[Line]
    cut: Cut
    unscored: Sequence[Entry]
    line_after: int
    """After which line the cut is drawn; 0 where nobody is in."""
    reason: str
    """What decides at the cut, in words; empty where there is nobody beyond it."""


def ranking_table(
    ranking: RoundRanking, category: CategoryRanking, line: Cut, rubric: Sequence[Dimension], language: str
) -> RankingTable:
    """One category's ranking with its cut."""
    states = {
        **{standing.entry_id: "in" for standing in line.selected},
        **{standing.entry_id: "tied" for standing in line.undecided},
        **{standing.entry_id: "out" for standing in line.beyond},
        **{standing.entry_id: "below" for standing in line.below_minimum},
    }
    lines = [
        Line(
            standing,
            ranking.entries[standing.entry_id],
            states[standing.entry_id],
            _why(standing, rubric, language),
            category.awaited.get(standing.entry_id, 0),
            tuple(two_places(standing.contender.dimension_mean(dimension.id)) for dimension in rubric),
        )
        for standing in category.standings
    ]
    return RankingTable(
        category.category_id,
        lines,
        line,
        category.unscored,
        len(line.selected),
        explain(line.separation, rubric, language) if line.separation else "",
    )


def _why(standing: Standing, rubric: Sequence[Dimension], language: str) -> str:
    separation = standing.separation
    if separation is None:
        tied = standing.rank > 1
        if not tied:
            return ""
        return (
            "tied with the line above on every measure"
            if language == "en"
            else "เท่ากับลำดับก่อนหน้าทุกข้อ กติกาตัดสินไม่ได้"
        )
    return explain(separation, rubric, language) if separation.by_tie_break else ""


def explain(separation: Separation, rubric: Sequence[Dimension], language: str) -> str:
    """What parts two neighbours, with both values."""
    english = language == "en"
    above, below = (
        (two_places(separation.above), two_places(separation.below))
        if separation.above >= 0 and separation.below >= 0
        else ("", "")
    )
    match separation.basis:
        case Basis.MEAN_TOTAL:
            return f"mean {above} before {below}" if english else f"คะแนนเฉลี่ย {above} มากกว่า {below}"
        case Basis.HIGHEST_DIMENSION:
            names = {dimension.id: dimension.name.in_language(language) for dimension in rubric}
            name = names.get(separation.dimension_id, "") if separation.dimension_id else ""
            return (
                f"equal means; parted by “{name}”: {above} before {below}"
                if english
                else f"คะแนนเฉลี่ยเท่ากัน ตัดสินด้วยมิติ “{name}” {above} มากกว่า {below}"
            )
        case Basis.MEDIAN_TOTAL:
            return (
                f"equal means; parted by the median: {above} before {below}"
                if english
                else f"คะแนนเฉลี่ยเท่ากัน ตัดสินด้วยมัธยฐาน {above} มากกว่า {below}"
            )
        case Basis.EARLIEST_SUBMISSION:
            return "equal means; submitted earlier" if english else "คะแนนเฉลี่ยเท่ากัน ตัดสินด้วยการส่งก่อน"
        case Basis.COMMITTEE_VOTE:
            return "equal means; the committee decided" if english else "คะแนนเฉลี่ยเท่ากัน ตัดสินด้วยมติคณะกรรมการ"
