"""Timers run in one elected process of the service."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import structlog

from shared.db import Database
from shared.messaging import metrics
from shared.messaging.election import Connection, Election
from shared.messaging.subscription import Timer

_log = structlog.get_logger(__name__)
_LOCK = 0x53484F57_54494D45
_HEARTBEAT_SECONDS = 1.0
_STOP_WITHIN_SECONDS = 15.0


class TimerLeader:
    """Runs each timer every so often while this process leads. A timer that fails is logged and runs
    again at its next turn; timers do not wait for each other."""

    def __init__(self, database: Database, timers: Sequence[Timer]) -> None:
        self._database = database
        self._timers = timers
        self._election = Election(database.dsn, "timers", _LOCK, self._term)

    async def start(self) -> None:
        """Stand for election in the background."""
        if self._timers:
            self._election.start()

    async def stop(self) -> None:
        """Finish the runs in hand and give the lead away."""
        await self._election.stop(_STOP_WITHIN_SECONDS)

    @property
    def leading(self) -> bool:
        """Whether the timers run here."""
        return self._election.leading

    def healthy(self) -> bool:
        """Whether this process leads or stands ready."""
        return not self.problem()

    def problem(self) -> str:
        """Why not, in a sentence; empty when healthy."""
        return self._election.problem() if self._timers else ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _term(self, connection: Connection) -> None:
        runs = [asyncio.create_task(self._run(timer), name=f"timer {timer.name}") for timer in self._timers]
        try:
            while not self._election.stopping.is_set():
                await connection.execute("SELECT 1")  # raises once the lock is lost
                self._election.progressed()
                await self._election.pause(_HEARTBEAT_SECONDS)
            await asyncio.gather(*runs)  # each ends after the run in hand
        finally:
            for run in runs:
                run.cancel()
            await asyncio.gather(*runs, return_exceptions=True)
            for timer in self._timers:
                if timer.on_end:
                    timer.on_end()

    async def _run(self, timer: Timer) -> None:
        while not self._election.stopping.is_set():
            try:
                await timer.run(self._database)
                metrics.TIMER_RUNS.labels(timer.name, "done").inc()
            except Exception:
                metrics.TIMER_RUNS.labels(timer.name, "failed").inc()
                _log.exception("timer failed", timer=timer.name)
            await self._election.pause(timer.every.total_seconds())
