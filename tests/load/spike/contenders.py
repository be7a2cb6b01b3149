"""Who takes part in Vote Spike: how each is started, asked, read back and stopped."""

import asyncio
import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared.embedded.ports import free_port
from shared.runtime.priority import give_way
from tests.load.spike.servers import Servers
from tests.load.spike.voters import Attempt, Expected

_STOP_SECONDS = 15.0
START_SECONDS = 120.0


class Failed(Exception):
    """A contender could not be measured; the sentence says why."""


@dataclass(slots=True)
class Stored:
    """What a contender's database holds at the end of a turn."""

    choice_of: dict[int, int]
    """Voter → the choice that was counted."""
    strangers: int = 0
    """Rows of voters who were not asked to vote."""
    received: int | None = None
    """Records that the log has, where there is one: repetitions are on it too."""
    complaints: list[str] = field(default_factory=list)
    bytes_per_vote: float = 0.0


class Contender(ABC):
    """One system that takes votes over HTTP. Started anew for each turn."""

    name: str
    promise: str
    """What its "accepted" means."""
    settings: str
    """How it is run, in a line for the report."""
    processes: int = 1
    most_per_second: int = 12_000
    """More requests than it can take in a second; only that many are written down in advance."""

    def __init__(self, servers: Servers, logs: Path) -> None:
        self.servers = servers
        self.port = free_port()
        self._logs = logs
        self._running: list[subprocess.Popen[bytes]] = []
        self.pids: dict[str, list[int]] = {}

    @abstractmethod
    async def start(self) -> None:
        """Start its processes and wait until it answers."""

    @abstractmethod
    async def begin(self, poll: str, voters: int) -> None:
        """Make ready for a fresh vote called ``poll`` with that many voters."""

    @abstractmethod
    def request(self, attempt: Attempt) -> bytes:
        """The whole HTTP request of one attempt."""

    @abstractmethod
    async def settled(self, expected: Expected, at_least: int) -> None:
        """Return when everything that was accepted (``at_least`` votes, repetitions too) is counted."""

    @abstractmethod
    async def stored(self, expected: Expected) -> Stored:
        """What its database holds now."""

    async def watch(self, crowd: list[Attempt]) -> None:
        """Look on while the open loop runs, until cancelled."""
        return

    async def more(self) -> dict[str, float]:
        """Further figures of the turn that was just judged."""
        return {}

    async def close(self) -> None:
        """Close what is kept between turns."""
        return

    async def stop(self) -> None:
        """End its processes."""
        for process in reversed(self._running):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._running:
            try:
                await asyncio.to_thread(process.wait, _STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._running.clear()
        self.pids.clear()

    def run(self, part: str, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> None:
        """Start one process of ``part``; what it says goes to a file of its own."""
        log = self._logs / f"{self.name}-{part}-{len(self._running)}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                list(command),
                env={**os.environ, **environment},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._running.append(process)
        self.pids.setdefault(part, []).append(process.pid)

    def behind(self, part: str) -> None:
        """Let the processes of ``part``, whom nobody waits for, give way, as this project's workers do."""
        for pid in self.pids[part]:
            give_way(pid)

    async def until_listening(self) -> None:
        """Wait until somebody accepts connections on the port.

        Raises:
            Failed: a process ended, or nobody listens within a minute.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                while True:
                    self.alive()
                    try:
                        _reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    except OSError:
                        await asyncio.sleep(0.1)
                        continue
                    writer.close()
                    return
        except TimeoutError:
            raise Failed(f"{self.name} does not listen after {START_SECONDS:.0f} s") from None

    def alive(self) -> None:
        """Raises:
        Failed: one of the processes has ended.
        """
        for process in self._running:
            if process.poll() is not None:
                raise Failed(f"a process of {self.name} ended with {process.returncode}; see {self._logs}")


def http(path: str, body: bytes) -> bytes:
    """A request as a browser behind the gateway would send it, but for the headers nobody reads."""
    return (
        b"POST %b HTTP/1.1\r\nHost: vote.example\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)
    )


async def ask(port: int, request: bytes) -> tuple[int, bytes]:
    """One request on a connection of its own: status and everything else."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            answer = await reader.read()
        finally:
            writer.close()
    if len(answer) < 12:
        raise ConnectionError("the connection was closed without an answer")
    return int(answer[9:12]), answer
