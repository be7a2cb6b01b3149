"""The peers as contenders: each a program of ``tests/load/peers`` on a database of its own."""

import asyncio
import json
import os
import shutil
import time
from pathlib import Path

import asyncpg
from aiokafka.admin import NewTopic

from shared.embedded.ports import free_port
from shared.messaging.broker import connect_admin
from shared.settings import BrokerKind, Settings
from tests.load.spike.contenders import Contender, Failed, Stored, http
from tests.load.spike.servers import Servers
from tests.load.spike.voters import Attempt, Expected

ROOT = Path(__file__).resolve().parents[3]
PEERS = ROOT / "tests" / "load" / "peers"
BIN = ROOT / ".venv-bench" / "bin"
_TABLE = """
    CREATE TABLE IF NOT EXISTS vote (
        poll text NOT NULL, voter_id text NOT NULL, entry_id text NOT NULL, PRIMARY KEY (poll, voter_id))
"""
_UVICORN = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")


class Peer(Contender):
    """A program that keeps votes in a table ``vote (poll, voter_id, entry_id)``."""

    path = "/votes"
    label = ""

    def __init__(self, servers: Servers, logs: Path, processes: int = 1) -> None:
        super().__init__(servers, logs)
        self.processes = processes
        self.name = self.label
        self._database = "spike_" + self.label.replace("-", "_")
        self._dsn = ""
        self._poll = ""
        self._size_before = 0

    async def start(self) -> None:
        if not BIN.exists():
            raise Failed("the peers are not installed: run `make bench-setup`")
        if not self._dsn:
            self._dsn = await self.servers.fresh_database(self._database)
            await self._execute(_TABLE)
        await self.launch({"DATABASE_URL": self._dsn, "KAFKA": self.servers.kafka})
        await self.until_listening()
        await asyncio.sleep(1)  # its other workers

    async def launch(self, environment: dict[str, str]) -> None:
        """Start its processes."""
        raise NotImplementedError

    def uvicorn(self, module: str, environment: dict[str, str]) -> None:
        """Serve ``module`` of the peers' folder."""
        command = [str(BIN / "uvicorn"), f"{module}:app", "--port", str(self.port), *_UVICORN]
        self.run("app", [*command, "--workers", str(self.processes)], environment, PEERS)

    async def begin(self, poll: str, voters: int) -> None:
        self._poll = poll
        self._size_before = await self.servers.size_of(self._database)

    def request(self, attempt: Attempt) -> bytes:
        body = {
            "poll": self._poll,
            "voter_id": f"voter-{attempt.voter:014d}",
            "entry_id": f"entry-{attempt.choice if attempt.valid else 99:02d}",
            "key": attempt.key,
        }
        return http(self.path, json.dumps(body).encode())

    async def settled(self, expected: Expected, at_least: int) -> None:
        return  # a row before the answer: there is nothing to wait for

    async def stored(self, expected: Expected) -> Stored:
        connection = await asyncpg.connect(self._dsn)
        try:
            rows = await connection.fetch("SELECT voter_id, entry_id FROM vote WHERE poll = $1", self._poll)
        finally:
            await connection.close()
        found = Stored({int(row["voter_id"][6:]): int(row["entry_id"][6:]) for row in rows})
        found.strangers = len(found.choice_of.keys() - expected.first_choice.keys())
        size = await self.servers.size_of(self._database)
        found.bytes_per_vote = (size - self._size_before) / max(1, len(rows))
        return found

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


class SqlModel(Peer):
    """See ``peers/sqlmodel_app.py``."""

    label = "fastapi-sqlmodel"
    promise = "200 after COMMIT: the row is in PostgreSQL"
    settings = "uvicorn, uvloop, httptools; thread pool of 40, psycopg 3 (C), pool of 40"
    most_per_second = 4_000

    async def launch(self, environment: dict[str, str]) -> None:
        self.uvicorn("sqlmodel_app", environment)


class Asyncpg(Peer):
    """See ``peers/asyncpg_app.py``."""

    label = "fastapi-asyncpg"
    promise = "200 after COMMIT: the row is in PostgreSQL"
    settings = "uvicorn, uvloop, httptools; asyncpg pool of 20, prepared INSERT … ON CONFLICT DO NOTHING"

    async def launch(self, environment: dict[str, str]) -> None:
        self.uvicorn("asyncpg_app", environment)


class Django(Peer):
    """See ``peers/django_app.py``."""

    label = "django"
    promise = "200 after COMMIT: the row is in PostgreSQL"
    settings = "gunicorn, 5 gthread workers × 4 threads, keep-alive; psycopg 3, CONN_MAX_AGE=None, one INSERT"
    most_per_second = 4_000

    async def launch(self, environment: dict[str, str]) -> None:
        gunicorn(self, "django_app", environment)


class VotingQueue(Peer):
    """See ``peers/queue_app.py`` and ``peers/queue_worker.py``."""

    label = "voting-queue"
    promise = "200 when Redis has written the vote to its file; the row comes later"
    settings = (
        "Flask, gunicorn, 5 gthread workers × 4 threads; Redis AOF; worker in batches of 1,000 gives way"
    )
    most_per_second = 6_000

    async def launch(self, environment: dict[str, str]) -> None:
        if not shutil.which("redis-server"):
            raise Failed("voting-queue needs redis-server: install it (Debian: redis-server)")
        port = free_port()
        folder = self.servers.folder / "redis"
        folder.mkdir(exist_ok=True)
        always = "always" if self.servers.durability == "power" else "everysec"
        command = ["redis-server", "--port", str(port), "--dir", str(folder), "--appendonly", "yes"]
        self.run("queue", [*command, "--appendfsync", always, "--save", ""], {}, PEERS)
        await asyncio.sleep(1)
        self._redis = port
        environment["REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
        gunicorn(self, "queue_app", environment)
        self.run("tally", [str(BIN / "python"), "queue_worker.py"], environment, PEERS)
        self.behind("tally")

    async def settled(self, expected: Expected, at_least: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._redis)
        while True:
            writer.write(b"LLEN votes\r\n")
            if int((await reader.readline())[1:]) == 0:
                break
            await asyncio.sleep(0.02)
        writer.close()


class FastStreamPublish(Peer):
    """See ``peers/faststream_app.py`` and ``peers/faststream_worker.py``."""

    label = "fastapi-faststream"
    promise = "202 when every in-sync replica of the log has the vote; the row comes later"
    settings = (
        "uvicorn, uvloop, httptools; confirmed publish per request, linger 2 ms, idempotent; batch consumer"
    )
    most_per_second = 6_000
    topic = "spike.faststream"

    async def launch(self, environment: dict[str, str]) -> None:
        admin = await connect_admin(
            Settings(broker=BrokerKind.KAFKA, KAFKA_BOOTSTRAP_SERVERS=self.servers.kafka)
        )
        await admin.create_topics([NewTopic(self.topic, 24, 1)])  # an error says that it is there
        await admin.close()
        self.uvicorn("faststream_app", environment)
        self.run("tally", [str(BIN / "python"), "faststream_worker.py"], environment, PEERS)
        self.behind("tally")

    async def settled(self, expected: Expected, at_least: int) -> None:
        """Until every voter whose vote was certainly accepted has a row."""
        connection = await asyncpg.connect(self._dsn)
        try:
            seen, since = -1, time.monotonic()
            while (
                time.monotonic() - since < 2
            ):  # undecided votes may be missing: until nothing comes any more
                found = await connection.fetchval("SELECT count(*) FROM vote WHERE poll = $1", self._poll)
                if found >= len(expected.first_choice):
                    return
                if found != seen:
                    seen, since = found, time.monotonic()
                await asyncio.sleep(0.05)
        finally:
            await connection.close()


def gunicorn(peer: Peer, module: str, environment: dict[str, str]) -> None:
    """Serve ``module`` of the peers' folder with threaded workers: 2 × cores + 1."""
    workers = 2 * (os.cpu_count() or 1) + 1
    command = [
        str(BIN / "gunicorn"), f"{module}:app", "--bind", f"127.0.0.1:{peer.port}",
        "--worker-class", "gthread", "--workers", str(workers), "--threads", "4",
        "--keep-alive", "30", "--log-level", "warning", "--worker-connections", "1000",
    ]  # fmt: skip
    peer.run("app", command, environment, PEERS)
