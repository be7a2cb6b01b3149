"""When to try again, and when to stop and ask a person."""

from datetime import timedelta

ATTEMPTS = 12
"""About a day of trying; then staff are told to telephone."""
_FIRST = timedelta(seconds=5)
_LONGEST = timedelta(hours=4)
LEASE = timedelta(seconds=90)
"""How long one dispatcher may take over a mail before another takes it."""


def wait_before(attempt: int) -> timedelta:
    """How long to wait after the ``attempt``-th failure (from 1): 5 s, 15 s, 45 s … at most 4 h."""
    factor: int = 3 ** (attempt - 1)
    return min(_FIRST * factor, _LONGEST)
