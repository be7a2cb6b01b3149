"""Measures the messaging kit: ``python -m shared.messaging.bench [--json]``.

Uses the servers of KAFKA_BOOTSTRAP_SERVERS and SHOWCASE_DATABASE_URL where they are given, else
starts its own. What it makes there (a database, a topic) it removes again.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import typer
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.contracts.catalogue import Audience, Topic, dead_letter_topic
from shared.contracts.event import Event
from shared.contracts.ids import ContestId, new_id
from shared.db import Database
from shared.messaging.broker import connect_admin
from shared.messaging.codec import Good, RawRecord, decode_record, encode
from shared.messaging.consume import Consumers
from shared.messaging.envelope import Envelope
from shared.messaging.outbox import publish
from shared.messaging.relay import Relay
from shared.messaging.subscription import RecordSubscription, Subscription, Unusable
from shared.messaging.tables import MESSAGING, OUTBOX
from shared.messaging.topics import provision
from shared.settings import BrokerKind, Settings

_NAME = f"bench-{new_id()[-12:]}"
_PARTITIONS = 12


class Measured(Event):
    """An event of ordinary size."""

    SERVICE: ClassVar[str] = "bench"
    TOPIC: ClassVar[str] = _NAME
    KEY: ClassVar[str] = "number"

    number: int
    sent_at: float = 0.0
    text: str = "ก" * 100


_TOPIC = Topic(
    name=_NAME,
    events=(Measured,),
    key="number",
    partitions=_PARTITIONS,
    producer="bench",
    consumers=("bench",),
    audience=Audience.INTERNAL,
)


async def measure(settings: Settings, database: Database, *, events: int) -> dict[str, float]:
    """Throughput of the outbox and of a fenced consumer of records, then latencies at low load."""
    await provision(settings, [_NAME], [_TOPIC])
    results: dict[str, float] = {}
    await _fill(database, events)
    async with Relay(settings, database, "bench"):
        began = time.perf_counter()
        while await _unpublished(database):  # noqa: ASYNC110 - another process may be the relay
            await asyncio.sleep(0.02)
        results["outbox_events_per_second"] = events / (time.perf_counter() - began)
    results["consumed_records_per_second"] = await _consume(settings, database, events)
    waits = await _latencies(settings, database, 300)
    results["insert_to_handled_p50_ms"] = statistics.median(waits) * 1000
    results["insert_to_handled_p99_ms"] = statistics.quantiles(waits, n=100)[98] * 1000
    marked = await _marked_after(database)
    results["insert_to_confirmed_p50_ms"] = statistics.median(marked) * 1000
    results["insert_to_confirmed_p99_ms"] = statistics.quantiles(marked, n=100)[98] * 1000
    return {name: round(value, 1) for name, value in results.items()}


async def _fill(database: Database, events: int) -> None:
    rows = []
    for number in range(events):
        record = encode(Measured(contest_id=ContestId("bench"), number=number))
        rows.append(
            {
                "contest_id": "bench",
                "event_id": record.event_id,
                "topic": record.topic,
                "key": record.key.decode(),
                "headers": {name: value.decode() for name, value in record.headers},
                "value": record.value,
            }
        )
    async with database.engine.begin() as connection:
        await connection.execute(OUTBOX.insert(), rows)


async def _unpublished(database: Database) -> bool:
    async with database.engine.connect() as connection:
        found = await connection.exec_driver_sql(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE published_at IS NULL)"
        )
        return bool(found.scalar_one())


async def _consume(settings: Settings, database: Database, events: int) -> float:
    seen, done = 0, asyncio.Event()

    async def fold(session: AsyncSession, records: Sequence[RawRecord]) -> Sequence[Unusable]:
        nonlocal seen
        seen += sum(isinstance(decode_record(record, kinds), Good) for record in records)
        if seen >= events:
            done.set()
        return ()

    kinds: dict[str, type[Event]] = {Measured.event_type(): Measured}
    subscription = RecordSubscription(_NAME, _NAME, (Measured,), fold)
    began = time.perf_counter()
    async with Consumers(settings, "bench", database, [subscription]):
        await done.wait()
        return events / (time.perf_counter() - began)


async def _latencies(settings: Settings, database: Database, number: int) -> list[float]:
    """Seconds from before the insert to the handler in another transaction, one event at a time."""
    waits: list[float] = []

    async def handle(session: AsyncSession, event: Measured, envelope: Envelope) -> None:
        waits.append(time.time() - event.sent_at)

    subscription = Subscription(_NAME, _NAME, {Measured: handle})
    async with Relay(settings, database, "bench"), Consumers(settings, "bench", database, [subscription]):
        await asyncio.sleep(1)
        for warm in range(number + 20):
            if warm == 20:
                waits.clear()
                async with database.engine.begin() as connection:
                    await connection.exec_driver_sql("DELETE FROM outbox WHERE published_at IS NOT NULL")
            async with database.transaction() as session:
                event = Measured(contest_id=ContestId("bench"), number=-1, sent_at=time.time())
                await publish(session, event)
            await asyncio.sleep(0.02)
        while len(waits) < number:  # noqa: ASYNC110 - the handler only appends
            await asyncio.sleep(0.05)
    return waits


async def _marked_after(database: Database) -> list[float]:
    async with database.engine.connect() as connection:
        rows = await connection.exec_driver_sql(
            "SELECT extract(epoch FROM published_at - created_at) FROM outbox WHERE published_at IS NOT NULL"
        )
        return [float(seconds) for (seconds,) in rows]


@asynccontextmanager
async def _servers(settings: Settings) -> AsyncIterator[tuple[Settings, str]]:
    """The given servers, or our own for as long as it takes."""
    from shared.embedded.kafka_java import KafkaJava  # only where nothing is given
    from shared.embedded.memory_broker import MemoryBroker
    from shared.embedded.postgres import EmbeddedPostgres

    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="showcase-bench-")))
        servers, dsn = settings.bootstrap_servers, settings.database_url
        if not servers:
            kafka = settings.broker is BrokerKind.KAFKA
            broker = KafkaJava(folder / "kafka") if kafka else MemoryBroker(folder / "broker.log")
            stack.callback(broker.stop)
            servers = await asyncio.to_thread(broker.start)
        if not dsn:
            postgres = EmbeddedPostgres(folder / "postgres", password=new_id())
            stack.callback(postgres.stop)
            dsn = await asyncio.to_thread(postgres.start)
        yield Settings(broker=settings.broker, KAFKA_BOOTSTRAP_SERVERS=servers), dsn


@asynccontextmanager
async def _scratch(settings: Settings, dsn: str) -> AsyncIterator[Database]:
    """A database of our own, and no topics left behind."""
    name = _NAME.replace("-", "_")
    admin = await asyncpg.connect(dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    database = Database(urlunsplit(urlsplit(dsn)._replace(path=f"/{name}")))
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(MESSAGING.create_all)
        yield database
    finally:
        await database.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()
        broker = await connect_admin(settings)
        await broker.delete_topics([_NAME, dead_letter_topic(_NAME)])
        await broker.close()


async def run(settings: Settings, *, events: int) -> dict[str, Any]:
    """All measurements against the servers of ``settings``, or our own."""
    async with _servers(settings) as (reachable, dsn), _scratch(reachable, dsn) as database:
        figures = await measure(reachable, database, events=events)
    return {"broker": settings.broker.value, "processors": os.cpu_count(), "events": events, **figures}


def main(
    events: Annotated[int, typer.Option(help="How many events for the throughput.")] = 50_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Measure the outbox and the consumers on this machine."""
    figures = asyncio.run(run(Settings(), events=events))
    if as_json:
        typer.echo(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        typer.echo(f"{name.replace('_', ' '):<32} {value}")


if __name__ == "__main__":
    typer.run(main)
