"""The benchmark's own client: ``closed`` where there is no wrk, ``open`` for the open loop.

Open loop: requests are due at a steady pace whatever the server does, and latency counts from the
moment at which a request was due, not from when a connection was free to carry it. Each request's
outcome is written down (its status, or 0 for unknown), so that the oracle can judge every vote.
"""

import asyncio
import json
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import uvloop

_DRAIN_SECONDS = 10.0


def read_requests(path: Path) -> list[bytes]:
    """What ``write_requests`` wrote."""
    data = path.read_bytes()
    requests, position = [], 0
    while position < len(data):
        size = int(data[position : position + 6])
        requests.append(data[position + 6 : position + 6 + size])
        position += 6 + size
    return requests


class Connection(asyncio.Protocol):
    """One connection with at most one request on it."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.number = -1
        self.answer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.Transport = transport
        self.run.free(self)

    def send(self, number: int) -> None:
        self.number = number
        self.transport.write(self.run.requests[number])

    def data_received(self, data: bytes) -> None:
        self.answer += data
        end = self.answer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.answer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.answer) < end + 4 + length:
            return
        number, self.number = self.number, -1
        answer, self.answer = self.answer, b""
        self.run.answered(number, int(answer[9:12]), answer[end + 4 :])
        self.run.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.run.lost(self)


class Run:
    """A load: who is free, what is due, and what became of each request."""

    def __init__(self, port: int, requests: list[bytes], pace: float) -> None:
        """``pace`` 0 is the closed loop: a request is due when a connection is free."""
        self.port = port
        self.requests = requests
        self.pace = pace
        self.statuses = [0] * len(requests)
        self.latencies: list[float] = []
        self.idle: deque[Connection] = deque()
        self.due: deque[int] = deque()
        self.next = 0
        self.open = 0
        self.broken = 0
        self.stopped = False
        self.sent_at = [0.0] * len(requests)
        self.loop = asyncio.get_running_loop()

    async def go(self, connections: int, seconds: float) -> float:
        """Run for ``seconds``; how long it took until the last request was sent."""
        self.began = time.perf_counter()
        await asyncio.gather(*(self.connect() for _ in range(connections)))
        self.began = time.perf_counter()
        while (now := time.perf_counter()) < self.began + seconds and self.next < len(self.requests):
            if self.pace:
                until = min(int((now - self.began) * self.pace), len(self.requests))
                for number in range(self.next, until):
                    self.sent_at[number] = self.began + number / self.pace
                    self.due.append(number)
                self.next = max(self.next, until)
                self.match()
            await asyncio.sleep(0.001 if self.pace else 0.05)
        self.stopped = True
        took = time.perf_counter() - self.began
        patience = time.perf_counter() + _DRAIN_SECONDS
        while (self.open or self.due) and time.perf_counter() < patience:
            self.match()
            await asyncio.sleep(0.01)
        return took

    async def connect(self) -> None:
        await self.loop.create_connection(lambda: Connection(self), "127.0.0.1", self.port)

    def free(self, connection: Connection) -> None:
        self.idle.append(connection)
        if not self.pace and not self.stopped and self.next < len(self.requests):
            self.due.append(self.next)
            self.sent_at[self.next] = time.perf_counter()
            self.next += 1
        self.match()

    def match(self) -> None:
        while self.due and self.idle:
            connection = self.idle.popleft()
            if not connection.transport.is_closing():
                self.open += 1
                connection.send(self.due.popleft())

    def answered(self, number: int, status: int, body: bytes) -> None:
        self.open -= 1
        self.statuses[number] = status
        self.latencies.append(time.perf_counter() - self.sent_at[number])

    def lost(self, connection: Connection) -> None:
        if connection.number >= 0:
            self.open -= 1
            self.broken += 1
            connection.number = -1
        if not self.stopped:
            self.loop.create_task(self.connect())


async def main(kind: str, port: int, file: Path, connections: int, seconds: float, pace: float) -> None:
    run = Run(port, read_requests(file), pace if kind == "open" else 0.0)
    took = await run.go(connections, seconds)
    ordered = sorted(run.latencies) or [0.0]

    def at(share: float) -> float:
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    outcomes = run.statuses[: run.next]
    counted = {str(status): outcomes.count(status) for status in set(outcomes) if status}
    file.with_suffix(".outcomes").write_text(json.dumps(outcomes))
    result = {
        "sent": run.next,
        "statuses": counted,
        "seconds": took,
        "p50_ms": at(0.5),
        "p99_ms": at(0.99),
        "p999_ms": at(0.999),
        "max_ms": 1000 * ordered[-1],
        "errors": {"broken": run.broken},
        "exhausted": 0,
        "cpu_s": time.process_time(),
    }
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    given = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            main(
                given[0], int(given[1]), Path(given[2]), int(given[3]), float(given[4]),
                float(given[5]) if len(given) > 5 else 0.0,
            )
        )  # fmt: skip
