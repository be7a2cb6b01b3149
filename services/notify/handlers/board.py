"""The staff board: what is late or needs someone first, then how far everything is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain.letters import RECEIVED, DispatchState, LetterState
from services.notify.domain.notices import NoticeState
from services.notify.handlers.progress import Work, asleep
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
    decision_todos,
    failed_todos,
    judge_todos,
    lag_todos,
    letter_todos,
    review_todos,
    screening_todos,
    vote_todos,
)
from services.notify.repository.progress import awaited_kind
from services.notify.tables import Decision, Dispatch, Letter
from shared import known
from shared.clock import Clock
from shared.contracts.rulebook import Rulebook
from shared.contracts.scoring import DecisionName
from shared.db import Database


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
        awaited = {
            name: await repository.progress.decision(session, contest_id, awaited_kind(name)) is not None
            for name in DecisionName
        }
        published = [
            name for name in DecisionName if await repository.progress.decision(session, contest_id, name)
        ]
        work = await Work.load(session, contest_id)
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
        *review_todos(notices.get(NoticeState.REVIEW, 0)),
        *screening_todos(states, rulebook, now),
        *judge_todos(judges, now),
        *decision_todos(awaited, published, rulebook, now),
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


def _categories(
    rulebook: Rulebook,
    states: dict[tuple[str, str], int],
    shortlist: Decision | None,
    work: Work,
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
    return CircularRow(
        letter_id=letter.letter_id,
        subject=letter.subject,
        number=letter.number_text,
        received=sum(row.state in RECEIVED for row in rows),
        total=len(rows),
        opened=sum(row.opened_at is not None for row in rows),
        passed_on=sum(row.state == DispatchState.PASSED_ON for row in rows),
        reached=sum((row.passed_on or {}).get("recipients", 0) for row in rows),
        failed=sum(row.state in (DispatchState.FAILED, DispatchState.BOUNCED) for row in rows),
        asleep=len(asleep(rows, now, ASLEEP_AFTER)),
    )
