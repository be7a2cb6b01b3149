"""More processes behind one port: the kernel gives each new connection to one of them.

The first process starts the others, starts one again that ends by itself, and stops them with itself.
A sibling whose first process was killed stops too, so that no port is served by leftovers.
"""

import asyncio
import contextlib
import os
import sys

import structlog

from shared.settings import ServiceName

_AGAIN_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_STOP_SECONDS = 40.0
log = structlog.get_logger("showcase.process")


class Siblings:
    """``count`` further processes that serve ``host:port``, as :class:`shared.runtime.parts.Part`."""

    def __init__(self, service: ServiceName, host: str, port: int, count: int) -> None:
        self._command = (
            sys.executable, "-m", f"services.{service}", "api",
            "--host", host, "--port", str(port), "--sibling-of", str(os.getpid()),
        )  # fmt: skip
        self._count = count
        self._processes: list[asyncio.subprocess.Process] = []
        self._watchers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start them; they serve once each of them is ready."""
        self._watchers = [asyncio.create_task(self._keep(number)) for number in range(self._count)]

    async def stop(self) -> None:
        """Stop them in order."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        await asyncio.gather(*(_end(process) for process in self._processes))

    def healthy(self) -> bool:
        return not self.problem()

    def problem(self) -> str:
        """Why, in a sentence; a sibling that ended is started again, so that is none."""
        ended = [watcher for watcher in self._watchers if watcher.done()]
        return "a sibling process cannot be started" if ended else ""

    async def _keep(self, number: int) -> None:
        while True:
            process = await asyncio.create_subprocess_exec(*self._command, stdin=asyncio.subprocess.DEVNULL)
            self._processes.append(process)
            code = await process.wait()
            self._processes.remove(process)
            log.warning("a sibling ended and is started again", number=number, exit_code=code)
            await asyncio.sleep(_AGAIN_SECONDS)


async def orphaned(first: int, stopping: asyncio.Event) -> None:
    """Set ``stopping`` once the process that started this one is gone."""
    # ASYNC110: the kernel tells nobody
    while os.getppid() == first:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_SECONDS)
    stopping.set()


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
