"""What checking a contest file finds, and the words of the file that checks share."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from services.intake.domain.contest_file import CalendarRow, ContestFile, FileDecision, Statement
from shared.contracts.event import LocalizedText
from shared.contracts.rulebook import MilestoneKind

INSTANTS = frozenset({MilestoneKind.INVITATION, MilestoneKind.SHORTLIST, MilestoneKind.RESULTS})
"""Milestones that happen at one instant; the others have a start and an end."""


class FindingKind(StrEnum):
    CONTRADICTION = "contradiction"
    BLANK = "blank"
    NO_HOUR = "no_hour"
    SILENT = "silent"
    CLOSED_DAY = "closed_day"
    SHORT_GAP = "short_gap"
    IMPOSSIBLE = "impossible"
    """No decision can settle it: the file itself must be mended."""


class FindingStatus(StrEnum):
    OPEN = "open"
    ASSUMED = "assumed"
    DECIDED = "decided"


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a source and its own words."""

    source: LocalizedText
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that people must decide, or have decided."""

    key: str
    kind: FindingKind
    title: LocalizedText
    places: tuple[Place, ...]
    decision: FileDecision | None = None

    @property
    def status(self) -> FindingStatus:
        """Open until the file decides it; assumed until the agency confirms the decision."""
        if self.kind is FindingKind.IMPOSSIBLE or self.decision is None:
            return FindingStatus.OPEN
        return FindingStatus(self.decision.status.value)


def endpoint(file: ContestFile, kind: MilestoneKind, name: str) -> datetime | None:
    """The instant at which a step starts or ends: as decided, else as all places agree; None if open."""
    row = file.row(kind)
    if row is None:
        return None
    decision = file.decisions.get(f"calendar.{kind.value}.{name}")
    if decision is not None:
        return decision.value if is_instant(decision.value) else None
    values = stated_values(row, name)
    if len(values) == 1 and isinstance(values[0], datetime):
        return values[0]
    return None


def is_instant(value: Any) -> bool:
    """Whether a value of the file is an instant with its offset."""
    return isinstance(value, datetime) and value.tzinfo is not None


def stated_values(row: CalendarRow, name: str) -> list[datetime | date]:
    """The different values that the sources give for ``starts`` or ``ends`` of a row."""
    values = [getattr(statement, name) for statement in row.stated]
    return list(dict.fromkeys(value for value in values if value is not None))


def place_of(file: ContestFile, statement: Statement) -> Place:
    """A statement with its source by name."""
    return Place(file.source_name(statement.source), statement.place, statement.text)


def impossible(key: str, th: str, en: str, places: tuple[Place, ...] = ()) -> Finding:
    """A finding that no decision settles."""
    return Finding(key, FindingKind.IMPOSSIBLE, LocalizedText(th=th, en=en), places)


def calendar_places(file: ContestFile, *kinds: MilestoneKind) -> tuple[Place, ...]:
    """Where the calendar speaks of ``kinds``."""
    rows = [row for kind in kinds if (row := file.row(kind)) is not None]
    return tuple(place_of(file, row.stated[0]) for row in rows)
