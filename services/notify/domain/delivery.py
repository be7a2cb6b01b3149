"""When to try again, when to be quiet, how fast to go, and when to stop and ask a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from shared.errors import Invalid
from shared.zone import BANGKOK

ATTEMPTS = 12
"""About a day of trying; then staff are told to telephone."""
_FIRST = timedelta(seconds=5)
_LONGEST = timedelta(hours=4)
LEASE = timedelta(seconds=90)
"""How long one dispatcher may take over a mail before another takes it."""
GREYLISTED = timedelta(minutes=2)
"""The least wait after 450, 451 or 4.2.0/4.7.x: a greylisting server takes nothing before its delay."""


def wait_before(attempt: int) -> timedelta:
    """How long to wait after the ``attempt``-th failure (from 1): 5 s, 15 s, 45 s … at most 4 h."""
    factor: int = 3 ** (attempt - 1)
    return min(_FIRST * factor, _LONGEST)


class Result(StrEnum):
    DELIVERED = "delivered"
    POSTPONED = "postponed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a channel answered to one notice."""

    result: Result
    reason: str = ""
    status: str = ""
    """Enhanced status (RFC 3463) or HTTP code, where there is one."""
    address_dead: bool = False
    """Nothing should be sent there again before a person has looked."""
    wait: timedelta = timedelta(0)
    """Not before so long, e.g. Retry-After or greylisting."""


DELIVERED = Outcome(Result.DELIVERED)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The hours in which only urgent mail goes out, Bangkok time; empty = none."""

    starts: time | None = None
    ends: time | None = None

    @classmethod
    def parse(cls, text: str) -> "QuietHours":
        """From ``21:00-07:00``; empty = none.

        Raises:
            Invalid: not two hours.
        """
        if not text.strip():
            return cls()
        try:
            first, last = (time.fromisoformat(part.strip()) for part in text.split("-"))
        except ValueError as error:
            raise Invalid(
                f"ช่วงเวลางดส่งต้องเขียนเช่น 21:00-07:00 ไม่ใช่ {text!r}",
                f"Quiet hours are written like 21:00-07:00, not {text!r}.",
                field="quiet_hours",
            ) from error
        return cls(first, last)

    def quiet(self, now: datetime) -> bool:
        """Whether only urgent mail may leave at ``now``."""
        if self.starts is None or self.ends is None or self.starts == self.ends:
            return False
        at = now.astimezone(BANGKOK).time()
        if self.starts < self.ends:
            return self.starts <= at < self.ends
        return at >= self.starts or at < self.ends


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one queue may go: ``per_second`` after ``burst`` at once; 0 = as fast as it can."""

    per_second: float
    burst: int

    def allot(
        self, free_at: datetime, now: datetime, wanted: int
    ) -> tuple[int, datetime, Sequence[datetime]]:
        """How many of ``wanted`` may leave now.

        A virtual queue (GCRA): each takes ``1/per_second``; one may leave while the queue's end is not
        further than ``burst`` ahead of now.

        Returns:
            How many may leave, the new end of the queue, and when each of the others may come again.
        """
        if self.per_second <= 0:
            return wanted, free_at, ()
        step = timedelta(seconds=1 / self.per_second)
        end = max(free_at, now)
        room = now + step * (self.burst - 1) - end
        count = max(0, min(wanted, int(room / step) + 1 if room >= timedelta(0) else 0))
        end += step * count
        first = max(now + step, end - step * (self.burst - 1))
        return count, end, [first + step * place for place in range(wanted - count)]
