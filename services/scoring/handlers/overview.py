"""How far judging is: what staff see first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.repository import decisions, entries, judges, scores
from services.scoring.tables import Decision, DecisionState, Entry, Judge, PresentationSlot
from shared.contracts.rulebook import MilestoneKind, Rulebook
from shared.contracts.scoring import Round


@dataclass(frozen=True, slots=True)
class Task:
    """One assigned scorecard."""

    judge_id: str
    entry_id: str
    round: Round
    due_at: datetime
    total: int | None
    """What was submitted; None where nothing was."""
    begun: bool


@dataclass(frozen=True, slots=True)
class CategoryProgress:
    """One category's line."""

    category_id: str
    entries: int
    assigned: int
    submitted: int


@dataclass(frozen=True, slots=True)
class JudgingOverview:
    """Everything that the overview page shows."""

    now: datetime
    judges: Sequence[Judge]
    entries: Sequence[Entry]
    """The accepted ones."""
    tasks: Sequence[Task]
    conflicts: Mapping[str, int]
    """Recusals by judge."""
    per_entry: int
    open_proposals: Mapping[str, Decision]
    published: Mapping[str, Decision]
    slots: Sequence[PresentationSlot]
    vote_certified: bool

    def of(self, judge_id: str, scoring_round: Round) -> list[Task]:
        """One judge's scorecards of a round."""
        return [task for task in self.tasks if task.judge_id == judge_id and task.round is scoring_round]

    def of_round(self, scoring_round: Round) -> list[Task]:
        """Every scorecard of a round."""
        return [task for task in self.tasks if task.round is scoring_round]

    @property
    def first(self) -> list[Task]:
        """Every scorecard of the first round."""
        return self.of_round(Round.FIRST)

    @property
    def second(self) -> list[Task]:
        """Every scorecard of the second round."""
        return self.of_round(Round.SECOND)

    @property
    def short(self) -> list[Entry]:
        """Entries that have too few judges in the first round."""
        seats = Counter(task.entry_id for task in self.first)
        return [entry for entry in self.entries if seats[entry.entry_id] < self.per_entry]

    @property
    def late(self) -> list[Task]:
        """Scorecards past their due date."""
        return [task for task in self.tasks if task.total is None and task.due_at <= self.now]

    @property
    def unaccepted(self) -> list[Judge]:
        """Judges who have not answered."""
        return [judge for judge in self.judges if judge.accepted_at is None]

    def categories(self, rulebook: Rulebook) -> list[CategoryProgress]:
        """Progress of the first round by category."""
        category_of = {entry.entry_id: entry.category_id for entry in self.entries}
        tasks = [task for task in self.first if task.entry_id in category_of]
        return [
            CategoryProgress(
                category.id,
                sum(entry.category_id == category.id for entry in self.entries),
                sum(category_of[task.entry_id] == category.id for task in tasks),
                sum(category_of[task.entry_id] == category.id and task.total is not None for task in tasks),
            )
            for category in rulebook.categories
        ]

    def proposed_due(self, rulebook: Rulebook, scoring_round: Round) -> datetime:
        """A due date to start from: the one in force, else a working margin before the next milestone."""
        existing = [task.due_at for task in self.of_round(scoring_round)]
        if existing:
            return max(existing)
        kind = MilestoneKind.SHORTLIST if scoring_round is Round.FIRST else MilestoneKind.PRESENTATION
        milestone = next((m for m in rulebook.milestones if m.kind is kind), None)
        if milestone is None:
            return self.now + timedelta(days=3)
        if scoring_round is Round.FIRST:
            return milestone.starts_at - timedelta(hours=18)
        return milestone.ends_at


async def overview(session: AsyncSession, rulebook: Rulebook, now: datetime) -> JudgingOverview:
    """Read it all."""
    contest_id = rulebook.contest_id
    accepted = await entries.accepted(session, contest_id)
    judged = {entry.entry_id for entry in accepted}
    cards = {
        (score.round, score.judge_id, score.entry_id): score
        for score in await scores.scores(session, contest_id)
    }
    tasks = []
    for row in await judges.assignments(session, contest_id):
        if row.entry_id not in judged:
            continue
        card = cards.get((row.round, row.judge_id, row.entry_id))
        submitted = card.submitted_points if card else None
        tasks.append(
            Task(
                row.judge_id,
                row.entry_id,
                Round(row.round),
                max(row.due_at, row.reopened_until or row.due_at),
                sum(submitted.values()) if submitted is not None else None,
                card is not None,
            )
        )
    made = await decisions.decisions(session, contest_id)
    return JudgingOverview(
        now=now,
        judges=await judges.judges(session, contest_id),
        entries=accepted,
        tasks=tasks,
        conflicts=Counter(row.judge_id for row in await judges.recusals(session, contest_id)),
        per_entry=rulebook.judging.judges_per_entry.value,
        open_proposals={each.kind: each for each in made if each.state == DecisionState.PROPOSED},
        published={each.kind: each for each in made if each.state == DecisionState.PUBLISHED},
        slots=await decisions.slots(session, contest_id),
        vote_certified=await decisions.popular_vote(session, contest_id) is not None,
    )
