"""The staff board: what is late or needs someone first, then how far everything is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain.letters import RECEIVED, DispatchState, LetterState
from services.notify.handlers.todos import (
    ASLEEP_AFTER,
    LATE,
    CategoryRow,
    CircularRow,
    JudgeRow,
    Todo,
    Votes,
    calendar_todos,
    circular_todos,
    failed_todos,
    judge_todos,
    lag_todos,
    letter_todos,
    screening_todos,
    vote_todos,
)
from services.notify.tables import Assignment, Decision, Dispatch, Letter
from shared import known
from shared.clock import BANGKOK, Clock
from shared.contracts.rulebook import Rulebook
from shared.db import Database
from shared.thai.working_days import working_days_between


@dataclass(frozen=True, slots=True)
class Board:
    rulebook: Rulebook
    now: datetime
    todos: tuple[Todo, ...]
    categories: tuple[CategoryRow, ...]
    judges: tuple[JudgeRow, ...]
    votes: Votes
    circulars: tuple[CircularRow, ...]
    notices: dict[str, int]
    briefing_guests: int
    waiting_events: int
    waiting_seconds: float


async def board_of(database: Database, clock: Clock, contest_id: str) -> Board:
    """The board of a contest as notify knows it now.

    Raises:
        NotFound: no such contest is published.
    """
    async with database.transaction() as session:
        rulebook = await known.rulebook(session, contest_id)
        now = await clock.now(session, contest_id)
        shortlist = await repository.progress.decision(session, contest_id, "shortlist")
        work = await _Work.load(session, contest_id)
        letters = await repository.letters.letters(session, contest_id)
        dispatches = [
            (letter, await repository.letters.dispatches(session, contest_id, letter.letter_id))
            for letter in letters
            if letter.state in (LetterState.DISPATCHED, LetterState.ACKNOWLEDGED)
        ]
        votes = await _votes(session, contest_id, now)
        states = await repository.board.entry_states(session, contest_id)
        lag = await repository.board.outbox_lag(session)
        failed = len(await repository.notices.failed(session, contest_id))
        notices = await repository.notices.counts(session, contest_id)
        guests = await repository.board.briefing_guests(session, contest_id)
        category_of = {
            entry.entry_id: entry.category_id
            for entry in await repository.progress.entries(session, contest_id)
        }
    judges = tuple(work.judge_rows(now))
    circulars = tuple(_circular(letter, rows, now) for letter, rows in dispatches if rows)
    todos = [
        *letter_todos(letters),
        *failed_todos(failed),
        *screening_todos(states, rulebook, now),
        *judge_todos(judges, now),
        *vote_todos(votes),
        *circular_todos(circulars),
        *calendar_todos(rulebook, now),
        *lag_todos(lag),
    ]
    return Board(
        rulebook=rulebook,
        now=now,
        todos=tuple(sorted(todos, key=lambda todo: todo.kind != LATE)),
        categories=tuple(_categories(rulebook, states, shortlist, work, category_of)),
        judges=judges,
        votes=votes,
        circulars=circulars,
        notices=notices,
        briefing_guests=guests,
        waiting_events=lag[0],
        waiting_seconds=lag[1],
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """Who has to score what, and what is done."""

    assignments: Sequence[Assignment]
    scored: set[tuple[str, str, str]]
    recused: set[tuple[str, str]]
    judges: Sequence[Any]

    @classmethod
    async def load(cls, session: AsyncSession, contest_id: str) -> "_Work":
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


def _categories(
    rulebook: Rulebook,
    states: dict[tuple[str, str], int],
    shortlist: Decision | None,
    work: _Work,
    category_of: dict[str, str],
) -> Iterable[CategoryRow]:
    finalists = [finalist["category_id"] for finalist in shortlist.facts["finalists"]] if shortlist else []
    pairs = [(category_of.get(entry_id, ""), done) for _, entry_id, done in work.pairs()]
    for category in rulebook.categories:
        count = {
            state: states.get((category.id, state), 0)
            for state in ("draft", "submitted", "returned", "accepted", "refused", "withdrawn")
        }
        own = [done for category_id, done in pairs if category_id == category.id]
        yield CategoryRow(
            category_id=category.id,
            name=category.name,
            drafts=count["draft"],
            submitted=sum(count[state] for state in ("submitted", "returned", "accepted", "refused")),
            accepted=count["accepted"],
            refused=count["refused"],
            withdrawn=count["withdrawn"],
            finalists=finalists.count(category.id),
            scored=sum(own),
            to_score=len(own),
        )


async def _votes(session: AsyncSession, contest_id: str, now: datetime) -> Votes:
    decisions = {
        kind: await repository.progress.decision(session, contest_id, kind)
        for kind in ("voting_opened", "voting_closed", "popular")
    }
    opened, closed, certified = decisions.values()
    state = "certified" if certified else "closed" if closed else "open" if opened else "not-open"
    until = closed.at if closed else now
    window = max(timedelta(minutes=30), until - opened.at) if opened else timedelta(minutes=30)
    step = max(timedelta(minutes=1), timedelta(minutes=round(window / timedelta(minutes=40))))
    curve = await repository.board.vote_curve(session, contest_id, until, window, step) if opened else []
    counts = [count for _, count in curve]
    rates = [later - earlier for earlier, later in pairwise(counts)]
    return Votes(
        state=state,
        counted=await repository.board.votes_counted(session, contest_id),
        held=await repository.board.votes_held(session, contest_id),
        per_minute=round(rates[-1] / (step / timedelta(minutes=1))) if rates else 0,
        curve=tuple(rates),
        certified=certified.facts if certified else {},
    )


def _circular(letter: Letter, rows: Sequence[Dispatch], now: datetime) -> CircularRow:
    today = now.astimezone(BANGKOK).date()
    waiting = (DispatchState.SENT, DispatchState.OPENED)
    asleep = sum(
        working_days_between(row.sent_at.astimezone(BANGKOK).date(), today) >= ASLEEP_AFTER
        for row in rows
        if row.sent_at is not None and row.state in waiting
    )
    return CircularRow(
        letter_id=letter.letter_id,
        subject=letter.subject,
        number=letter.number_text,
        received=sum(row.state in RECEIVED for row in rows),
        total=len(rows),
        opened=sum(row.opened_at is not None for row in rows),
        passed_on=sum(row.state == DispatchState.PASSED_ON for row in rows),
        reached=sum((row.passed_on or {}).get("recipients", 0) for row in rows),
        failed=sum(row.state == DispatchState.FAILED for row in rows),
        asleep=asleep,
    )
