"""A role of a service as a process of its own, started and watched by another."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from shared.embedded.ports import free_port
from shared.runtime.parts import Role
from shared.settings import ServiceName, Settings
from shared.startup import CannotStart

_START_SECONDS = 60.0
_STOP_SECONDS = 40.0
"""Longer than a consumer may take to finish its batch."""
_AGAIN_SECONDS = 1.0
log = structlog.get_logger("showcase.process")


class Child:
    """``python -m services.<service> <role>``; one that ends by itself is started again."""

    def __init__(
        self,
        service: ServiceName,
        role: Role,
        settings: Settings,
        logs: Path,
        *,
        number: int = 0,
        on_start: Callable[[str, int], None] = lambda _name, _pid: None,
    ) -> None:
        """``number`` tells processes of one role apart; ``on_start`` is told the name and process id at
        each start."""
        self.name = f"{service}-{role}" + (f"-{number + 1}" if number else "")
        self.port = free_port()
        self._command = (
            sys.executable,
            "-m",
            f"services.{service}",
            role.value,
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
        )
        self._environment: Mapping[str, str] = {
            **os.environ,
            **settings.environment(),
            "SHOWCASE_HTTP_HOST": "127.0.0.1",
            "SHOWCASE_HTTP_PORT": str(self.port),
        }
        self._log = logs / f"{self.name}.log"
        self._on_start = on_start
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def url(self) -> str:
        """Where it answers its probes, and an api its requests."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Returns when the process answers.

        Raises:
            CannotStart: it ended, with what it said last, or does not answer in time.
        """
        await self._spawn()
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while not await self._answers():
            if self._process is None or self._process.returncode is not None:
                raise CannotStart(f"{self.name} did not start: {self._last_words()}")
            if asyncio.get_running_loop().time() > deadline:
                raise CannotStart(f"{self.name} does not answer; its log is {self._log}.")
            await asyncio.sleep(0.1)
        self._watcher = asyncio.create_task(self._watch(), name=f"watch {self.name}")

    async def stop(self) -> None:
        """Ask it to stop in order, and wait until it has."""
        self._stopping = True
        if self._watcher:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    def healthy(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def problem(self) -> str:
        return "" if self.healthy() else f"{self.name} has ended; its log is {self._log}"

    async def _spawn(self) -> None:
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=self._environment, stdin=asyncio.subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self._on_start(self.name, self._process.pid)

    async def _watch(self) -> None:
        while self._process is not None:
            code = await self._process.wait()
            if self._stopping:
                return
            log.warning("a process ended and is started again", process=self.name, exit_code=code)
            await asyncio.sleep(_AGAIN_SECONDS)
            await self._spawn()

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    def _last_words(self) -> str:
        lines = [line for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"
