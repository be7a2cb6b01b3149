"""The ranking of a contest's round as it stands now, read from what the log told."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.domain.ranking import Contender, Cut, Scorecard, Standing, cut, measures, rank
from services.scoring.handlers.assignments import entries_of_round
from services.scoring.repository import decisions, judges, scores
from services.scoring.tables import Entry
from shared.contracts.ids import CategoryId, DimensionId, EntryId, JudgeId
from shared.contracts.rulebook import Rulebook, ScoringRound
from shared.contracts.scoring import Round


@dataclass(frozen=True, slots=True)
class CategoryRanking:
    """One category's entries in their order."""

    category_id: CategoryId
    standings: tuple[Standing, ...]
    unscored: tuple[Entry, ...]
    """Entries that nobody has scored yet, or that no judge is free to score."""
    awaited: Mapping[EntryId, int]
    """How many assigned judges have not submitted, by entry; 0 is left out."""

    def cut(self, places: int, minimum: int) -> Cut:
        """The line under the first ``places``."""
        return cut(self.standings, places, minimum)


@dataclass(frozen=True, slots=True)
class RoundRanking:
    """All categories of a round, in the rulebook's order."""

    round: Round
    categories: tuple[CategoryRanking, ...]
    entries: Mapping[EntryId, Entry]
    lagging: int
    """Submitted scorecards that have not come back from the log; 0 when the ranking is complete."""

    @property
    def awaited(self) -> int:
        """Scorecards that judges still owe."""
        return sum(sum(category.awaited.values()) for category in self.categories)

    @property
    def unscored(self) -> Sequence[Entry]:
        """Entries without any score."""
        return [entry for category in self.categories for entry in category.unscored]


def final_round(rulebook: Rulebook) -> Round:
    """The round whose scores decide the awards."""
    second = rulebook.judging.second_round.value is ScoringRound.SECOND_REPLACES
    return Round.SECOND if second else Round.FIRST


def committee_scope(scoring_round: Round, category_id: str) -> str:
    """The name under which the committee's order of a category is kept."""
    return f"{scoring_round.value}/{category_id}"


POPULAR_SCOPE = "popular"


async def rank_round(
    session: AsyncSession, rulebook: Rulebook, scoring_round: Round, *, finalists_only: bool = False
) -> RoundRanking:
    """Rank the entries of a round.

    Args:
        finalists_only: rank the shortlist alone, as winners do also where the first round decides.

    Raises:
        Conflict: finalists are asked for before the shortlist is published.
    """
    contest_id = rulebook.contest_id
    field = await entries_of_round(session, contest_id, Round.SECOND if finalists_only else scoring_round)
    cards: dict[EntryId, list[Scorecard]] = defaultdict(list)
    for entry_id, judge_id, points in await scores.counted(session, contest_id, scoring_round.value):
        typed = {DimensionId(dimension_id): value for dimension_id, value in points.items()}
        cards[EntryId(entry_id)].append(Scorecard(JudgeId(judge_id), typed))
    awaited: dict[EntryId, int] = defaultdict(int)
    for row in await judges.assignments(session, contest_id, scoring_round=scoring_round.value):
        if all(card.judge_id != row.judge_id for card in cards.get(EntryId(row.entry_id), ())):
            awaited[EntryId(row.entry_id)] += 1
    orders = await decisions.committee(session, contest_id)
    categories = []
    for category in rulebook.categories:
        mine = {entry_id: entry for entry_id, entry in field.items() if entry.category_id == category.id}
        columns = measures(
            rulebook.rubric,
            rulebook.judging.tie_break.value,
            orders.get(committee_scope(scoring_round, category.id), ()),
        )
        contenders = [
            Contender(entry_id, entry.submitted_at, tuple(cards[entry_id]))
            for entry_id, entry in mine.items()
            if cards.get(entry_id)
        ]
        categories.append(
            CategoryRanking(
                category.id,
                rank(contenders, columns),
                tuple(entry for entry_id, entry in mine.items() if not cards.get(entry_id)),
                {entry_id: awaited[entry_id] for entry_id in mine if awaited.get(entry_id)},
            )
        )
    lagging = await scores.lagging(session, contest_id, scoring_round.value)
    return RoundRanking(scoring_round, tuple(categories), field, lagging)
