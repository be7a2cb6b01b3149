"""How a service declares what it consumes and what it does from time to time."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from shared.contracts.event import Event
from shared.db import Database
from shared.messaging.codec import RawRecord
from shared.messaging.envelope import Envelope

EventHandler = Callable[[AsyncSession, Any, Envelope], Awaitable[None]]
Unusable = tuple[RawRecord, str]
"""A record that can never be used, and why."""
RecordHandler = Callable[[AsyncSession, Sequence[RawRecord]], Awaitable[Sequence[Unusable]]]
TombstoneHandler = Callable[[AsyncSession, str, Envelope], Awaitable[None]]


class Reject(Exception):
    """Raised by a handler: this one record can never be used; it goes to the dead letters."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A consumer group that acts on single events, each in a savepoint of its batch's transaction.

    An event type that is not in ``handlers`` is skipped and counted.
    """

    group: str
    topic: str
    handlers: Mapping[type[Event], EventHandler]
    on_tombstone: TombstoneHandler | None = None
    """Called with the key of a record without a value; without it tombstones are skipped and counted."""
    batch_size: int = 100
    linger: timedelta = timedelta(milliseconds=20)


@dataclass(frozen=True, slots=True)
class RecordSubscription:
    """A consumer group that reads the records of a topic by itself, a whole turn in one transaction.

    For a topic of millions, where decoding every record into a model and an envelope costs more than
    its effect. The handler gets the records in the order of their partitions and offsets, must do
    nothing twice if it gets one twice, and returns those that can never be used, each with the reason.
    If it raises for several, it gets them again one by one. It leaves out what
    :func:`shared.messaging.codec.is_for_another_group` says. The fence, the dead letters and the
    retries are the kit's, as for every other subscription.
    """

    group: str
    topic: str
    events: tuple[type[Event], ...]
    handler: RecordHandler
    batch_size: int = 5_000
    linger: timedelta = timedelta(milliseconds=100)
    """How long the broker may gather records before it answers: fewer, larger turns cost less."""


AnySubscription = Subscription | RecordSubscription


@dataclass(frozen=True, slots=True)
class Timer:
    """Something the elected leader of the service's worker does again and again: closing, reminders, heads.

    ``run`` must be safe to repeat: a leader may die between its effect and its next turn.
    """

    name: str
    every: timedelta
    run: Callable[[Database], Awaitable[object]]
    on_end: Callable[[], object] | None = None
    """Called when this process leads no longer, after the last run: for what it told of itself meanwhile,
    such as a gauge."""
