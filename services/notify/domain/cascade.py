"""How far a letter is on its way down, and which branch sleeps: pure rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from shared.thai.working_days import working_days_between
from shared.zone import BANGKOK


@dataclass(frozen=True, slots=True)
class Stop:
    """One office on the way."""

    dispatch_id: str
    parent_id: str
    level: int
    place: str
    post: str
    state: str
    sent_at: datetime | None
    opened_at: datetime | None
    acknowledged_at: datetime | None
    passed_on_at: datetime | None
    receive_number: str = ""
    cover_number: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """An office with whom it passed the letter on to."""

    stop: Stop
    asleep: bool
    waited: int
    """Working days since it was sent, while no receive number came."""
    branches: "tuple[Branch, ...]" = field(default=())

    def all(self) -> "list[Branch]":
        """This branch and everything below it."""
        return [self, *(one for branch in self.branches for one in branch.all())]

    @property
    def asleep_below(self) -> int:
        """How many offices below sleep."""
        return sum(one.asleep for branch in self.branches for one in branch.all())


def day_of(instant: datetime) -> date:
    """The day in Bangkok."""
    return instant.astimezone(BANGKOK).date()


def waited(sent_at: datetime | None, acknowledged_at: datetime | None, now: datetime) -> int:
    """Working days that a letter has waited for its receive number."""
    if sent_at is None or acknowledged_at is not None:
        return 0
    return working_days_between(day_of(sent_at), day_of(now))


def took(since: datetime | None, until: datetime | None) -> timedelta | None:
    """The time between two stops; None where one of them is not reached."""
    return until - since if since is not None and until is not None else None


def reminder_due(
    sent_at: datetime | None,
    reminded_at: datetime | None,
    reminders: int,
    now: datetime,
    *,
    asleep_after: int,
    remind_every: int,
    most: int,
) -> bool:
    """Whether an office that has not acknowledged is to be reminded now: on working days only."""
    if (
        sent_at is None
        or reminders >= most
        or not working_days_between(day_of(now) - timedelta(1), day_of(now))
    ):
        return False
    since, days = (reminded_at, remind_every) if reminded_at else (sent_at, asleep_after)
    return working_days_between(day_of(since), day_of(now)) >= days


def tree(stops: Sequence[Stop], now: datetime, asleep_after: Mapping[int, int]) -> tuple[Branch, ...]:
    """The branches of a letter, in the given order.

    Args:
        asleep_after: level → working days after which an office sleeps; every level of ``stops`` is in it.
    """
    below: dict[str, list[Stop]] = {}
    for stop in stops:
        below.setdefault(stop.parent_id, []).append(stop)

    def branch(stop: Stop) -> Branch:
        days = waited(stop.sent_at, stop.acknowledged_at, now)
        return Branch(
            stop=stop,
            asleep=days >= asleep_after[stop.level],
            waited=days,
            branches=tuple(branch(each) for each in below.get(stop.dispatch_id, ())),
        )

    return tuple(branch(stop) for stop in below.get("", ()))
