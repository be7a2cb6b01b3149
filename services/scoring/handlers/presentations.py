"""Finalists present one after the other, and may be moved with a reason."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from sqlmodel.ext.asyncio.session import AsyncSession

from services.scoring.domain.schedule import Slot, Window, move, plan
from services.scoring.handlers.assignments import entries_of_round
from services.scoring.repository import decisions
from services.scoring.repository.contests import take_turn
from services.scoring.tables import DecisionKind, DecisionState, PresentationSlot
from shared import known
from shared.clock import Clock
from shared.contracts.ids import CategoryId, ContestId, EntryId, SlotId, new_id
from shared.contracts.rulebook import MilestoneKind, Rulebook
from shared.contracts.scoring import PresentationMoved, PresentationScheduled, Round
from shared.errors import Conflict, Invalid, NotFound
from shared.messaging import publish


@dataclass(frozen=True, slots=True)
class SchedulePresentations:
    contest_id: ContestId
    meeting_url: str = ""
    """Where to meet; empty = the milestone's address."""


@dataclass(frozen=True, slots=True)
class MovePresentation:
    contest_id: ContestId
    slot_id: SlotId
    starts_at: datetime
    reason: str
    swap: bool = False
    """A single presentation in the way takes the old time."""


async def schedule_presentations(
    session: AsyncSession, clock: Clock, command: SchedulePresentations
) -> list[PresentationSlot]:
    """Give every finalist a slot within the milestone, category by category.

    Raises:
        Conflict: no shortlist yet, or scheduled already.
        Invalid: they do not fit, or there is no proper meeting address.
    """
    rulebook = await known.rulebook(session, command.contest_id)
    url = command.meeting_url.strip() or _milestone_url(rulebook)
    _check_url(url)
    await take_turn(session, command.contest_id)
    if await decisions.slots(session, command.contest_id):
        raise Conflict(
            "จัดตารางนำเสนอแล้ว หากต้องเปลี่ยน ให้ย้ายทีละผลงานพร้อมเหตุผล",
            "The presentations are scheduled already; move single ones, with a reason.",
        )
    now = await clock.now(session, command.contest_id)
    finalists = await entries_of_round(session, command.contest_id, Round.SECOND)
    planned = plan(
        command.contest_id,
        [(entry_id, CategoryId(entry.category_id)) for entry_id, entry in finalists.items()],
        [category.id for category in rulebook.categories],
        window(rulebook),
        rulebook.judging.slot_minutes.value,
    )
    rows = []
    for slot in planned:
        row = PresentationSlot(
            contest_id=command.contest_id,
            slot_id=new_id(),
            entry_id=slot.entry_id,
            category_id=slot.category_id,
            revision=1,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            meeting_url=url,
        )
        session.add(row)
        rows.append(row)
        await publish(
            session,
            PresentationScheduled(
                contest_id=command.contest_id,
                slot_id=SlotId(row.slot_id),
                revision=1,
                entry_id=slot.entry_id,
                starts_at=slot.starts_at,
                ends_at=slot.ends_at,
                meeting_url=url,
                scheduled_at=now,
            ),
        )
    return rows


async def move_presentation(
    session: AsyncSession, clock: Clock, command: MovePresentation
) -> list[PresentationSlot]:
    """Move one presentation, or swap it with another; the finalists are told why.

    Raises:
        NotFound: there is no such slot.
        Invalid: no reason, or outside of the milestone.
        Conflict: another presentation is in the way, this one has begun, or the winners are certified.
    """
    reason = command.reason.strip()
    if not reason:
        raise Invalid(
            "ระบุเหตุผลที่ย้าย ผู้เข้ารอบจะได้รับแจ้ง", "Say why it moves; the finalists are told.", field="reason"
        )
    rulebook = await known.rulebook(session, command.contest_id)
    await take_turn(session, command.contest_id)
    now = await clock.now(session, command.contest_id)
    rows = await decisions.slots(session, command.contest_id)
    by_entry = {EntryId(row.entry_id): row for row in rows}
    mine = next((row for row in rows if row.slot_id == command.slot_id), None)
    if mine is None:
        raise NotFound("ไม่พบรอบนำเสนอนี้", "There is no such presentation slot.")
    if await decisions.decision(session, command.contest_id, DecisionKind.WINNERS, DecisionState.PUBLISHED):
        raise Conflict("รับรองผู้ชนะแล้ว จึงย้ายไม่ได้", "The winners are certified; nothing moves any more.")
    if mine.starts_at <= now or command.starts_at <= now:
        raise Conflict(
            "ย้ายการนำเสนอที่เริ่มแล้ว หรือย้ายไปเวลาที่ผ่านมาแล้วไม่ได้",
            "A presentation that has begun cannot move, and none can move into the past.",
            field="starts_at",
        )
    changed = move(
        [_slot(row) for row in rows],
        EntryId(mine.entry_id),
        command.starts_at.astimezone(UTC),
        window(rulebook),
        swap=command.swap,
    )
    moved = []
    for slot in changed:
        row = by_entry[slot.entry_id]
        previous, row.starts_at, row.ends_at = row.starts_at, slot.starts_at, slot.ends_at
        row.revision += 1
        moved.append(row)
        await publish(
            session,
            PresentationMoved(
                contest_id=command.contest_id,
                slot_id=SlotId(row.slot_id),
                revision=row.revision,
                entry_id=slot.entry_id,
                starts_at=slot.starts_at,
                ends_at=slot.ends_at,
                meeting_url=row.meeting_url,
                previous_starts_at=previous,
                reason=reason,
                moved_at=now,
            ),
        )
    return moved


def window(rulebook: Rulebook) -> Window:
    """The hours of the presentation milestone (annex §6: 10.00-15.00).

    Raises:
        Conflict: the contest has none.
    """
    try:
        milestone = rulebook.milestone(MilestoneKind.PRESENTATION)
    except KeyError:
        raise Conflict("กำหนดการไม่มีวันนำเสนอผลงาน", "The calendar has no day of presentations.") from None
    return Window(milestone.starts_at.astimezone(UTC), milestone.ends_at.astimezone(UTC))


def _milestone_url(rulebook: Rulebook) -> str:
    return next((m.url for m in rulebook.milestones if m.kind is MilestoneKind.PRESENTATION), "")


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Invalid(
            "ใส่ลิงก์ห้องประชุมที่ขึ้นต้นด้วย https://",
            "Give the meeting's address, which starts with https://.",
            field="meeting_url",
        )


def _slot(row: PresentationSlot) -> Slot:
    return Slot(EntryId(row.entry_id), CategoryId(row.category_id), row.starts_at, row.ends_at)
