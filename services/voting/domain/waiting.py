"""The queue of codes: one's place in it, and how long it will take."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

_REFRESH_SECONDS = (3, 30)
"""A page that waits asks again at the earliest and at the latest after so long."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Codes a second: in all, and to one mail provider."""

    total: float
    provider: float


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody's place in the queue."""

    ahead: int
    """Codes that go out before theirs."""
    seconds: int
    """About how long until it does; 0 when it is next."""

    @property
    def refresh(self) -> int:
        """After how many seconds it is worth asking again: often near the front, rarely far from it."""
        return min(_REFRESH_SECONDS[1], max(_REFRESH_SECONDS[0], self.seconds // 5))


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits, as one look at the database gives it: instants ascending, with how many are due then."""

    instants: Sequence[datetime] = ()
    counts: Sequence[int] = ()
    providers: Mapping[str, "Queue"] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """Everybody who waits."""
        return sum(self.counts)

    def ahead_of(self, due_at: datetime) -> int:
        """How many are due before that instant."""
        return sum(self.counts[: bisect_left(self.instants, due_at)])


def place_in(queue: Queue, provider: str, due_at: datetime, now: datetime, rates: Rates) -> Place:
    """The place of a code that is due at ``due_at`` and goes to ``provider``.

    The estimate is the longest of three waits: for its own instant, for the whole queue at the total
    rate, and for the provider's queue at the provider's rate.
    """
    ahead = queue.ahead_of(due_at)
    of_provider = queue.providers.get(provider, Queue()).ahead_of(due_at)
    seconds = max((due_at - now).total_seconds(), ahead / rates.total, of_provider / rates.provider, 0.0)
    return Place(ahead=ahead, seconds=math.ceil(seconds))
