"""Judges save, submit and amend scorecards; a save never loses a score."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.domain.rounds import Door, Opening, PresentationNotBegun, ScoresLocked, door
from services.scoring.domain.rubric import (
    comment_faults,
    comments_in_order,
    point_faults,
    points_in_order,
)
from services.scoring.handlers.assignments import is_decided
from services.scoring.repository import decisions, entries, judges, scores
from services.scoring.tables import (
    Assignment,
    Entry,
    EntryState,
    Judge,
    Score,
    ScoreAmendment,
)
from shared import known
from shared.clock import Clock
from shared.contracts.ids import ContactId, ContestId, DimensionId, EntryId, JudgeId
from shared.contracts.scoring import DimensionScore, Round, ScoreAmended, ScoreRecorded
from shared.errors import Conflict, Forbidden, Invalid, NotFound, as_one
from shared.messaging import publish


@dataclass(frozen=True, slots=True)
class RecordScore:
    contest_id: ContestId
    entry_id: EntryId
    by: ContactId
    round: Round
    points: Mapping[DimensionId, int]
    comments: Mapping[DimensionId, str]
    submit: bool
    revision: int | None = None
    """The revision that the judge saw; None for a first save."""
    reason: str = ""
    """Why submitted points change."""


class StaleScore(Conflict):
    """The scorecard was saved elsewhere meanwhile; nothing was overwritten."""

    code = "stale-score"

    def __init__(self, revision: int) -> None:
        super().__init__(
            f"คะแนนนี้ถูกบันทึกจากหน้าจออื่นแล้ว (ฉบับที่ {revision}) โหลดหน้านี้ใหม่เพื่อดูฉบับล่าสุดก่อนบันทึก",
            f"This scorecard was saved elsewhere meanwhile (revision {revision}). Load it again and save "
            "then; nothing was overwritten.",
        )
        self.revision = revision


@dataclass(frozen=True, slots=True)
class Desk:
    """One entry on one judge's desk."""

    judge: Judge
    entry: Entry
    assignment: Assignment
    door: Door


async def record_score(session: AsyncSession, clock: Clock, command: RecordScore) -> Score:
    """Save a scorecard as a draft, or submit it.

    The same save sent twice, as after a lost connection, counts once. A draft beside a submitted
    score leaves the submitted one in force.

    Raises:
        Forbidden: the judge does not have this entry.
        Conflict: locked, not begun, or saved elsewhere meanwhile.
        Invalid: points or comments break the rubric, or submitted points change without a reason; every
            fault at once.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    now = await clock.now(session, command.contest_id)
    desk = await desk_of(session, command.contest_id, command.entry_id, command.by, command.round)
    points = points_in_order(rulebook.rubric, command.points)
    comments = comments_in_order(rulebook.rubric, command.comments)
    key = (command.contest_id, command.round.value, command.entry_id, desk.judge.judge_id)
    score = await scores.hold_score(session, *key, now)
    if faults := [
        *point_faults(rulebook.rubric, command.points, complete=command.submit),
        *comment_faults(rulebook.rubric, command.comments),
    ]:
        raise as_one(faults + _reason_faults(command, score, points))
    same = score.points == points and score.comments == comments
    if command.revision != (score.revision or None) and not (same and score.revision):
        raise StaleScore(score.revision)
    done = same and score.revision and (not command.submit or _is_submitted(score))
    if done:
        return score
    await _check_open(session, command, desk, now)
    score.revision += 1
    score.points, score.comments = points, comments
    score.saved_at = now
    if command.submit:
        await _submit(session, now, command, score)
    session.add(score)
    return score


async def desk_of(
    session: AsyncSession, contest_id: ContestId, entry_id: EntryId, by: ContactId, scoring_round: Round
) -> Desk:
    """The entry as the judge has it.

    Raises:
        NotFound: there is no such entry.
        Forbidden: not a judge of it, or recused from it.
    """
    judge = await judges.judge_of(session, contest_id, by)
    if judge is None or judge.accepted_at is None:
        raise Forbidden(
            "คุณยังไม่ได้ตอบรับเป็นกรรมการของการประกวดนี้",
            "You have not accepted to judge this contest.",
        )
    entry = await entries.entry(session, contest_id, entry_id)
    if entry is None:
        raise NotFound("ไม่พบผลงานนี้", "There is no such entry.")
    if await judges.recusal(session, contest_id, judge.judge_id, entry_id):
        raise Forbidden(
            "คุณแจ้งส่วนได้เสียกับผลงานนี้แล้ว จึงไม่เห็นผลงานนี้อีก",
            "You declared a conflict with this entry, so it is closed to you.",
        )
    assignment = await judges.assignment(session, contest_id, scoring_round.value, judge.judge_id, entry_id)
    if assignment is None:
        raise Forbidden(
            "ผลงานนี้ไม่ได้มอบหมายให้คุณในรอบนี้",
            "This entry is not assigned to you in this round.",
        )
    slot = await decisions.slot_of(session, contest_id, entry_id)
    opening = door(
        scoring_round,
        assignment.due_at,
        slot=(slot.starts_at, slot.ends_at) if slot else None,
        reopened_until=assignment.reopened_until,
    )
    return Desk(judge, entry, assignment, opening)


async def _check_open(session: AsyncSession, command: RecordScore, desk: Desk, now: datetime) -> None:
    if desk.entry.state != EntryState.ACCEPTED:
        raise Conflict(
            "ผลงานนี้ถูกถอนหรือไม่ผ่านการตรวจคุณสมบัติ จึงไม่ต้องให้คะแนน",
            "This entry was withdrawn or refused; it needs no scores.",
        )
    opening = desk.door.opening(now)
    if opening is Opening.LOCKED or await is_decided(session, command.contest_id, command.round):
        raise ScoresLocked
    if command.submit and opening is Opening.DRAFT_ONLY:
        raise PresentationNotBegun


def _is_submitted(score: Score) -> bool:
    return score.submitted_points == score.points and score.submitted_comments == score.comments


def _reason_faults(command: RecordScore, score: Score, points: Mapping[str, int]) -> list[Invalid]:
    """That points which were submitted change, and nobody says why."""
    submitted = score.submitted_points
    if not command.submit or submitted is None or submitted == points or command.reason.strip():
        return []
    return [Invalid("ระบุเหตุผลที่แก้ไขคะแนนที่ส่งแล้ว", "Say why the submitted points change.", field="reason")]


async def _submit(session: AsyncSession, now: datetime, command: RecordScore, score: Score) -> None:
    """Make the working copy the score that counts; comments stay here, points go to the log."""
    if faults := _reason_faults(command, score, score.points):
        raise as_one(faults)
    before = score.submitted_points
    score.submitted_points = dict(score.points)
    score.submitted_comments = dict(score.comments)
    score.submitted_at = now
    if before == score.points:
        return
    values = {
        "contest_id": command.contest_id,
        "entry_id": command.entry_id,
        "judge_id": JudgeId(score.judge_id),
        "round": command.round,
        "revision": score.revision,
        "scores": tuple(
            DimensionScore(dimension_id=DimensionId(dimension_id), points=points)
            for dimension_id, points in score.points.items()
        ),
        "total": sum(score.points.values()),
    }
    score.submitted_revision = score.revision
    if before is None:
        await publish(session, ScoreRecorded.model_validate({**values, "recorded_at": now}))
        return
    reason = command.reason.strip()
    session.add(
        ScoreAmendment(
            contest_id=command.contest_id,
            round=command.round.value,
            entry_id=command.entry_id,
            judge_id=score.judge_id,
            revision=score.revision,
            points_before=before,
            reason=reason,
            amended_at=now,
        )
    )
    await publish(session, ScoreAmended.model_validate({**values, "reason": reason, "amended_at": now}))
