"""When each finalist presents: one after the other, category by category, within the milestone.

Annex §6: presentations on 11 August 2022, 10.00-15.00. Within a category the order is drawn by lot
from the ids, so that it tells nothing of the ranking and anyone can repeat the draw.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from shared.contracts.ids import CategoryId, ContestId, EntryId
from shared.errors import Conflict, Invalid


@dataclass(frozen=True, slots=True)
class Slot:
    """One presentation; half open, so the next one may start at ``ends_at``."""

    entry_id: EntryId
    category_id: CategoryId
    starts_at: datetime
    ends_at: datetime

    def overlaps(self, other: "Slot") -> bool:
        """Whether both would run at the same time."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at

    def moved_to(self, starts_at: datetime) -> "Slot":
        """The same presentation, as long, at another time."""
        return replace(self, starts_at=starts_at, ends_at=starts_at + (self.ends_at - self.starts_at))


@dataclass(frozen=True, slots=True)
class Window:
    """The milestone's hours."""

    opens_at: datetime
    closes_at: datetime

    def holds(self, slot: Slot) -> bool:
        """Whether ``slot`` lies wholly inside."""
        return self.opens_at <= slot.starts_at and slot.ends_at <= self.closes_at

    @property
    def minutes(self) -> int:
        return int((self.closes_at - self.opens_at) / timedelta(minutes=1))


class DoesNotFit(Invalid):
    """The presentations need more time than the milestone has."""

    code = "does-not-fit"

    def __init__(self, presentations: int, minutes: int, window: Window) -> None:
        needed = presentations * minutes
        super().__init__(
            f"ผลงาน {presentations} ชิ้น ชิ้นละ {minutes} นาที ต้องใช้ {needed} นาที "
            f"แต่กำหนดการมีเพียง {window.minutes} นาที ลดเวลาต่อผลงานหรือขยายกำหนดการ โดยแก้ไขหลักเกณฑ์",
            f"{presentations} presentations of {minutes} minutes need {needed} minutes and the milestone "
            f"has {window.minutes}: shorten the slots or lengthen the milestone by an amendment.",
            field="slot_minutes",
        )


def draw(contest_id: ContestId, entry_id: EntryId) -> str:
    """The lot of an entry: SHA-256 of ``contest_id/entry_id``; the lowest presents first."""
    return sha256(f"{contest_id}/{entry_id}".encode()).hexdigest()


def plan(
    contest_id: ContestId,
    finalists: Iterable[tuple[EntryId, CategoryId]],
    categories: Sequence[CategoryId],
    window: Window,
    minutes: int,
) -> tuple[Slot, ...]:
    """Slots back to back from the opening on, in the rulebook's order of categories.

    Raises:
        DoesNotFit: there is not enough time.
    """
    order = {category_id: place for place, category_id in enumerate(categories)}
    line = sorted(finalists, key=lambda pair: (order[pair[1]], draw(contest_id, pair[0])))
    length = timedelta(minutes=minutes)
    slots = tuple(
        Slot(entry_id, category_id, window.opens_at + place * length, window.opens_at + (place + 1) * length)
        for place, (entry_id, category_id) in enumerate(line)
    )
    if slots and not window.holds(slots[-1]):
        raise DoesNotFit(len(slots), minutes, window)
    return slots


def move(
    slots: Sequence[Slot], entry_id: EntryId, starts_at: datetime, window: Window, *, swap: bool = False
) -> tuple[Slot, ...]:
    """The slots that change when ``entry_id`` presents at ``starts_at`` instead.

    Args:
        swap: where exactly one other presentation stands in the way, it takes the old time.

    Raises:
        Invalid: outside of the milestone.
        Conflict: another presentation is in the way.
    """
    mine = next(slot for slot in slots if slot.entry_id == entry_id)
    if starts_at == mine.starts_at:
        return ()
    moved = mine.moved_to(starts_at)
    if not window.holds(moved):
        raise Invalid(
            "เวลาใหม่อยู่นอกช่วงนำเสนอผลงานตามกำหนดการ เลือกเวลาในช่วงนั้น",
            "The new time lies outside of the presentation milestone; choose one inside.",
            field="starts_at",
        )
    others = [slot for slot in slots if slot.entry_id != entry_id]
    in_the_way = [slot for slot in others if slot.overlaps(moved)]
    if not in_the_way:
        return (moved,)
    if swap and len(in_the_way) == 1:
        exchanged = in_the_way[0].moved_to(mine.starts_at)
        rest = [slot for slot in others if slot.entry_id != exchanged.entry_id]
        if window.holds(exchanged) and not any(exchanged.overlaps(slot) for slot in [*rest, moved]):
            return (moved, exchanged)
    raise Conflict(
        "เวลานี้มีผลงานอื่นนำเสนออยู่แล้ว เลือกเวลาว่าง หรือสลับเวลากับผลงานนั้น",
        "Another presentation is at this time; choose a free one, or swap the two.",
        field="starts_at",
    )
