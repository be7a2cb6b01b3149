"""The staff board: what is late or needs someone first, then how far everything is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import KIND_NAMES, RECEIVED, DispatchState, LetterState
from services.notify.tables import Assignment, Decision, Dispatch, Letter
from shared import known
from shared.clock import BANGKOK, Clock
from shared.contracts.event import LocalizedText
from shared.contracts.notify import LetterKind
from shared.contracts.rulebook import MilestoneKind, Rulebook
from shared.db import Database
from shared.thai.working_days import working_days_between

LATE, NOW = "late", "now"
ASLEEP_AFTER = 3
"""Working days without a receive number after which an office is called asleep."""
_STEPS = (
    MilestoneKind.BRIEFING,
    MilestoneKind.APPLICATIONS,
    MilestoneKind.PRESENTATION,
    MilestoneKind.RESULTS,
)


@dataclass(frozen=True, slots=True)
class Todo:
    """Something that needs a person."""

    kind: str
    title: LocalizedText
    hint: LocalizedText
    href: str
    action: LocalizedText


@dataclass(frozen=True, slots=True)
class CategoryRow:
    category_id: str
    name: LocalizedText
    drafts: int
    submitted: int
    accepted: int
    refused: int
    withdrawn: int
    finalists: int
    scored: int
    to_score: int


@dataclass(frozen=True, slots=True)
class JudgeRow:
    contact_id: str
    accepted: bool
    done: int
    total: int
    due_at: datetime | None
    late: bool


@dataclass(frozen=True, slots=True)
class Votes:
    state: str
    """not-open, open, closed or certified."""
    counted: int
    held: int
    per_minute: int
    curve: tuple[int, ...]
    certified: dict[str, int]


@dataclass(frozen=True, slots=True)
class CircularRow:
    letter_id: str
    subject: str
    number: str
    received: int
    total: int
    opened: int
    passed_on: int
    reached: int
    failed: int
    asleep: int


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


def _pair(th: str, en: str) -> LocalizedText:
    return LocalizedText(th=th, en=en)


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
        *_letter_todos(letters),
        *_failed_todos(failed),
        *_screening_todos(states, rulebook, now),
        *_judge_todos(judges, now),
        *_vote_todos(votes),
        *_circular_todos(circulars),
        *_calendar_todos(rulebook, now),
        *_lag_todos(lag),
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


def _letter_todos(letters: Sequence[Letter]) -> Iterable[Todo]:
    waits = {
        LetterState.DRAFT: (
            "รออนุมัติร่าง",
            "waits for approval",
            "ต้องมีผู้อนุมัติที่ไม่ใช่ผู้ร่าง",
            "Someone other than its author must approve it.",
        ),
        LetterState.APPROVED: (
            "รอลงนาม",
            "waits for a signature",
            "ผู้มีอำนาจลงนามยังไม่ลงนาม",
            "The signatory has not signed it yet.",
        ),
        LetterState.SIGNED: (
            "รอส่งออก",
            "waits to be dispatched",
            "ออกเลขแล้ว ยังไม่ส่งถึงผู้รับ",
            "It has its number and has not left yet.",
        ),
    }
    for letter in letters:
        wait = waits.get(LetterState(letter.state))
        if wait is None or (letter.state == LetterState.SIGNED and not letter.recipients):
            continue
        kind_th, kind_en = KIND_NAMES[LetterKind(letter.kind)]
        name = contest_files(letter.contest_id).template(letter.template).name
        yield Todo(
            LATE if letter.state == LetterState.APPROVED else NOW,
            _pair(f"{name.th} {wait[0]}", f"{name.en or kind_en} {wait[1]}"),
            _pair(f"{kind_th} · {wait[2]}", f"{kind_en} · {wait[3]}"),
            f"/letters/{letter.letter_id}",
            _pair("เปิดหนังสือ", "Open"),
        )


def _failed_todos(failed: int) -> Iterable[Todo]:
    if failed:
        yield Todo(
            LATE,
            _pair(f"ส่งอีเมลไม่สำเร็จ {failed} ฉบับ", f"{failed} mails could not be delivered"),
            _pair("ตรวจที่อยู่ หรือโทรศัพท์แจ้งแล้วบันทึก", "Check the address, or telephone and note it."),
            "/notices?state=failed",
            _pair("ดูรายการ", "See them"),
        )


def _screening_todos(states: dict[tuple[str, str], int], rulebook: Rulebook, now: datetime) -> Iterable[Todo]:
    waiting = sum(count for (_, state), count in states.items() if state == "submitted")
    if waiting:
        closed = now >= rulebook.milestone(MilestoneKind.APPLICATIONS).ends_at
        yield Todo(
            LATE if closed else NOW,
            _pair(f"ผลงาน {waiting} รายการรอตรวจคุณสมบัติ", f"{waiting} entries wait for the eligibility check"),
            _pair("ตรวจตามข้อ 1 และข้อ 3", "Against annex §1 and §3"),
            "/staff/entries",
            _pair("ตรวจคุณสมบัติ", "Check them"),
        )


def _judge_todos(judges: Sequence[JudgeRow], now: datetime) -> Iterable[Todo]:
    late = [judge for judge in judges if judge.late]
    if late:
        missing = sum(judge.total - judge.done for judge in late)
        yield Todo(
            LATE,
            _pair(f"กรรมการ {len(late)} ท่านยังให้คะแนนไม่ครบ", f"{len(late)} judges are behind"),
            _pair(f"ค้าง {missing} รายการ เลยกำหนดแล้ว", f"{missing} scores are missing after the due time."),
            "/staff/judging",
            _pair("ดูรายชื่อ", "See who"),
        )
    silent = [judge for judge in judges if not judge.accepted]
    if silent:
        yield Todo(
            NOW,
            _pair(f"กรรมการ {len(silent)} ท่านยังไม่ตอบรับ", f"{len(silent)} judges have not answered"),
            _pair("ส่งคำเชิญแล้ว รอการตอบรับ", "They are invited."),
            "/staff/judging",
            _pair("ดูรายชื่อ", "See who"),
        )


def _vote_todos(votes: Votes) -> Iterable[Todo]:
    if votes.held and votes.state != "certified":
        yield Todo(
            LATE,
            _pair(f"คะแนนโหวต {votes.held:,} รายการพักไว้ตรวจ", f"{votes.held:,} votes are held"),
            _pair("ต้องมีผู้มีอำนาจสองคนตัดสิน", "Two people must decide."),
            "/staff/vote",
            _pair("ตรวจคะแนน", "Review"),
        )


def _circular_todos(circulars: Sequence[CircularRow]) -> Iterable[Todo]:
    for row in circulars:
        if row.asleep:
            yield Todo(
                NOW,
                _pair(f"{row.asleep} หน่วยงานยังไม่ลงรับหนังสือ", f"{row.asleep} offices have not acknowledged"),
                _pair(
                    f"ที่ {row.number} · เกิน {ASLEEP_AFTER} วันทำการ",
                    f"{row.number} · more than {ASLEEP_AFTER} working days",
                ),
                f"/letters/{row.letter_id}?state=sent#dispatches",
                _pair("ดูรายชื่อ", "See which"),
            )


def _calendar_todos(rulebook: Rulebook, now: datetime) -> Iterable[Todo]:
    presentation = rulebook.milestone(MilestoneKind.PRESENTATION)
    results = rulebook.milestone(MilestoneKind.RESULTS)
    start, end = (moment.astimezone(BANGKOK).date() for moment in (presentation.ends_at, results.starts_at))
    if now < results.starts_at and not working_days_between(start, end - timedelta(days=1)):
        yield Todo(
            NOW,
            _pair(
                "ระหว่างวันนำเสนอกับวันประกาศผล ไม่มีวันทำการ", "No working day between presentations and results"
            ),
            _pair("เตรียมผู้รับรองผลไว้ล่วงหน้า", "Arrange for the certifiers in advance."),
            "/staff/contest",
            _pair("ดูปฏิทิน", "See the calendar"),
        )
    for kind in _STEPS:
        milestone = rulebook.milestone(kind)
        due = milestone.ends_at if kind is MilestoneKind.APPLICATIONS else milestone.starts_at
        left = due - now
        if timedelta(0) < left <= timedelta(days=2):
            hours = int(left.total_seconds() // 3600)
            yield Todo(
                NOW,
                _pair(
                    f"{milestone.name.th}ในอีก {hours} ชั่วโมง",
                    f"{milestone.name.en or milestone.name.th} in {hours} hours",
                ),
                _pair("กำหนดการสำคัญถัดไป", "The next step of the calendar"),
                "/contest",
                _pair("ดูกำหนดการ", "Calendar"),
            )


def _lag_todos(lag: tuple[int, float]) -> Iterable[Todo]:
    if lag[1] > 60:
        yield Todo(
            LATE,
            _pair(f"ระบบส่งเหตุการณ์ล่าช้า {lag[0]:,} รายการ", f"{lag[0]:,} events are not published yet"),
            _pair(
                f"รายการแรกรอมาแล้ว {int(lag[1] // 60)} นาที แจ้งผู้ดูแลระบบ",
                f"The oldest waits {int(lag[1] // 60)} minutes; tell the operator.",
            ),
            "/staff#system",
            _pair("ดูสถานะระบบ", "See the system"),
        )
