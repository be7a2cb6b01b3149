"""The way of a vote into the log: many votes, few requests, and an answer only when the broker has it.

Votes wait at most a few milliseconds in one builder per partition; each flush hands every builder to
the producer as one batch, and each vote stays one record. The number of votes that are not yet
confirmed is bounded: past it a vote is refused at once, before anything is sent. A broker that does
not answer in time gives :class:`MayBeRecorded`, never a success.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from services.voting.domain.errors import MayBeRecorded, TooBusy
from shared.messaging.broker import BrokerUnavailable

log = logging.getLogger(__name__)

Headers = list[tuple[str, bytes]]


@dataclass(slots=True, eq=False)
class _Batch:
    """Votes that travel together, and who waits for them."""

    builder: BatchBuilder
    waiters: list[asyncio.Future[None]] = field(default_factory=list)
    given_up: bool = False
    resolved: bool = False


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, as Kafka's own default partitioner chooses it (murmur2)."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


class VoteSender:
    """Sends votes in batches to the partitions of one topic."""

    def __init__(
        self,
        make_producer: Callable[[], AIOKafkaProducer],
        topic: str,
        partitions: int,
        *,
        flush_after: float = 0.004,
        limit: int = 2_000,
        patience: float = 1.5,
    ) -> None:
        """
        Args:
            flush_after: seconds that a vote may wait for company.
            limit: votes that may be unconfirmed at once.
            patience: seconds after which an unconfirmed vote is answered with :class:`MayBeRecorded`.
        """
        self._make_producer = make_producer
        self._topic = topic
        self._partitions = partitions
        self._flush_after = flush_after
        self._limit = limit
        self._patience = patience
        self._producer: AIOKafkaProducer | None = None
        self._building: dict[int, list[_Batch]] = defaultdict(list)
        self._wanted = asyncio.Event()
        self._broken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._submitting: dict[int, asyncio.Task[None]] = {}
        self._sent: set[_Batch] = set()
        self.unconfirmed = 0
        """Votes taken and not yet answered by the broker, those given up on included."""

    @property
    def ready(self) -> bool:
        """Whether a producer is connected."""
        return self._producer is not None

    async def start(self) -> None:
        """Connect in the background; until then votes are refused, so a service starts without a broker."""
        self._broken.set()
        self._tasks = [
            asyncio.create_task(self._keep_producer()),
            asyncio.create_task(self._flush_forever()),
        ]

    async def stop(self) -> None:
        """Send what waits, then disconnect."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                # ASYNC110: polled once, on the way out
                while self.unconfirmed and self.ready:  # noqa: ASYNC110
                    await asyncio.sleep(self._flush_after)
        running = [*self._tasks, *self._submitting.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._let_go()

    async def send(self, key: bytes, value: bytes, headers: Headers) -> None:
        """Return when every in-sync replica has the record.

        Raises:
            TooBusy: too many votes wait for the broker, or none is connected; nothing was sent.
            MayBeRecorded: the broker did not confirm in time.
        """
        producer = self._producer
        if producer is None or self.unconfirmed >= self._limit:
            raise TooBusy
        waiter = asyncio.get_running_loop().create_future()
        partition = partition_of(key, self._partitions)
        self._batch_for(producer, partition, key, value, headers).waiters.append(waiter)
        self.unconfirmed += 1
        self._wanted.set()
        await waiter

    def _batch_for(
        self, producer: AIOKafkaProducer, partition: int, key: bytes, value: bytes, headers: Headers
    ) -> _Batch:
        """The batch that took the record. The clock of a batch starts with its first vote."""
        batches = self._building[partition]
        if batches and not batches[-1].given_up and _append(batches[-1].builder, key, value, headers):
            return batches[-1]
        batch = _Batch(producer.create_batch())
        _append(batch.builder, key, value, headers)
        batches.append(batch)
        asyncio.get_running_loop().call_later(self._patience, self._give_up, batch)
        return batch

    async def _flush_forever(self) -> None:
        """Every few milliseconds, send what was built. A partition whose leader does not take its last
        batch keeps building, and holds up no other."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(self._flush_after)
            self._wanted.clear()
            for partition in [p for p in self._building if p not in self._submitting]:
                task = asyncio.create_task(self._submit(partition, self._building.pop(partition)))
                self._submitting[partition] = task
                task.add_done_callback(partial(self._submitted, partition))

    def _submitted(self, partition: int, task: "asyncio.Task[None]") -> None:
        del self._submitting[partition]
        if partition in self._building:
            self._wanted.set()

    async def _submit(self, partition: int, batches: list[_Batch]) -> None:
        for batch in batches:
            producer = self._producer
            if producer is None or batch.given_up:
                self._resolve(batch, failed=True)
                continue
            self._sent.add(batch)
            batch.builder.close()
            try:
                confirmed = await producer.send_batch(batch.builder, self._topic, partition=partition)
            except (KafkaError, AssertionError, OSError) as error:
                self._fail(batch, error)
                continue
            confirmed.add_done_callback(partial(self._confirmed, batch))

    def _give_up(self, batch: _Batch) -> None:
        """Its voters have waited long enough. Unless it is sent already, it will not be."""
        batch.given_up = True
        _answer(batch, MayBeRecorded)

    def _confirmed(self, batch: _Batch, future: "asyncio.Future[Any]") -> None:
        if future.cancelled():
            self._resolve(batch, failed=True)
        elif (error := future.exception()) is not None:
            self._fail(batch, error)
        else:
            self._resolve(batch, failed=False)

    def _fail(self, batch: _Batch, error: BaseException) -> None:
        """A batch is lost only when its time is up or its producer is beyond repair: take a new one."""
        if not batch.resolved:
            log.warning("votes were not confirmed", extra={"error": repr(error), "votes": len(batch.waiters)})
            self._resolve(batch, failed=True)
            self._broken.set()

    def _resolve(self, batch: _Batch, *, failed: bool) -> None:
        if batch.resolved:
            return
        batch.resolved = True
        self._sent.discard(batch)
        self.unconfirmed -= len(batch.waiters)
        _answer(batch, MayBeRecorded if failed else None)

    async def _keep_producer(self) -> None:
        """Connect, and connect anew with a fresh producer id whenever the old one gave up."""
        while True:
            await self._broken.wait()
            await self._let_go()
            try:
                producer = await self._connected()
            except (BrokerUnavailable, KafkaError, OSError, TimeoutError) as error:
                log.warning("no broker for votes", extra={"error": repr(error)})
                await asyncio.sleep(0.5)
                continue
            self._broken.clear()
            self._producer = producer

    async def _connected(self) -> AIOKafkaProducer:
        """A producer that knows the topic's partitions."""
        producer = self._make_producer()
        try:
            async with asyncio.timeout(5):
                await producer.start()
                await producer.partitions_for(self._topic)
        except BaseException:
            with contextlib.suppress(Exception):
                await producer.stop()
            raise
        return producer

    async def _let_go(self) -> None:
        """Part with the producer; what it had not confirmed stays unknown to the voter."""
        producer, self._producer = self._producer, None
        for batch in list(self._sent):
            self._resolve(batch, failed=True)
        if producer is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(2):
                    await producer.stop()


def _append(builder: BatchBuilder, key: bytes, value: bytes, headers: Headers) -> bool:
    return builder.append(timestamp=None, key=key, value=value, headers=headers) is not None


def _answer(batch: _Batch, error: type[MayBeRecorded] | None) -> None:
    for waiter in batch.waiters:
        if waiter.done():
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error())
