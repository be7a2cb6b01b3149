"""What the processes of a turn used: CPU seconds over whole process trees, and their peak memory."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psutil

_SAMPLE_SECONDS = 1.0
Parts = Mapping[str, Sequence[int]]
"""Process ids by the part of the system that they are: app, tally, queue, broker, database, load."""


def cpu_seconds(pids: Sequence[int]) -> float:
    """CPU time of the trees below ``pids`` so far, children that have ended included."""
    total = 0.0
    for process in tree(pids):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def tree(pids: Sequence[int]) -> list[psutil.Process]:
    """The processes ``pids`` and everything below them."""
    found: list[psutil.Process] = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(pid)
            found += [root, *root.children(recursive=True)]
    return found


def pss_mb(pids: Sequence[int]) -> float:
    """Proportional set size of the trees below ``pids`` in MB: shared pages are counted once."""
    total = 0
    for process in tree(pids):
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 1e6


@dataclass(slots=True)
class Usage:
    """What was used between :meth:`begin` and :meth:`end`."""

    parts: Parts
    memory_of: tuple[str, ...] = ("app", "tally", "others", "queue")
    """Parts whose memory is watched: the contender's own."""
    cpu: dict[str, float] = field(default_factory=dict)
    peak_mb: dict[str, float] = field(default_factory=dict)
    _before: dict[str, float] = field(default_factory=dict)
    _watcher: "asyncio.Task[None] | None" = None

    def begin(self) -> None:
        self._before = {part: cpu_seconds(pids) for part, pids in self.parts.items()}
        self._watcher = asyncio.create_task(self._watch())

    async def end(self) -> None:
        self.cpu = {part: cpu_seconds(pids) - self._before[part] for part, pids in self.parts.items()}
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        self._look()

    async def _watch(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(_SAMPLE_SECONDS)

    def _look(self) -> None:
        for part in self.memory_of:
            if part in self.parts:
                self.peak_mb[part] = max(self.peak_mb.get(part, 0.0), pss_mb(self.parts[part]))
