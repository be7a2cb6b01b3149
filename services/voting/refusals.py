"""How many votes the apis turned away for load, all of them together.

Each api counts its own refusals in memory and writes them beside the vote path, every two seconds while
there are new ones; the staff's board adds up what all have written.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain.errors import MayBeRecorded, TooBusy
from services.voting.fast import refused
from shared.contracts.ids import new_id
from shared.db import Database

log = logging.getLogger(__name__)
EVERY_SECONDS = 2.0
REASONS = (TooBusy.code, MayBeRecorded.code)
"""Both tell the voter to try again; the first was not taken, of the second nobody knows yet."""
_FAREWELL_SECONDS = 1.0

_WRITE = text(
    """
    INSERT INTO refusal_count (process, reason, total, per_second, at)
    VALUES (:process, :reason, :total, :per_second, statement_timestamp())
    ON CONFLICT (process, reason) DO UPDATE
    SET total = excluded.total, per_second = excluded.per_second, at = excluded.at
    """
)
_FORGET = text("DELETE FROM refusal_count WHERE at < statement_timestamp() - interval '30 days'")
_ALL = text(
    """
    SELECT coalesce(sum(total), 0) AS total,
           coalesce(sum(per_second) FILTER (WHERE at > statement_timestamp() - interval '6 seconds'), 0)
           AS per_second
    FROM refusal_count
    """
)


@dataclass(frozen=True, slots=True)
class Refused:
    """Votes that were turned away for load: at every door since it started, and at this moment."""

    total: int
    per_second: int


async def refused_by_all(session: AsyncSession) -> Refused:
    """The sum over all apis. One that wrote nothing for six seconds, dead or with nothing new to tell,
    has no part in the rate."""
    row = (await session.execute(_ALL)).one()
    return Refused(int(row.total), round(row.per_second))


class Refusals:
    """Writes what this process turned away, while it serves."""

    def __init__(
        self,
        database: Database,
        count: Callable[[str], int] = refused,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            count: the number of refusals for a reason since any moment of the past.
            now: seconds since any moment of the past.
        """
        self._database = database
        self._count = count
        self._now = now
        self._process = new_id()
        self._begun = dict.fromkeys(REASONS, 0)
        self._written = dict.fromkeys(REASONS, 0)
        self._quiet = True
        self._at = 0.0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Count from here on."""
        self._begun = {reason: self._count(reason) for reason in REASONS}
        self._at = self._now()
        self._task = asyncio.create_task(self._write_forever())

    async def stop(self) -> None:
        """Write what is new, unless the database keeps the shutdown waiting."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(OSError, SQLAlchemyError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await self.write()

    async def write(self) -> None:
        """Tell the totals, and the rate since the last time; nothing where nothing changed."""
        now = self._now()
        totals = {reason: self._count(reason) - self._begun[reason] for reason in REASONS}
        quiet = totals == self._written
        if quiet and self._quiet:
            self._at = now
            return
        seconds = max(now - self._at, 0.001)
        rows = [
            {
                "process": self._process,
                "reason": reason,
                "total": total,
                "per_second": (total - self._written[reason]) / seconds,
            }
            for reason, total in totals.items()
        ]
        async with self._database.transaction() as session:
            await session.execute(_WRITE, rows)
            await session.execute(_FORGET)
        self._written, self._quiet, self._at = totals, quiet, now

    async def _write_forever(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.write()
            except (OSError, SQLAlchemyError) as error:
                log.warning("refusals could not be told", extra={"error": repr(error)})
