"""How a service declares what it consumes and what it does from time to time."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from shared.contracts.event import Event
from shared.db import Database
from shared.messaging.envelope import Delivered, Envelope

EventHandler = Callable[[AsyncSession, Any, Envelope], Awaitable[None]]
BatchHandler = Callable[[AsyncSession, Sequence[Delivered[Any]]], Awaitable[None]]
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
class BatchSubscription:
    """A consumer group that acts on a whole batch in one transaction, such as the tally.

    The handler names unusable records by raising :class:`Reject` only for a batch of one; a batch
    that raises it is retried record by record.
    """

    group: str
    topic: str
    events: tuple[type[Event], ...]
    handler: BatchHandler
    batch_size: int = 2_000
    linger: timedelta = timedelta(milliseconds=100)


@dataclass(frozen=True, slots=True)
class Timer:
    """Something the elected leader of the service's worker does again and again: closing, reminders, heads.

    ``run`` must be safe to repeat: a leader may die between its effect and its next turn.
    """

    name: str
    every: timedelta
    run: Callable[[Database], Awaitable[None]]
