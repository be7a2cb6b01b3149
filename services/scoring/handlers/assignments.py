"""Who scores which entry, and until when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.domain.assignment import Expert, Pair, Plan, assign
from services.scoring.domain.conflicts import shares
from services.scoring.repository import decisions, entries, judges, scores
from services.scoring.repository.contests import take_turn
from services.scoring.tables import Assignment, DecisionKind, DecisionState, Entry
from shared import known
from shared.clock import Clock
from shared.contracts.ids import CategoryId, ContactId, ContestId, EntryId, JudgeId
from shared.contracts.rulebook import ScoringRound
from shared.contracts.scoring import ConflictKind, JudgeAssigned, Round
from shared.errors import Conflict, Invalid, NotFound
from shared.messaging import publish


@dataclass(frozen=True, slots=True)
class AssignJudges:
    contest_id: ContestId
    round: Round
    due_at: datetime
    rebalance: bool = False
    """Take back what no judge has begun and spread it anew; otherwise what is assigned stays."""


@dataclass(frozen=True, slots=True)
class ReopenScore:
    contest_id: ContestId
    round: Round
    judge_id: JudgeId
    entry_id: EntryId
    until: datetime
    reason: str
    by: ContactId


async def assign_judges(session: AsyncSession, clock: Clock, command: AssignJudges) -> Plan:
    """Give every entry of the round its judges, as evenly as can be, and tell the judges.

    Raises:
        Invalid: the due date has passed.
        Conflict: the round cannot be judged now, or nobody has accepted to judge.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    now = await clock.now(session, command.contest_id)
    if command.due_at <= now:
        raise Invalid(
            "วันครบกำหนดผ่านไปแล้ว เลือกเวลาในอนาคต",
            "The due date has passed; choose one to come.",
            field="due_at",
        )
    if command.round is Round.SECOND and rulebook.judging.second_round.value is ScoringRound.FIRST_ONLY:
        raise Conflict(
            "หลักเกณฑ์กำหนดให้คะแนนรอบเดียว จึงไม่มีรอบที่สอง",
            "The rulebook has one round of scores only; there is no second one.",
            field="round",
        )
    await take_turn(session, command.contest_id)
    await _check_open(session, command.contest_id, command.round)
    candidates = await entries_of_round(session, command.contest_id, command.round)
    plan = await _plan(session, command.contest_id, command.round, candidates, rebalance=command.rebalance)
    if not plan.pairs:
        raise Conflict(
            "ยังมอบหมายไม่ได้ ต้องมีผลงานที่ผ่านการตรวจคุณสมบัติและกรรมการที่ตอบรับแล้ว",
            "Nothing can be assigned yet: there must be accepted entries, and judges who accepted.",
        )
    await _apply(session, now, command.contest_id, command.round, plan, due_at=command.due_at)
    return plan


async def fill_gaps(
    session: AsyncSession, now: datetime, contest_id: ContestId, scoring_round: Round
) -> None:
    """After a recusal: take the entry from its judge and find another. The caller has taken the contest's
    turn. Where the round has decided already, nobody takes over."""
    existing = await judges.assignments(session, contest_id, scoring_round=scoring_round.value)
    if not existing:
        return
    candidates = await entries_of_round(session, contest_id, scoring_round)
    decided = await is_decided(session, contest_id, scoring_round)
    plan = await _plan(session, contest_id, scoring_round, candidates, refill=not decided)
    await _apply(session, now, contest_id, scoring_round, plan, due_at=max(row.due_at for row in existing))


async def reopen_score(session: AsyncSession, clock: Clock, command: ReopenScore) -> Assignment:
    """Let one judge score one entry after the lock, with a reason.

    Raises:
        NotFound: the judge does not have the entry in that round.
        Invalid: no reason, or an instant that has passed.
        Conflict: what the scores decide is published already.
    """
    if not command.reason.strip():
        raise Invalid("ระบุเหตุผลที่เปิดรับอีกครั้ง", "Say why it is reopened.", field="reason")
    if command.until <= await clock.now(session, command.contest_id):
        raise Invalid("เลือกเวลาในอนาคต", "Choose an instant to come.", field="until")
    await take_turn(session, command.contest_id)
    await _check_open(session, command.contest_id, command.round)
    row = await judges.assignment(
        session, command.contest_id, command.round.value, command.judge_id, command.entry_id
    )
    if row is None:
        raise NotFound("กรรมการท่านนี้ไม่ได้รับผลงานนี้", "This judge does not have this entry.")
    row.reopened_until = command.until
    row.reopened_reason = command.reason.strip()
    row.reopened_by = command.by
    return row


async def entries_of_round(
    session: AsyncSession, contest_id: ContestId, scoring_round: Round
) -> dict[EntryId, Entry]:
    """What is judged in a round: every accepted entry, then the finalists among them.

    Raises:
        Conflict: the second round before the shortlist is published.
    """
    accepted = {EntryId(entry.entry_id): entry for entry in await entries.accepted(session, contest_id)}
    if scoring_round is Round.FIRST:
        return accepted
    finalists = await finalist_ids(session, contest_id)
    return {entry_id: accepted[entry_id] for entry_id in finalists if entry_id in accepted}


async def finalist_ids(session: AsyncSession, contest_id: ContestId) -> tuple[EntryId, ...]:
    """The published shortlist.

    Raises:
        Conflict: it is not published yet.
    """
    shortlist = await decisions.decision(session, contest_id, DecisionKind.SHORTLIST, DecisionState.PUBLISHED)
    if shortlist is None:
        raise Conflict(
            "ยังไม่ได้ประกาศผู้ผ่านการคัดเลือกรอบแรก",
            "The shortlist is not published yet.",
        )
    return tuple(EntryId(finalist["entry_id"]) for finalist in shortlist.content["finalists"])


async def is_decided(session: AsyncSession, contest_id: ContestId, scoring_round: Round) -> bool:
    """Whether what the round's scores decide is published, which locks them for good."""
    kind = DecisionKind.SHORTLIST if scoring_round is Round.FIRST else DecisionKind.WINNERS
    return await decisions.decision(session, contest_id, kind, DecisionState.PUBLISHED) is not None


async def _check_open(session: AsyncSession, contest_id: ContestId, scoring_round: Round) -> None:
    if await is_decided(session, contest_id, scoring_round):
        raise Conflict(
            "ประกาศผลของรอบนี้แล้ว จึงเปลี่ยนการมอบหมายหรือเปิดรับคะแนนไม่ได้",
            "What this round decides is published already; its judging cannot change any more.",
        )


async def _plan(
    session: AsyncSession,
    contest_id: ContestId,
    scoring_round: Round,
    candidates: dict[EntryId, Entry],
    *,
    rebalance: bool = False,
    refill: bool = True,
) -> Plan:
    rulebook = await known.rulebook(session, contest_id)
    existing = await judges.assignments(session, contest_id, scoring_round=scoring_round.value)
    kept = {(JudgeId(row.judge_id), EntryId(row.entry_id)) for row in existing}
    if rebalance:
        begun = await scores.scores(session, contest_id, scoring_round=scoring_round.value)
        kept &= {(JudgeId(row.judge_id), EntryId(row.entry_id)) for row in begun if row.revision}
    experts = [
        Expert(JudgeId(judge.judge_id), frozenset(CategoryId(c) for c in judge.category_ids))
        for judge in await judges.judges(session, contest_id)
        if judge.accepted_at is not None
    ]
    return assign(
        {entry_id: CategoryId(entry.category_id) for entry_id, entry in candidates.items()},
        experts,
        per_entry=rulebook.judging.judges_per_entry.value if refill else 0,
        conflicts=await _conflicts(session, contest_id, candidates),
        kept=kept,
    )


async def _conflicts(
    session: AsyncSession, contest_id: ContestId, candidates: dict[EntryId, Entry]
) -> set[Pair]:
    """Every recusal, and entries that came later and share its agency, province or vendor."""
    rows = await judges.recusals(session, contest_id)
    named = {entry.entry_id: entry for entry in await entries.entries(session, contest_id)}
    return {
        (JudgeId(row.judge_id), entry_id)
        for row in rows
        for entry_id, entry in candidates.items()
        if entry_id == row.entry_id
        or (row.everywhere and shares(entry, named[row.entry_id], ConflictKind(row.conflict)))
    }


async def _apply(
    session: AsyncSession,
    now: datetime,
    contest_id: ContestId,
    scoring_round: Round,
    plan: Plan,
    *,
    due_at: datetime,
) -> None:
    existing = {
        (JudgeId(row.judge_id), EntryId(row.entry_id)): row
        for row in await judges.assignments(session, contest_id, scoring_round=scoring_round.value)
    }
    changed = {pair[0] for pair in existing.keys() ^ plan.pairs}
    changed |= {pair[0] for pair, row in existing.items() if row.due_at != due_at}
    for pair, row in existing.items():
        if pair not in plan.pairs:
            await session.delete(row)
        else:
            row.due_at = due_at
    for judge_id, entry_id in sorted(plan.pairs - existing.keys()):
        session.add(
            Assignment(
                contest_id=contest_id,
                round=scoring_round.value,
                judge_id=judge_id,
                entry_id=entry_id,
                due_at=due_at,
                assigned_at=now,
            )
        )
    await _tell(session, now, contest_id, scoring_round, plan, sorted(changed), due_at)


async def _tell(
    session: AsyncSession,
    now: datetime,
    contest_id: ContestId,
    scoring_round: Round,
    plan: Plan,
    judge_ids: Iterable[JudgeId],
    due_at: datetime,
) -> None:
    for judge_id in judge_ids:
        judge = await judges.judge(session, contest_id, judge_id, lock=True)
        if judge is None:
            continue
        judge.revision += 1
        await publish(
            session,
            JudgeAssigned(
                contest_id=contest_id,
                judge_id=judge_id,
                revision=judge.revision,
                contact_id=ContactId(judge.contact_id),
                round=scoring_round,
                entry_ids=tuple(sorted(plan.of(judge_id))),
                due_at=due_at,
                assigned_at=now,
            ),
        )
