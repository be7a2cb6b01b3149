"""The outbox relay: sends what the service's transactions have written, in order, confirmed, then marked.

One relay of a service leads at a time. A crash between confirmation and mark sends rows a second
time with the same ``ce_id``; none is ever left out, because rows are found by their state and not
by a high-water mark.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import structlog
from aiokafka import AIOKafkaProducer
from asyncpg import Record

from shared.db import Database
from shared.messaging import metrics
from shared.messaging.broker import DELIVERY_TIMEOUT_MS, cluster_id, make_producer
from shared.messaging.codec import wire_headers
from shared.messaging.election import Connection, Election
from shared.messaging.outbox import CHANNEL
from shared.settings import BrokerKind, Settings

_log = structlog.get_logger(__name__)
_LOCK = 0x53484F57_4F555442
_BATCH = 1_000
_POLL_SECONDS = 1.0
"""A lost NOTIFY costs no more than this."""
_STOP_WITHIN_SECONDS = 15.0

_PENDING = """
    SELECT sequence, topic, key, headers, value, created_at
    FROM outbox WHERE published_at IS NULL ORDER BY sequence LIMIT $1
"""
_MARK = "UPDATE outbox SET published_at = clock_timestamp() WHERE sequence = ANY($1::bigint[])"
_LAST_TERM = "SELECT term, closed, incarnation FROM relay_term WHERE relay = 'outbox' FOR UPDATE"
_BEGIN_TERM = """
    INSERT INTO relay_term (relay, term, closed, incarnation) VALUES ('outbox', 1, false, $1)
    ON CONFLICT (relay) DO UPDATE
    SET term = relay_term.term + 1, closed = false, incarnation = excluded.incarnation
"""
_CLOSE_TERM = "UPDATE relay_term SET closed = true WHERE relay = 'outbox'"
_FILL_AGAIN = "UPDATE outbox SET published_at = NULL WHERE published_at IS NOT NULL"


async def _nothing(step: str) -> None:
    """What happens at each step of a round, except in tests that kill the relay there."""


class Relay:
    """Publishes one service's outbox."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        service_name: str,
        *,
        delivery_timeout_ms: int = DELIVERY_TIMEOUT_MS,
        at: Callable[[str], Awaitable[None]] = _nothing,
    ) -> None:
        """``at`` is awaited with "elected", "selected", "sent", "confirmed" and "marked"."""
        self._settings = settings
        self._service = service_name
        self._delivery_timeout_ms = delivery_timeout_ms
        self._at = at
        self._wake = asyncio.Event()
        self._election = Election(database.dsn, f"relay of {service_name}", _LOCK, self._term)

    async def start(self) -> None:
        """Stand for election in the background."""
        self._election.start()

    async def stop(self) -> None:
        """Finish the round in hand, flush the producer, give the lead away."""
        self._election.stopping.set()
        self._wake.set()
        await self._election.stop(_STOP_WITHIN_SECONDS)

    @property
    def leading(self) -> bool:
        """Whether this relay is the one that publishes."""
        return self._election.leading

    def healthy(self) -> bool:
        """Whether this relay publishes or stands ready."""
        return not self.problem()

    def problem(self) -> str:
        """Why not, in a sentence; empty when healthy."""
        return self._election.problem()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _term(self, connection: Connection) -> None:
        """Publish until told to stop or until something fails; each term has its own producer."""
        await self._at("elected")
        await self._begin(connection)
        metrics.OUTBOX_TERMS.labels(self._service).inc()
        producer = make_producer(
            self._settings,
            client_id=f"showcase-{self._service}-relay",
            request_timeout_ms=self._delivery_timeout_ms,
        )
        try:
            await producer.start()
            await connection.add_listener(CHANNEL, self._on_notify)
            metrics.OUTBOX_LEADER.labels(self._service).set(1)
            while not self._election.stopping.is_set():
                self._wake.clear()
                number = await self._round(connection, producer)
                self._election.progressed()
                if number < _BATCH:
                    await self._rest()
            await connection.execute(_CLOSE_TERM)
        finally:
            metrics.OUTBOX_LEADER.labels(self._service).set(0)
            await _give_up(producer)

    async def _begin(self, connection: Connection) -> None:
        """Wait out what an interrupted term may still be sending, and note whose data the broker has."""
        incarnation = await cluster_id(self._settings)
        async with connection.transaction():
            last = await connection.fetchrow(_LAST_TERM)
            anew = last is not None and last["incarnation"] != incarnation
            if anew and self._settings.broker is BrokerKind.MEMORY:
                refilled = await connection.execute(_FILL_AGAIN)
                _log.info("filling the topics again", service=self._service, rows=refilled)
            elif anew:
                _log.warning(
                    "the cluster id has changed; what was published before is not sent again",
                    service=self._service, cluster_id=incarnation,
                )  # fmt: skip
            await connection.execute(_BEGIN_TERM, incarnation)
        if last is not None and not last["closed"] and not anew:
            # twice: once in the producer's buffer, once under way
            waited, until = 0.0, 2 * self._delivery_timeout_ms / 1000
            while waited < until and not self._election.stopping.is_set():
                await connection.execute("SELECT 1")
                self._election.progressed()
                await self._election.pause(min(1.0, until - waited))
                waited += 1.0

    async def _round(self, connection: Connection, producer: AIOKafkaProducer) -> int:
        """Publish the oldest unpublished rows and mark those that are confirmed."""
        rows = await connection.fetch(_PENDING, _BATCH)
        if not rows:
            return 0
        await self._at("selected")
        results = await self._send(producer, rows)
        await self._at("confirmed")
        # only up to the first failure: a later row of the same key must not be marked before it
        failure = next((result for result in results if isinstance(result, BaseException)), None)
        confirmed = rows[: results.index(failure)] if failure else rows
        await connection.execute(_MARK, [row["sequence"] for row in confirmed])
        await self._at("marked")
        self._count(confirmed)
        if failure:
            raise failure
        return len(rows)

    async def _send(self, producer: AIOKafkaProducer, rows: Sequence[Record]) -> list[Any]:
        """The confirmation or the error of each row, in order.

        Raises:
            TimeoutError: the broker did not confirm in time; anything may have been delivered.
        """
        async with asyncio.timeout(2 * self._delivery_timeout_ms / 1000):
            confirmations = [
                await producer.send(
                    row["topic"],
                    row["value"],
                    key=row["key"].encode(),
                    headers=wire_headers(json.loads(row["headers"])),
                )
                for row in rows
            ]
            await self._at("sent")
            return await asyncio.gather(*confirmations, return_exceptions=True)

    def _count(self, rows: Sequence[Record]) -> None:
        metrics.OUTBOX_PUBLISHED.labels(self._service).inc(len(rows))
        now = datetime.now(UTC)
        delay = metrics.OUTBOX_DELAY.labels(self._service)
        for row in rows:
            delay.observe(max(0.0, (now - row["created_at"]).total_seconds()))

    def _on_notify(self, *_: object) -> None:
        self._wake.set()

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_POLL_SECONDS):
                await self._wake.wait()


async def _give_up(producer: AIOKafkaProducer) -> None:
    """Close ``producer``; what it could not deliver is in the outbox still."""
    try:
        async with asyncio.timeout(2):
            await producer.stop()
    except Exception as error:
        _log.warning("producer not flushed", error=repr(error))
        with suppress(Exception):
            await producer.client.close()
