"""Leadership by a session advisory lock: whoever's connection holds it leads, and no longer.

The server ends a session that says nothing for :data:`SILENCE_MS`, so a leader that was stopped
(SIGSTOP, a frozen machine) loses the lock although its connection stands.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
import structlog

from shared.messaging.failures import Backoff

_log = structlog.get_logger(__name__)
SILENCE_MS = 10_000
_ASK_EVERY_SECONDS = 1.0
_TROUBLE_AFTER_SECONDS = 60.0

Connection = asyncpg.Connection  # without asyncpg's record type: rows are read by name


class Election:
    """Runs ``term`` while this process leads, again and again until :meth:`stop`.

    ``term`` gets the very connection that holds the lock. It must use it at least every few
    seconds, end when ``stopping`` is set, and may raise: the connection is then closed, which gives
    the lock away, and the candidate stands again after a pause.
    """

    def __init__(self, dsn: str, name: str, lock: int, term: Callable[[Connection], Awaitable[None]]) -> None:
        self._dsn = dsn
        self._name = name
        self._lock = lock
        self._term = term
        self._task: asyncio.Task[None] | None = None
        self.stopping = asyncio.Event()
        self.leading = False
        self._seen = time.monotonic()
        self._trouble = ""

    def start(self) -> None:
        """Stand for election, in the background."""
        self._seen = time.monotonic()
        self._task = asyncio.create_task(self._stand(), name=f"election {self._name}")

    async def stop(self, within: float) -> None:
        """Let the term end, at the latest after ``within`` seconds."""
        self.stopping.set()
        if self._task is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await asyncio.shield(self._task)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._task = None

    def progressed(self) -> None:
        """The term says that it is alive."""
        self._seen = time.monotonic()
        self._trouble = ""

    def problem(self) -> str:
        """Why nothing moves, in a sentence; empty when it does."""
        silent = time.monotonic() - self._seen
        if silent < _TROUBLE_AFTER_SECONDS:
            return ""
        return f"{self._name}: no progress for {silent:.0f} s{self._trouble and ', ' + self._trouble}"

    async def pause(self, seconds: float) -> None:
        """Sleep, but not beyond :meth:`stop`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()

    async def _stand(self) -> None:
        backoff, attempt = Backoff(first=0.2), 0
        while not self.stopping.is_set():
            try:
                connection = await asyncpg.connect(
                    self._dsn,
                    timeout=5,
                    command_timeout=30,
                    server_settings={
                        "application_name": f"showcase {self._name}",
                        "idle_session_timeout": str(SILENCE_MS),
                        "idle_in_transaction_session_timeout": "2000",
                    },
                )
                try:
                    if await self._win(connection):
                        attempt = 0
                        await self._term(connection)
                finally:
                    self.leading = False
                    with suppress(Exception):
                        await connection.close(timeout=2)
            except Exception as error:
                attempt += 1
                self._trouble = f"last error {type(error).__name__}: {error}"
                _log.warning("term ended", name=self._name, error=repr(error), attempt=attempt)
                await self.pause(backoff.delay(attempt))

    async def _win(self, connection: Connection) -> bool:
        while not self.stopping.is_set():
            if await connection.fetchval("SELECT pg_try_advisory_lock($1)", self._lock):
                self.leading = True
                _log.info("leading", name=self._name)
                return True
            self.progressed()
            await self.pause(_ASK_EVERY_SECONDS)
        return False
