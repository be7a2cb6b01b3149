"""Contest time: the PostgreSQL clock of the service plus the rehearsal's offset.

Only a rehearsal has an offset. It is a row in each service's database, so every process of the
service agrees, and a rehearsal on a simulated clock is exact.
"""

from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.zone import BANGKOK

__all__ = ["BANGKOK", "Clock", "DatabaseClock", "FixedClock", "set_rehearsal_clock"]

_NOW = text(
    """
    SELECT clock_timestamp() + coalesce(
        (SELECT shift FROM rehearsal_clock WHERE contest_id = :contest_id), interval '0')
    """
)
_SET = text(
    """
    INSERT INTO rehearsal_clock (contest_id, shift)
    VALUES (:contest_id, CAST(:now AS timestamptz) - clock_timestamp())
    ON CONFLICT (contest_id) DO UPDATE SET shift = excluded.shift
    """
)


class Clock(Protocol):
    """What use cases are given to read contest time."""

    async def now(self, session: AsyncSession, contest_id: str) -> datetime:
        """The contest's time, aware, in UTC."""


class DatabaseClock:
    """The clock that runs everywhere: database time plus the rehearsal's shift."""

    async def now(self, session: AsyncSession, contest_id: str) -> datetime:
        result = await session.execute(_NOW, {"contest_id": contest_id})
        now: datetime = result.scalar_one()
        return now


class FixedClock:
    """A clock for tests that stands where it is put."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    async def now(self, session: AsyncSession, contest_id: str) -> datetime:
        return self.instant

    def advance(self, by: timedelta) -> None:
        """Move the clock forward."""
        self.instant += by


async def set_rehearsal_clock(session: AsyncSession, contest_id: str, now: datetime) -> None:
    """Let the contest's time in this service be ``now`` from here on. The caller has checked that
    the contest is a rehearsal."""
    await session.execute(_SET, {"contest_id": contest_id, "now": now})
