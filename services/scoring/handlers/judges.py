"""Judges are invited, name their conflicts, accept, and are recused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.domain.conflicts import shares
from services.scoring.handlers.assignments import fill_gaps
from services.scoring.repository import decisions, entries, judges, scores
from services.scoring.repository.contests import take_turn
from services.scoring.tables import DecisionKind, DecisionState, Entry, Judge, Recusal
from shared import known
from shared.clock import Clock
from shared.contracts.ids import CategoryId, ContactId, ContestId, EntryId, JudgeId, new_id
from shared.contracts.intake import Role
from shared.contracts.scoring import ConflictKind, JudgeAccepted, JudgeInvited, JudgeRecused, Round
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.messaging import publish


@dataclass(frozen=True, slots=True)
class InviteJudge:
    contest_id: ContestId
    contact_id: ContactId
    category_ids: tuple[CategoryId, ...] = ()
    """Where the expertise lies; empty = everywhere."""


@dataclass(frozen=True, slots=True)
class DeclaredConflict:
    entry_id: EntryId
    conflict: ConflictKind
    reason: str
    everywhere: bool = False
    """Also for every other entry of the same agency, province or vendor, now and later."""


@dataclass(frozen=True, slots=True)
class DeclareConflicts:
    """Conflicts of one judge; ``by`` is the judge, or staff who learnt of one."""

    contest_id: ContestId
    judge_id: JudgeId
    by: ContactId
    conflicts: tuple[DeclaredConflict, ...]
    by_staff: bool = False
    complete: bool = False
    """The judge went through all entries: what is not named is free of conflict."""


async def invite_judge(session: AsyncSession, clock: Clock, command: InviteJudge) -> Judge:
    """Ask a contact to judge; asking again in the same way changes nothing.

    Raises:
        Invalid: the contact is unknown or no judge, or a category does not exist.
        Conflict: the contact was invited with another expertise.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    contact = await known.contact(session, command.contact_id)
    if contact is None or contact.erased or Role.JUDGE not in contact.roles:
        raise Invalid(
            "ผู้ติดต่อนี้ยังไม่มีบทบาทกรรมการ เพิ่มบทบาทที่หน้า “ผู้ใช้และสิทธิ์” ก่อน",
            "This contact does not hold the role of a judge; give it on “People and roles” first.",
            field="contact_id",
        )
    unknown = [c for c in command.category_ids if c not in {category.id for category in rulebook.categories}]
    if unknown:
        raise Invalid(
            f"ไม่มีประเภท “{unknown[0]}” ในการประกวดนี้",
            f"The contest has no category “{unknown[0]}”.",
            field="category_ids",
        )
    await take_turn(session, command.contest_id)
    existing = await judges.judge_of(session, command.contest_id, command.contact_id)
    if existing is not None:
        if set(existing.category_ids) == set(command.category_ids):
            return existing
        raise Conflict(
            "เชิญกรรมการท่านนี้แล้วด้วยความเชี่ยวชาญอื่น",
            "This judge was invited already, with another expertise.",
            field="contact_id",
        )
    now = await clock.now(session, command.contest_id)
    judge = Judge(
        contest_id=command.contest_id,
        judge_id=new_id(),
        contact_id=command.contact_id,
        revision=1,
        category_ids=sorted(set(command.category_ids)),
        invited_at=now,
    )
    session.add(judge)
    await publish(
        session,
        JudgeInvited(
            contest_id=command.contest_id,
            judge_id=JudgeId(judge.judge_id),
            revision=1,
            contact_id=command.contact_id,
            category_ids=tuple(CategoryId(category_id) for category_id in judge.category_ids),
            invited_at=now,
        ),
    )
    return judge


async def accept_invitation(session: AsyncSession, clock: Clock, command: DeclareConflicts) -> Judge:
    """The judge names the conflicts there are and accepts; accepting again only adds conflicts."""
    judge = await own_judge(session, command)
    now = await clock.now(session, command.contest_id)
    if judge.accepted_at is None:
        judge.revision += 1
        judge.accepted_at = now
        await publish(
            session,
            JudgeAccepted(
                contest_id=command.contest_id,
                judge_id=command.judge_id,
                revision=judge.revision,
                contact_id=ContactId(judge.contact_id),
                accepted_at=now,
            ),
        )
    await _recuse(session, now, judge, command)
    return judge


async def recuse_judge(session: AsyncSession, clock: Clock, command: DeclareConflicts) -> Judge:
    """Keep a judge from entries for good: assignments and scores of them go, others take over.

    Raises:
        Conflict: the winners are certified; what they rest on does not change any more.
    """
    judge = await own_judge(session, command)
    await _recuse(session, await clock.now(session, command.contest_id), judge, command)
    return judge


async def own_judge(session: AsyncSession, command: DeclareConflicts) -> Judge:
    """The judge of the command, held until the transaction ends.

    Raises:
        NotFound: there is no such judge.
        Forbidden: the asker is neither the judge nor staff.
    """
    await take_turn(session, command.contest_id)
    judge = await judges.judge(session, command.contest_id, command.judge_id, lock=True)
    if judge is None:
        raise NotFound("ไม่พบกรรมการท่านนี้", "There is no such judge.")
    if judge.contact_id != command.by and not command.by_staff:
        raise Forbidden(
            "รายการนี้เป็นของกรรมการท่านอื่น",
            "This belongs to another judge.",
        )
    return judge


async def _recuse(session: AsyncSession, now: datetime, judge: Judge, command: DeclareConflicts) -> None:
    contest_id = command.contest_id
    if command.complete:
        judge.conflicts_checked_at = now
    if not command.conflicts:
        return
    if await decisions.decision(session, contest_id, DecisionKind.WINNERS, DecisionState.PUBLISHED):
        raise Conflict(
            "รับรองผู้ชนะแล้ว จึงเปลี่ยนการพิจารณาไม่ได้ โปรดบันทึกเป็นเรื่องอุทธรณ์",
            "The winners are certified, so judging cannot change any more; file it as an appeal.",
        )
    everyone = await entries.entries(session, contest_id)
    by_id = {entry.entry_id: entry for entry in everyone}
    barred = {row.entry_id for row in await judges.recusals(session, contest_id, judge.judge_id)}
    for declared in command.conflicts:
        named = by_id.get(declared.entry_id)
        if named is None:
            raise NotFound("ไม่พบผลงานนี้", "There is no such entry.", field="entry_id")
        for entry in _same_conflict(everyone, named, declared):
            if entry.entry_id not in barred:
                barred.add(entry.entry_id)
                await _bar(session, now, judge, entry, declared)
    await session.flush()
    for scoring_round in Round:
        await fill_gaps(session, now, contest_id, scoring_round)


def _same_conflict(everyone: Sequence[Entry], named: Entry, declared: DeclaredConflict) -> list[Entry]:
    if not declared.everywhere:
        return [named]
    return [entry for entry in everyone if entry is named or shares(entry, named, declared.conflict)]


async def _bar(
    session: AsyncSession, now: datetime, judge: Judge, entry: Entry, declared: DeclaredConflict
) -> None:
    session.add(
        Recusal(
            contest_id=judge.contest_id,
            judge_id=judge.judge_id,
            entry_id=entry.entry_id,
            conflict=declared.conflict.value,
            reason=declared.reason,
            everywhere=declared.everywhere,
            recused_at=now,
        )
    )
    await session.flush()
    await scores.drop_scores(session, judge.contest_id, judge.judge_id, entry.entry_id)
    for scoring_round in Round:
        await scores.recompute_total(session, judge.contest_id, scoring_round.value, entry.entry_id)
    judge.revision += 1
    await publish(
        session,
        JudgeRecused(
            contest_id=ContestId(judge.contest_id),
            judge_id=JudgeId(judge.judge_id),
            revision=judge.revision,
            contact_id=ContactId(judge.contact_id),
            entry_id=EntryId(entry.entry_id),
            conflict=declared.conflict,
            recused_at=now,
        ),
    )
