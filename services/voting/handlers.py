"""Use cases around the vote, one transaction each; the vote itself goes through ``door.py``."""

from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import repository
from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import VoteNotOpen
from services.voting.durability import SAFE_IN_SYNC, SAFE_REPLICATION, LogDurability
from services.voting.tables import VoteWindow
from shared import known
from shared.clock import Clock
from shared.contracts.ids import ContestId, EntryId
from shared.contracts.intake import EntryWithdrawn
from shared.contracts.rulebook import Milestone, MilestoneKind, Rulebook, VoteScope
from shared.contracts.scoring import ShortlistPublished
from shared.contracts.voting import PartitionSeal, VotingClosed, VotingOpened
from shared.errors import Conflict
from shared.messaging import publish


async def keep_shortlist(session: AsyncSession, event: ShortlistPublished) -> None:
    """The finalists are known; they become the ballot when the vote opens."""
    await repository.keep_shortlist(session, event)


async def keep_withdrawal(session: AsyncSession, event: EntryWithdrawn) -> None:
    """An entry left: it takes no more votes and cannot win. Votes it has stay on the log and in the count."""
    await repository.keep_withdrawal(
        session, event.contest_id, event.entry_id, event.revision, event.withdrawn_at
    )


def voting_milestone(rulebook: Rulebook) -> Milestone:
    """When the rulebook lets people vote.

    Raises:
        Conflict: this contest has no public vote.
    """
    try:
        return rulebook.milestone(MilestoneKind.VOTING)
    except KeyError as error:
        raise Conflict(
            "กติกาของการประกวดนี้ไม่มีการโหวตของประชาชน เพิ่มช่วงเวลาโหวตในปฏิทินก่อน",
            "The rulebook of this contest has no public vote. Add the voting period to its calendar first.",
        ) from error


@dataclass(frozen=True, slots=True)
class OpenVoting:
    """The command to open the vote.

    ``head_key`` is the public key by which the vote's tree heads are checked. ``weak_durability_accepted_by``
    names the post that accepts a log which may lose votes with one broker; it is told with the result.
    """

    contest_id: str
    log: LogDurability
    head_key: str
    weak_durability_accepted_by: str = ""


async def open_voting(session: AsyncSession, clock: Clock, command: OpenVoting) -> VoteWindow:
    """Open the vote on the finalists that are still in. Opening an open vote changes nothing.

    Raises:
        Conflict: there is no shortlist, no vote in the rulebook, its time is over, or the log could
            lose votes of a contest that is not a rehearsal. What it lacks and a rehearsal or somebody's
            acceptance waives is told with the opening and with the result.
        NotFound: there is no such contest.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    found = await repository.window(session, command.contest_id, lock=True)
    if found is not None:
        return found
    milestone = voting_milestone(rulebook)
    now = await clock.now(session, command.contest_id)
    if now >= milestone.ends_at:
        raise Conflict(
            "เลยเวลาปิดโหวตตามปฏิทินแล้ว หากต้องการเปิดให้แก้ปฏิทินด้วยประกาศแก้ไขกติกา",
            "By the calendar the vote is over. Amend the calendar if it should still take place.",
        )
    _check_durability(rulebook, command)
    gone = await repository.withdrawn(session, command.contest_id)
    ballot = [
        f.entry_id for f in await repository.finalists(session, command.contest_id) if f.entry_id not in gone
    ]
    if not ballot:
        raise Conflict(
            "ยังไม่มีผลงานที่ผ่านการคัดเลือก ประกาศผลรอบแรกก่อน แล้วจึงเปิดโหวต",
            "There are no finalists yet. Publish the shortlist first, then open the vote.",
        )
    window = VoteWindow(
        contest_id=command.contest_id,
        revision=1,
        state=VoteState.OPEN,
        ballot=ballot,
        scope=rulebook.voting.scope.value,
        opened_at=now,
        closes_at=milestone.ends_at,
        weak_durability_accepted_by=command.weak_durability_accepted_by,
        waived=list(command.log.missing),
    )
    session.add(window)
    await publish(
        session,
        VotingOpened(
            contest_id=ContestId(command.contest_id),
            revision=1,
            ballot=tuple(EntryId(entry_id) for entry_id in ballot),
            scope=VoteScope(window.scope),
            closes_at=window.closes_at,
            opened_at=now,
            waived=command.log.missing,
            head_key=command.head_key,
        ),
    )
    return window


def _check_durability(rulebook: Rulebook, command: OpenVoting) -> None:
    if rulebook.rehearsal or command.log.strong:
        return
    if command.log.memory_only:
        raise Conflict(
            "ตัวกลางข้อความเก็บข้อมูลในหน่วยความจำเท่านั้น ใช้ได้เฉพาะการซ้อม ต่อกับ Apache Kafka แล้วเปิดใหม่",
            "The broker keeps votes in memory only, which will do for a rehearsal and nothing else. "
            "Connect Apache Kafka and open again.",
        )
    if not command.weak_durability_accepted_by:
        raise Conflict(
            f"บันทึกการโหวตมีสำเนา {command.log.replication} ชุด ยืนยันขั้นต่ำ {command.log.min_in_sync} ชุด "
            f"ต้องมีอย่างน้อย {SAFE_REPLICATION} และ {SAFE_IN_SYNC} หรือระบุตำแหน่งผู้ยอมรับความเสี่ยง",
            f"The vote log has {command.log.replication} copies and confirms {command.log.min_in_sync}; "
            f"it needs {SAFE_REPLICATION} and {SAFE_IN_SYNC}, or the post of whoever accepts the risk.",
            field="weak_durability_accepted_by",
        )


async def request_closing(session: AsyncSession, clock: Clock, contest_id: str) -> VoteWindow:
    """Ask the elected closer to seal the vote now. Asking again changes nothing.

    Raises:
        VoteNotOpen: it never opened.
    """
    window = await repository.window(session, contest_id, lock=True)
    if window is None:
        raise VoteNotOpen
    if window.state == VoteState.OPEN:
        window.state = VoteState.CLOSING
        window.closing_requested_at = await clock.now(session, contest_id)
    return window


async def record_closing(
    session: AsyncSession, clock: Clock, contest_id: str, seals: dict[int, int]
) -> VoteWindow:
    """Every partition is sealed: tell where each one ends. Recording it again changes nothing.

    Args:
        seals: the offset of each partition's first seal.
    """
    window = await repository.window(session, contest_id, lock=True)
    if window is None:
        raise VoteNotOpen
    if window.state not in (VoteState.OPEN, VoteState.CLOSING):
        return window
    await repository.keep_seals(session, contest_id, seals)
    kept = await repository.seals(session, contest_id)
    if kept != seals:
        raise RuntimeError(f"first seals of {contest_id} differ between the log's readers: {kept} {seals}")
    now = await clock.now(session, contest_id)
    window.state = VoteState.CLOSED
    window.closed_at = now
    window.revision += 1
    await publish(
        session,
        VotingClosed(
            contest_id=ContestId(contest_id),
            revision=window.revision,
            seals=tuple(PartitionSeal(partition=p, offset=o) for p, o in sorted(seals.items())),
            closed_at=now,
        ),
    )
    return window


@dataclass(frozen=True, slots=True)
class Due:
    """What the calendar asks for now."""

    to_open: tuple[str, ...]
    to_close: tuple[str, ...]


async def due_now(session: AsyncSession, clock: Clock) -> Due:
    """The contests whose vote should open or close by the calendar, or by a command of staff."""
    to_open: list[str] = []
    to_close: list[str] = []
    for contest_id in await known.contests(session):
        rulebook = await known.rulebook(session, contest_id)
        milestone = next((m for m in rulebook.milestones if m.kind is MilestoneKind.VOTING), None)
        if milestone is None:
            continue
        now = await clock.now(session, contest_id)
        window = await repository.window(session, contest_id)
        if window is None:
            if milestone.starts_at <= now < milestone.ends_at and await _has_ballot(session, contest_id):
                to_open.append(contest_id)
        elif window.state == VoteState.CLOSING or (
            window.state == VoteState.OPEN and now >= milestone.ends_at
        ):
            to_close.append(contest_id)
        elif window.state == VoteState.OPEN and window.closes_at != milestone.ends_at:
            window.closes_at = milestone.ends_at
    return Due(tuple(to_open), tuple(to_close))


async def _has_ballot(session: AsyncSession, contest_id: str) -> bool:
    return bool(await repository.finalists(session, contest_id))
