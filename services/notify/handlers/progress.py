"""How far judges and offices are: what the board shows and the calendar reminds of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain.letters import DispatchState
from services.notify.handlers.todos import JudgeRow
from services.notify.tables import Assignment, Dispatch
from shared.clock import BANGKOK
from shared.thai.working_days import working_days_between


@dataclass(frozen=True, slots=True)
class Work:
    """Who has to score what, and what is done."""

    assignments: Sequence[Assignment]
    scored: set[tuple[str, str, str]]
    recused: set[tuple[str, str]]
    judges: Sequence[Any]

    @classmethod
    async def load(cls, session: AsyncSession, contest_id: str) -> "Work":
        board = repository.board
        return cls(
            await board.assignments(session, contest_id),
            await board.scored(session, contest_id),
            await board.recused(session, contest_id),
            await board.judges(session, contest_id),
        )

    def pairs(self) -> Iterable[tuple[Assignment, str, bool]]:
        """(assignment, entry, whether scored) without what a judge is recused from."""
        for assignment in self.assignments:
            for entry_id in assignment.entry_ids:
                if (assignment.judge_id, entry_id) not in self.recused:
                    done = (assignment.judge_id, assignment.round, entry_id) in self.scored
                    yield assignment, entry_id, done

    def judge_rows(self, now: datetime) -> Iterable[JudgeRow]:
        for judge in self.judges:
            own = [pair for pair in self.pairs() if pair[0].judge_id == judge.judge_id]
            done = sum(scored for _, _, scored in own)
            open_due = [assignment.due_at for assignment, _, scored in own if not scored]
            due_at = min(open_due, default=None)
            late = due_at is not None and due_at <= now
            yield JudgeRow(judge.contact_id, judge.accepted, done, len(own), due_at, late)


@dataclass(frozen=True, slots=True)
class Behind:
    """A judge's list of a round that is not finished."""

    judge_id: str
    contact_id: str
    round: str
    due_at: datetime
    missing: int


async def judges_behind(session: AsyncSession, contest_id: str) -> Sequence[Behind]:
    """Every list that has entries without a score, whether or not it is due."""
    work = await Work.load(session, contest_id)
    contact_of = {judge.judge_id: judge.contact_id for judge in work.judges}
    missing: dict[tuple[str, str], int] = {}
    due: dict[tuple[str, str], datetime] = {}
    for assignment, _, scored in work.pairs():
        key = (assignment.judge_id, assignment.round)
        due[key] = assignment.due_at
        missing[key] = missing.get(key, 0) + (not scored)
    return [
        Behind(judge_id, contact_of[judge_id], round_, due[judge_id, round_], count)
        for (judge_id, round_), count in missing.items()
        if count and judge_id in contact_of
    ]


def asleep(rows: Iterable[Dispatch], now: datetime, working_days: int) -> list[Dispatch]:
    """The addressees that were sent a letter so many working days ago and have not acknowledged it."""
    today = now.astimezone(BANGKOK).date()
    waiting = (DispatchState.SENT, DispatchState.OPENED)
    return [
        row
        for row in rows
        if row.sent_at is not None
        and row.state in waiting
        and working_days_between(row.sent_at.astimezone(BANGKOK).date(), today) >= working_days
    ]
