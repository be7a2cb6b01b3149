"""The PostgreSQL and the Kafka that all contenders share, with the same promise of durability.

``crash``: what was acknowledged survives the death of every process, but not a power cut. That is
what one Kafka broker promises with ``acks=all`` (it writes to the operating system, and leaves it to
other brokers to survive a machine); PostgreSQL is given the same promise by ``fsync = off``, and
Redis by ``appendfsync everysec`` (it still writes before it answers).
``power``: all three call fsync before they acknowledge.
"""

import asyncio
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from shared.db.provision import LAYOUT
from shared.embedded.kafka_java import KafkaJava
from shared.embedded.postgres import EmbeddedPostgres

_POSTGRES = {
    "shared_buffers": "1GB",
    "max_connections": "300",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_buffers": "16MB",
    "jit": "off",
    "log_min_messages": "warning",
}
_DURABLE = {
    "crash": ({"fsync": "off", "full_page_writes": "off"}, {}),
    "power": ({"fsync": "on"}, {"log.flush.interval.messages": "1"}),
}


@dataclass(slots=True)
class Servers:
    """The shared servers of one benchmark run."""

    folder: Path
    durability: str = "crash"
    dsn: str = ""
    kafka: str = ""
    _stack: ExitStack = field(default_factory=ExitStack)
    _postgres: EmbeddedPostgres | None = None
    _broker: KafkaJava | None = None

    async def start(self, *, kafka: bool = True) -> None:
        """Start PostgreSQL, and Kafka unless it is not needed."""
        postgres, broker = _DURABLE[self.durability]
        self._postgres = EmbeddedPostgres(
            self.folder / "postgres", password="spike", settings=_POSTGRES | postgres
        )
        self._stack.callback(self._postgres.stop)
        self.dsn = await asyncio.to_thread(self._postgres.start)
        if not kafka:
            return
        self._broker = KafkaJava(self.folder / "kafka", heap="768m", settings=broker)
        self._stack.callback(self._broker.kill)
        self.kafka = await asyncio.to_thread(self._broker.start)

    async def stop(self) -> None:
        await asyncio.to_thread(self._stack.close)

    @property
    def pids(self) -> dict[str, list[int]]:
        """The processes of both, by part."""
        assert self._postgres is not None
        found = {"database": [self._postgres.pid]}
        return found | ({"broker": [self._broker.pid]} if self._broker else {})

    async def fresh_database(self, name: str) -> str:
        """The DSN of an empty database called ``name``."""
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await connection.execute(f"CREATE DATABASE {name} {LAYOUT}")
        finally:
            await connection.close()
        return urlunsplit(urlsplit(self.dsn)._replace(path=f"/{name}"))

    async def size_of(self, name: str) -> int:
        """Bytes of a database on the disk."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return int(await connection.fetchval("SELECT pg_database_size($1)", name))
        finally:
            await connection.close()

    def log_bytes(self, topic: str) -> int:
        """Bytes of a topic's segments on the disk."""
        data = self.folder / "kafka" / "data"
        return sum(path.stat().st_size for path in data.glob(f"{topic}-*/*.log") if os.access(path, os.R_OK))
