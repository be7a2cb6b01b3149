"""How many votes the apis turned away for load, all of them together.

Each api counts its own refusals in memory and writes them beside the vote path, every two seconds while
there are new ones; the staff's board adds up what all have written since the vote opened. After a minute
without refusals an api begins a new row, so that what a rehearsal saw does not stand in the row of the vote.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain.errors import MayBeRecorded, TooBusy
from services.voting.fast import refused
from shared.contracts.ids import new_id
from shared.contracts.voting import VotingOpened
from shared.db import Database

log = logging.getLogger(__name__)
EVERY_SECONDS = 2.0
REASONS = (TooBusy.code, MayBeRecorded.code)
"""Both tell the voter to try again; the first was not taken, of the second nobody knows yet."""
_FAREWELL_SECONDS = 1.0
_QUIET_SECONDS = 60.0
"""Who turns votes away after this begins a new row."""

_WRITE = text(
    """
    INSERT INTO refusal_count (process, reason, total, per_second, at)
    VALUES (:process, :reason, :total, :per_second, statement_timestamp())
    ON CONFLICT (process, reason) DO UPDATE
    SET total = excluded.total, per_second = excluded.per_second, at = excluded.at
    """
)
_FORGET = text("DELETE FROM refusal_count WHERE at < statement_timestamp() - interval '100 days'")
_ALL = text(
    """
    SELECT coalesce(sum(total), 0) AS total,
           coalesce(sum(per_second) FILTER (WHERE at > statement_timestamp() - interval '6 seconds'), 0)
           AS per_second
    FROM refusal_count
    WHERE at >= CAST(:since AS timestamptz)
    """
)
_OPENED = text(
    """
    SELECT created_at FROM outbox
    WHERE topic = :topic AND key = :contest_id AND headers ->> 'ce_type' = :event_type
    ORDER BY sequence LIMIT 1
    """
)


@dataclass(frozen=True, slots=True)
class Refused:
    """Votes that were turned away for load, by all apis: since some moment, and a second at present."""

    total: int
    per_second: int


async def vote_opened(session: AsyncSession, contest_id: str) -> datetime | None:
    """When the contest's vote opened by the database's clock, whatever a rehearsal's said; None before."""
    event = {"topic": VotingOpened.TOPIC, "event_type": VotingOpened.event_type()}
    opened: datetime | None = await session.scalar(_OPENED, {**event, "contest_id": contest_id})
    return opened


async def refused_by_all(session: AsyncSession, since: datetime | None) -> Refused:
    """The sum over all apis, since a moment of the database's clock within the last hundred days; nothing
    where there is none. One that wrote nothing for six seconds, dead or with nothing new to tell, has no
    part in the rate."""
    row = (await session.execute(_ALL, {"since": since})).one()
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
        self._at = self._told_at = 0.0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Count from here on."""
        self._begun = {reason: self._count(reason) for reason in REASONS}
        self._at = self._told_at = self._now()
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
        totals = self._totals()
        quiet = totals == self._written
        if quiet and self._quiet:
            self._at = now
            return
        if self._quiet and now - self._told_at > _QUIET_SECONDS:
            self._process = new_id()
            self._begun = {reason: self._begun[reason] + self._written[reason] for reason in REASONS}
            self._written = dict.fromkeys(REASONS, 0)
            totals = self._totals()
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
        self._told_at = now

    def _totals(self) -> dict[str, int]:
        return {reason: self._count(reason) - self._begun[reason] for reason in REASONS}

    async def _write_forever(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.write()
            except (OSError, SQLAlchemyError) as error:
                log.warning("refusals could not be told", extra={"error": repr(error)})
