"""Ballots as open data: how many for which entry in which hours, so that no row leads to a receipt.

A receipt tells its holder when the vote was cast. An hour in which only one entry got votes, or hardly
anybody voted, would therefore tell the choice behind a receipt. Such hours are joined with those that
follow, until a period has enough ballots and more than one entry.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

FEWEST = 10
"""Ballots in a period at least, unless the whole vote has fewer."""
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class BallotRow:
    """Counted ballots for one entry in one period: so many equal rows, written once."""

    entry_id: str
    hour: datetime
    """The beginning of the period."""
    until: datetime
    votes: int


def ballot_rows(by_hour: Iterable[tuple[str, datetime, int]]) -> tuple[BallotRow, ...]:
    """The rows, sorted by what they say: period, then entry.

    Args:
        by_hour: entry, hour and number of counted ballots.
    """
    periods: list[tuple[datetime, datetime, Counter[str]]] = []
    hours: dict[datetime, Counter[str]] = {}
    for entry_id, hour, votes in by_hour:
        hours.setdefault(hour, Counter())[entry_id] += votes
    start, ballots = None, Counter[str]()
    for hour in sorted(hours):
        start = start or hour
        ballots += hours[hour]
        if _hides(ballots):
            periods.append((start, hour + _HOUR, ballots))
            start, ballots = None, Counter[str]()
    if start is not None:  # too few are left: they join the period before
        before = periods.pop() if periods else (start, start, Counter[str]())
        periods.append((before[0], max(hours) + _HOUR, before[2] + ballots))
    return tuple(
        BallotRow(entry_id, begins, ends, votes)
        for begins, ends, found in periods
        for entry_id, votes in sorted(found.items())
    )


def _hides(ballots: Counter[str]) -> bool:
    return ballots.total() >= FEWEST and len(ballots) > 1
