"""Which failures pass by themselves, and how long to wait before the next try."""

import random
from dataclasses import dataclass

from aiokafka.errors import KafkaError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.errors import NotFound, Unavailable

_TRANSIENT_CLASSES = ("08", "40", "53", "57", "58", "42")
"""SQLSTATE classes: connection, rollback by the server (deadlock, serialization), resources, operator
(shutdown), system; and 42 (no such table, no privilege), which is a deployment that is not ready,
never the record's fault."""
_TRANSIENT_STATES = ("25P03", "55P03", "25006")
"""Ended while idle in a transaction; lock not available; the server is a standby now."""


def is_transient(error: BaseException) -> bool:
    """Whether the same work can succeed later without anyone changing the record."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        state = getattr(error.orig, "sqlstate", None) or ""
        # a wire-level failure of the driver carries no SQLSTATE
        return not state or state[:2] in _TRANSIENT_CLASSES or state in _TRANSIENT_STATES
    if isinstance(error, PoolTimeout | OSError | TimeoutError | KafkaError | Unavailable):
        return True
    state = getattr(error, "sqlstate", None)  # asyncpg's own, outside of SQLAlchemy
    return isinstance(state, str) and (state[:2] in _TRANSIENT_CLASSES or state in _TRANSIENT_STATES)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from ``first`` to ``longest`` seconds, each jittered by half."""

    first: float = 0.1
    longest: float = 5.0

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the ``attempt``-th failure, counted from 1."""
        full: float = min(self.longest, self.first * 2 ** min(attempt - 1, 30))
        return full * (0.5 + random.random() / 2)  # noqa: S311 - jitter is no secret


def attempts_allowed(error: BaseException) -> int:
    """How often a record may fail with ``error`` before it is a dead letter.

    What is not found may be told by an event of another topic that is still on its way: some
    30 seconds of patience. Anything else gets some 3 seconds.
    """
    return 12 if isinstance(error, NotFound) else 6
