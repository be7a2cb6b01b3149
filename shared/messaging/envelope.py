"""What travels around an event: its CloudEvents attributes and its place in the log."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from shared.contracts.event import Event

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Envelope:
    """CloudEvents 1.0 attributes of one record, and where it lies."""

    id: str
    """``ce_id``, a UUIDv7; the same over refills and replays."""
    type: str
    source: str
    subject: str
    time: datetime
    correlation_id: str
    """The same for everything that follows from one request."""
    causation_id: str = ""
    """``ce_id`` of the event that led to this one."""
    traceparent: str = ""
    topic: str = ""
    partition: int = -1
    offset: int = -1


@dataclass(frozen=True, slots=True)
class Delivered(Generic[E]):
    """An event as a consumer gets it."""

    event: E
    envelope: Envelope
