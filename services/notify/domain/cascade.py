"""How far a letter is on its way down, and which branch sleeps: pure rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from shared.thai.provinces import REGIONS, Region, region_of
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


@dataclass(frozen=True, slots=True)
class Counts:
    """How many offices are how far; each counts in every column that it has reached."""

    offices: int
    sent: int
    opened: int
    acknowledged: int
    passed_on: int
    asleep: int

    @classmethod
    def of(cls, branches: Iterable[Branch]) -> "Counts":
        """Of these branches, without what is below them."""
        every = list(branches)
        stops = [branch.stop for branch in every]
        return cls(
            offices=len(every),
            sent=sum(stop.sent_at is not None for stop in stops),
            opened=sum(stop.opened_at is not None for stop in stops),
            acknowledged=sum(stop.acknowledged_at is not None for stop in stops),
            passed_on=sum(stop.passed_on_at is not None for stop in stops),
            asleep=sum(branch.asleep for branch in every),
        )

    @classmethod
    def below(cls, branches: Iterable[Branch]) -> "Counts":
        """Of these branches and everything below them."""
        return cls.of(one for branch in branches for one in branch.all())


@dataclass(frozen=True, slots=True)
class Group:
    """The branches of a region; ``region`` is None for those that are of no province."""

    region: Region | None
    branches: tuple[Branch, ...]


def by_region(branches: Sequence[Branch]) -> tuple[Group, ...]:
    """The branches of provinces by region, from north to south, and the others last. A letter that goes to no
    province, or to those of one region only, is one group."""
    found: dict[Region | None, list[Branch]] = {}
    for branch in branches:
        found.setdefault(region_of(branch.stop.code), []).append(branch)
    if len(found) <= 1:
        return (Group(None, tuple(branches)),) if branches else ()
    return tuple(Group(region, tuple(found[region])) for region in (*REGIONS, None) if region in found)


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
