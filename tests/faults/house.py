"""A voting system of real parts, each of which can be killed: Kafka, PostgreSQL, apis, workers."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from services.voting import consumers, repository
from services.voting.domain.ballots import read_ballot, voter_of
from services.voting.domain.keys import derive_keys
from services.voting.domain.receipts import receipt_for
from shared.clock import set_rehearsal_clock
from shared.contracts.ids import new_id
from shared.contracts.intake import Role
from shared.db import Database
from shared.embedded.kafka_java import KafkaJava
from shared.embedded.ports import free_port
from shared.embedded.postgres import SMALL, EmbeddedPostgres
from shared.messaging.topics import provision
from shared.root_secret import root_secret
from shared.settings import BrokerKind, Settings
from shared.testing.postgres import Templates
from shared.testing.rulebooks import VOTE_OPENS, a_rulebook
from shared.testing.web import settings_for_tests, sign_in
from tests.component.voting.scenario import entry_id, open_vote, ready_to_vote
from tests.faults.clients import Line, Vote, Voter, cast
from tests.faults.history import Answer
from tests.faults.proxy import Proxy

SCRIPT = Path(__file__).with_name("voting_process.py")
ENTRIES = 4
BALLOTS_AT_ONCE = 250
START_SECONDS = 120.0
"""Generous: the machine may have other work."""


class Nursery:
    """Gives birth to processes of voting; see ``voting_process.py``."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._one_at_a_time = asyncio.Lock()

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), env={**os.environ, "PYTHONPATH": str(Path.cwd())},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def stop(self) -> None:
        """Its processes end with it."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def bear(self, arguments: Sequence[str], environment: dict[str, str], log: Path) -> int:
        """The id of a new process."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        wish = {"arguments": list(arguments), "environment": environment, "log": str(log)}
        async with self._one_at_a_time:
            self._process.stdin.write(json.dumps(wish).encode() + b"\n")
            return int(await self._process.stdout.readline())


class VotingProcess:
    """One role of voting, on a port that it keeps over its lives."""

    def __init__(
        self, nursery: Nursery, role: str, settings: Settings, log: Path, *, plant: str = "", clock: float = 0
    ) -> None:
        self.role = role
        self.port = free_port()
        self.lives = 0
        self.pid = 0
        self._nursery = nursery
        self._log = log
        self._environment = {
            **settings.environment(),
            "FAULTS_PLANT": plant,
            "FAULTS_CLOCK": str(clock),
            "SHOWCASE_LOG_LEVEL": "WARNING",
        }

    async def start(self) -> None:
        """Start it, without waiting for it."""
        self.lives += 1
        arguments = (self.role, "--host", "127.0.0.1", "--port", str(self.port))
        self.pid = await self._nursery.bear(arguments, self._environment, self._log)

    async def ready(self) -> None:
        """Wait until it says that it is ready; start it again where it ended by itself, as a supervisor
        does."""

        async def is_ready() -> bool:
            if not self.send(0):
                await self.start()
                return False
            return await _answers(self.port)

        await until(is_ready, f"{self.role} is ready (its log: {self._log})")

    async def kill(self) -> None:
        """As a power cut ends it."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """As an operator stops it."""
        await self._end(signal.SIGTERM)

    def send(self, number: int) -> bool:
        """SIGSTOP, SIGCONT, or 0 to see whether it lives."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return self.pid != 0

    async def _end(self, how: signal.Signals) -> None:
        async def gone() -> bool:
            return not self.send(0)

        if self.pid:
            self.send(how)
            await until(gone, f"{self.role} ends")
            self.pid = 0


@dataclass(slots=True)
class House:
    """Everything that runs, and what tests need of it."""

    folder: Path
    kafka: KafkaJava
    postgres: EmbeddedPostgres
    database: Database
    settings: Settings
    nursery: Nursery
    apis: list[VotingProcess] = field(default_factory=list)
    workers: list[VotingProcess] = field(default_factory=list)
    proxy: Proxy | None = None
    """Between every Kafka client and the broker, in a house that was built with one."""

    @property
    def ports(self) -> list[int]:
        """Where votes are taken."""
        return [api.port for api in self.apis]

    async def add(self, role: str, *, plant: str = "", clock: float = 0) -> VotingProcess:
        """One more process, once it is ready."""
        process = self._make(role, plant=plant, clock=clock)
        await process.start()
        await process.ready()
        return process

    def _make(self, role: str, *, plant: str = "", clock: float = 0) -> VotingProcess:
        fleet = self.apis if role == "api" else self.workers
        log = self.folder / f"{role}-{len(fleet)}.log"
        process = VotingProcess(self.nursery, role, self.settings, log, plant=plant, clock=clock)
        fleet.append(process)
        return process

    async def staff(self, apis: int, workers: int, *, plant: str = "") -> None:
        """Start that many processes side by side."""
        roles = ["api"] * apis + ["worker"] * workers
        processes = [self._make(role, plant=plant) for role in roles]
        await asyncio.gather(*(process.start() for process in processes))
        await asyncio.gather(*(process.ready() for process in processes))

    async def everyone_ready(self) -> None:
        """Wait until every process is ready again."""
        await asyncio.gather(*(process.ready() for process in (*self.apis, *self.workers)))

    async def end_processes(self) -> None:
        """Kill every process of voting."""
        await asyncio.gather(*(process.kill() for process in (*self.apis, *self.workers)))
        self.apis, self.workers = [], []

    async def new_vote(self, voters: int, *, closes_in: timedelta | None = None) -> Vote:
        """A new contest with its vote open and that many ballots given out, known to every api."""
        rulebook = a_rulebook(f"faults-{new_id()[-12:]}")
        contest_id = rulebook.contest_id
        await self._set_clock(contest_id, VOTE_OPENS - timedelta(minutes=30))
        await ready_to_vote(self.database, rulebook, finalists=ENTRIES)
        await open_vote(self.database, contest_id)
        close = next(m.ends_at for m in rulebook.milestones if m.kind.value == "voting")
        await self._set_clock(contest_id, close - closes_in if closes_in else VOTE_OPENS + timedelta(hours=1))
        vote = await self._vote(contest_id, voters)
        await asyncio.gather(*(self._knows(port, vote) for port in self.ports))
        return vote

    async def _set_clock(self, contest_id: str, now: datetime) -> None:
        async with self.database.transaction() as session:
            await set_rehearsal_clock(session, contest_id, now)

    async def _vote(self, contest_id: str, voters: int) -> Vote:
        ballots: list[str] = []
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.ports[0]}", timeout=60) as client:
            sign_in(client, [Role.ADMIN], contest_id=contest_id)
            path = f"/api/voting/v1/contests/{contest_id}/rehearsal-ballots"
            while (
                len(ballots) < voters
            ):  # a few at a time: a busy machine must not make it a long transaction
                wanted = {"count": min(BALLOTS_AT_ONCE, voters - len(ballots))}
                answer = await client.post(path, json=wanted)
                assert answer.status_code in (201, 503), answer.text
                ballots += answer.json().get("ballots", [])
        async with self.database.transaction() as session:
            pepper = await repository.pepper(session, contest_id)
        root = root_secret(self.settings.voting_secret.get_secret_value(), "SHOWCASE_VOTING_SECRET")
        keys = derive_keys(root, contest_id, pepper)
        return Vote(
            contest_id,
            [Voter(token, voter_of(keys, read_ballot(token, lambda _: keys).subject)) for token in ballots],
            [entry_id(number) for number in range(ENTRIES)],
            lambda voter_id, key, entry: receipt_for(keys, voter_id, key, entry),
        )

    async def _knows(self, port: int, vote: Vote) -> None:
        """The api learns of the opening within seconds: ask until its first vote is taken."""
        line = Line(port, 5.0)

        async def taken() -> bool:
            return await cast(line, vote, vote.voters[0], vote.entries[0], "first-of-all") is Answer.OK

        await until(taken, f"the api at {port} takes votes", pause=0.2)
        line.close()


@asynccontextmanager
async def a_house(
    folder: Path,
    *,
    apis: int = 1,
    workers: int = 1,
    plant: str = "",
    proxied: bool = False,
    kafka_folder: Path | None = None,
    postgres_folder: Path | None = None,
) -> AsyncIterator[House]:
    """Start everything, stop everything."""
    async with AsyncExitStack() as stack:
        port = free_port()
        proxy = await stack.enter_async_context(Proxy(port)) if proxied else None
        told = {"advertised.listeners": f"PLAINTEXT://127.0.0.1:{proxy.port}"} if proxy else {}
        kafka = KafkaJava(kafka_folder or folder / "kafka", port=port, heap="384m", settings=told)
        stack.push_async_callback(asyncio.to_thread, kafka.kill)
        # not FAST, whose commits a killed server forgets
        postgres = EmbeddedPostgres(
            postgres_folder or folder / "pg", password="faults", settings=SMALL | {"max_connections": "120"}
        )
        stack.push_async_callback(asyncio.to_thread, postgres.stop)
        nursery = Nursery()
        stack.push_async_callback(nursery.stop)
        _, _, dsn = await asyncio.gather(
            nursery.start(), asyncio.to_thread(kafka.start), asyncio.to_thread(postgres.start)
        )
        database = await stack.enter_async_context(Templates(dsn).database("voting"))
        settings = settings_for_tests(
            broker=BrokerKind.KAFKA,
            bootstrap_servers=f"127.0.0.1:{proxy.port}" if proxy else kafka.bootstrap_servers,
            voting_database_url=database.dsn,
        )
        await provision(settings, {each.group for each in consumers.subscriptions()})
        house = House(folder, kafka, postgres, database, settings, nursery, proxy=proxy)
        stack.push_async_callback(house.end_processes)
        await house.staff(apis, workers, plant=plant)
        yield house


async def until(
    holds: Callable[[], Awaitable[bool]], what: str, within: float = START_SECONDS, pause: float = 0.05
) -> float:
    """Wait until it holds; returns the seconds that it took."""
    began = time.monotonic()
    while not await holds():
        assert time.monotonic() - began < within, f"not within {within:.0f} s: {what}"
        await asyncio.sleep(pause)
    return time.monotonic() - began


async def _answers(port: int) -> bool:
    """Whether ``/readyz`` names nothing that is wrong; an api stays ready while others are away."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            said = await reader.read()
            writer.close()
    except (OSError, TimeoutError):
        return False
    return said.endswith((b'"reasons":[]}', b'"reasons": []}'))


def spread(processes: Sequence[VotingProcess]) -> str:
    """How often each was started, for the report."""
    return ", ".join(f"{process.role} {process.lives}" for process in processes)
