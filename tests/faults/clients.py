"""Voters: plain HTTP clients that write down what they were told."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.faults.history import Answer, Attempt, History

CONNECT_SECONDS = 2.0
_UNSURE = "may-be-recorded"


@dataclass(frozen=True, slots=True)
class Voter:
    """Somebody with a ballot."""

    ballot: str
    voter_id: str


@dataclass(slots=True)
class Vote:
    """One contest's vote: who may vote, for what, and what its clients have seen."""

    contest_id: str
    voters: Sequence[Voter]
    entries: Sequence[str]
    receipt_of: Callable[[str, str, str], str]
    """What the receipt of a voter, a key and an entry has to be, by the contest's keys."""
    history: History = field(default_factory=History)


class NotSent(Exception):
    """No connection: the request never left."""


class Line:
    """One keep-alive connection to one api, opened when it is needed."""

    def __init__(self, port: int, patience: float) -> None:
        self.port = port
        self._patience = patience
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer.

        Raises:
            NotSent: nothing was sent.
            OSError, EOFError, TimeoutError: nobody knows what became of it.
        """
        if self._streams is None:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    self._streams = await asyncio.open_connection("127.0.0.1", self.port)
            except (OSError, TimeoutError) as error:
                raise NotSent from error
        reader, writer = self._streams
        try:
            async with asyncio.timeout(self._patience):
                head = f"POST /api/voting/v1/votes HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                return int(answer[9:12]), await reader.readexactly(length)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def cast(line: Line, vote: Vote, voter: Voter, entry: str, key: str) -> Answer:
    """Send one vote over ``line`` and write down what came of it."""
    body = json.dumps({"ballot": voter.ballot, "entry_id": entry, "key": key}).encode()
    began = time.monotonic()
    try:
        answer, said = read_answer(*await line.post(body))
    except NotSent:
        answer, said = Answer.REFUSED, "not sent"
    except (OSError, EOFError, TimeoutError) as error:
        answer, said = Answer.UNKNOWN, type(error).__name__
    except asyncio.CancelledError:
        _note(vote, voter, entry, key, Answer.UNKNOWN, "hung up", began)
        raise
    _note(vote, voter, entry, key, answer, said, began)
    return answer


def _note(vote: Vote, voter: Voter, entry: str, key: str, answer: Answer, said: str, began: float) -> None:
    receipt = vote.receipt_of(voter.voter_id, key, entry)
    seconds = time.monotonic() - began
    vote.history.attempts.append(Attempt(voter.voter_id, entry, receipt, answer, said, seconds))


def read_answer(status: int, body: bytes) -> tuple[Answer, str]:
    """What a client may conclude: only a 4xx and a shed request say that nothing was taken."""
    found = json.loads(body)
    if status == 202:
        return Answer.OK, found["receipt"]
    reason = str(found.get("type", status)).rpartition("/")[2]
    if status < 500 or (status == 503 and reason != _UNSURE):
        return Answer.REFUSED, reason
    return Answer.UNKNOWN, reason


class Crowd:
    """Voters who come one after the other over several connections, while things fail around them.

    One in eight comes back with another choice; a request without a clear answer is mostly sent again
    with the same key, as the page does, and sometimes left alone.
    """

    def __init__(
        self, vote: Vote, ports: Sequence[int], chance: random.Random, *,
        connections: int = 12, pause: float = 0.1, patience: float = 4.0,
    ) -> None:  # fmt: skip
        self._vote = vote
        self._ports = ports
        self._chance = chance
        self._connections = connections
        self._pause = pause
        self._patience = patience
        self._next = 0
        self._done = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Crowd":
        self._tasks = [asyncio.create_task(self._come()) for _ in range(self._connections)]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nobody new comes; who is in the middle of it finishes."""
        self._done.set()
        await asyncio.gather(*self._tasks)

    @property
    def accepted(self) -> int:
        """Votes that were answered with a receipt so far."""
        return self._vote.history.count(Answer.OK)

    async def takes(self, more: int, within: float = 90) -> None:
        """Wait until that many more votes were accepted: the system works (again)."""
        wanted = self.accepted + more
        async with asyncio.timeout(within):
            # ASYNC110: the crowd has a dozen tasks, and nobody else waits
            while self.accepted < wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def _come(self) -> None:
        lines = {port: Line(port, self._patience) for port in self._ports}
        while not self._done.is_set():
            number, self._next = self._next, self._next + 1
            again = number > 20 and self._chance.random() < 0.125
            which = self._chance.randrange(number) if again else number
            voter = self._vote.voters[which % len(self._vote.voters)]
            entry, key = self._chance.choice(self._vote.entries), f"attempt-{number}"
            for _ in range(5):
                line = lines[self._chance.choice(list(lines))]
                answer = await cast(line, self._vote, voter, entry, key)
                if answer is Answer.OK or self._chance.random() < 0.1:
                    break
                await asyncio.sleep(self._chance.uniform(0.05, 0.5))
            await asyncio.sleep(self._chance.uniform(0, 2 * self._pause))
        for line in lines.values():
            line.close()
