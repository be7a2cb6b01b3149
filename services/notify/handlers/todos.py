"""What the staff board says needs a person: a pure look at what notify knows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notify.contest_files import contest_files
from services.notify.domain.letters import KIND_NAMES, LetterState
from services.notify.tables import Letter
from shared.clock import BANGKOK
from shared.contracts.event import LocalizedText
from shared.contracts.notify import LetterKind
from shared.contracts.rulebook import MilestoneKind, Rulebook
from shared.contracts.scoring import DecisionName
from shared.thai.digits import thai_digits
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
_DECISIONS = {
    DecisionName.SHORTLIST: ("รายชื่อผู้ผ่านรอบแรก", "The finalists", "/staff/judging/shortlist"),
    DecisionName.WINNERS: ("ผลการตัดสิน", "The judges' awards", "/staff/judging/winners"),
    DecisionName.RESULTS: ("ผลรางวัล", "The results", "/staff/judging/results"),
}
_DUE = {DecisionName.SHORTLIST: MilestoneKind.SHORTLIST, DecisionName.RESULTS: MilestoneKind.RESULTS}
_GRACE = timedelta(hours=1)
"""After the hour of the calendar a decision is called late."""


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


def _pair(th: str, en: str) -> LocalizedText:
    return LocalizedText(th=th, en=en)


def letter_todos(letters: Sequence[Letter]) -> Iterable[Todo]:
    waits = {
        LetterState.DRAFT: (
            "ร่างรอส่งตรวจ",
            "is a draft, to be sent to review",
            "ตรวจกับภาพตัวอย่าง แล้วส่งตรวจร่าง",
            "Check it against its picture, then put it forward.",
        ),
        LetterState.REVIEW: (
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
        kind_en = KIND_NAMES[LetterKind(letter.kind)][1]
        name = contest_files(letter.contest_id).template(letter.template).name
        yield Todo(
            LATE if letter.state == LetterState.APPROVED else NOW,
            _pair(f"{name.th} {wait[0]}", f"{name.en or kind_en} {wait[1]}"),
            _pair(f"ถึง{letter.addressee} · {wait[2]}", f"{kind_en} to {letter.addressee} · {wait[3]}"),
            f"/letters/{letter.letter_id}",
            _pair("เปิดหนังสือ", "Open"),
        )


def failed_todos(failed: int) -> Iterable[Todo]:
    if failed:
        yield Todo(
            LATE,
            _pair(f"ส่งอีเมลไม่สำเร็จ {failed} ฉบับ", f"{failed} mails could not be delivered"),
            _pair("ตรวจที่อยู่ หรือโทรศัพท์แจ้งแล้วบันทึก", "Check the address, or telephone and note it."),
            "/notices?state=failed",
            _pair("ดูรายการ", "See them"),
        )


def review_todos(waiting: int) -> Iterable[Todo]:
    if waiting:
        yield Todo(
            NOW,
            _pair(f"การแจ้ง {waiting:,} ฉบับรอตรวจก่อนส่ง", f"{waiting:,} notices wait for review"),
            _pair("ยังไม่ถึงผู้รับจนกว่าจะอนุมัติ", "Nobody gets them before they are approved."),
            "/notices/review",
            _pair("ตรวจก่อนส่ง", "Review them"),
        )


def decision_todos(
    awaited: Mapping[DecisionName, bool],
    published: Collection[DecisionName],
    rulebook: Rulebook,
    now: datetime,
) -> Iterable[Todo]:
    """``awaited``: proposed and waiting for another person; what is published waits no more."""
    for name, (th, en, href) in _DECISIONS.items():
        if name in published:
            continue
        milestone = _DUE.get(name)
        late = milestone is not None and now >= rulebook.milestone(milestone).starts_at + _GRACE
        if awaited.get(name):
            yield Todo(
                LATE if late else NOW,
                _pair(f"{th}รอผู้อนุมัติอีกคน", f"{en} wait for another signature"),
                _pair(
                    "ผู้อนุมัติที่ยังไม่ได้เสนอหรือลงนามเอง",
                    "By an approver who has not proposed or signed them.",
                ),
                href,
                _pair("ตรวจและลงนาม", "Review"),
            )
        elif late:
            yield Todo(
                LATE,
                _pair(f"เลยเวลาประกาศ{th}", f"{en} are due"),
                _pair("ยังไม่มีผู้เสนอ", "Nobody has proposed them yet."),
                href,
                _pair("เปิดหน้าการตัดสิน", "Open"),
            )


def screening_todos(states: dict[tuple[str, str], int], rulebook: Rulebook, now: datetime) -> Iterable[Todo]:
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


def judge_todos(judges: Sequence[JudgeRow], now: datetime) -> Iterable[Todo]:
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


def vote_todos(votes: Votes) -> Iterable[Todo]:
    if votes.state == "closed":
        yield Todo(
            NOW,
            _pair("ผลโหวตรอรับรองโดยสองคน", "The vote waits for its two certifiers"),
            _pair("นับซ้ำจากบันทึกแล้วลงชื่อ", "It is recounted from the log and signed."),
            "/staff/vote",
            _pair("นับซ้ำและลงชื่อ", "Recount and sign"),
        )
    if votes.held and votes.state != "certified":
        yield Todo(
            LATE,
            _pair(f"คะแนนโหวต {votes.held:,} รายการพักไว้ตรวจ", f"{votes.held:,} votes are held"),
            _pair("ต้องมีผู้มีอำนาจสองคนตัดสิน", "Two people must decide."),
            "/staff/vote",
            _pair("ตรวจคะแนน", "Review"),
        )


def circular_todos(circulars: Sequence[CircularRow]) -> Iterable[Todo]:
    for row in circulars:
        if row.asleep:
            yield Todo(
                NOW,
                _pair(f"{row.asleep} หน่วยงานยังไม่ลงรับหนังสือ", f"{row.asleep} offices have not acknowledged"),
                _pair(
                    f"ที่ {thai_digits(row.number)} · เกิน {ASLEEP_AFTER} วันทำการ",
                    f"{thai_digits(row.number)} · more than {ASLEEP_AFTER} working days",
                ),
                f"/letters/{row.letter_id}/cascade?view=asleep",
                _pair("ดูรายชื่อ", "See which"),
            )


def calendar_todos(rulebook: Rulebook, now: datetime) -> Iterable[Todo]:
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


def lag_todos(lag: tuple[int, float]) -> Iterable[Todo]:
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
