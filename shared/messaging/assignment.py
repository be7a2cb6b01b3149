"""Which partitions a group member reads, and from where.

Kafka decides which; the fence decides from where. A partition is paused from the moment it is
assigned until its fence is known, because aiokafka would start at the committed offset, and the
handler would then skip whatever lies between.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from shared.db import Database
from shared.messaging import metrics
from shared.messaging.broker import DRAIN_SECONDS, cluster_id
from shared.messaging.codec import identity
from shared.messaging.failures import Backoff
from shared.messaging.fence import Fence, lock_fences, reset_fences
from shared.settings import BrokerKind, Settings

_log = structlog.get_logger(__name__)
_REPORT_EVERY_SECONDS = 1.0


class TopicReplaced(Exception):
    """The fence belongs to another incarnation of the topic; going on would lose or repeat records."""


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """The partitions of one group member."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        group: str,
        *,
        drained: Callable[[], Awaitable[None]],
        give_up: Callable[[Exception], None],
    ) -> None:
        """``drained`` returns when no batch is in hand; ``give_up`` stops the member for good."""
        self._settings = settings
        self._database = database
        self._group = group
        self._drained = drained
        self._give_up = give_up
        self._consumer: AIOKafkaConsumer | None = None
        self._next: dict[TopicPartition, int] = {}
        self._witness: dict[TopicPartition, Fence] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._unreported: dict[TopicPartition, int] = {}
        self._topics: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._resumes: dict[TopicPartition, asyncio.TimerHandle] = {}
        self.incarnation = ""
        self.placing_since: float | None = None

    def use(self, consumer: Callable[[], AIOKafkaConsumer | None]) -> None:
        """Say how to get the consumer, which FastStream makes when it starts."""
        self._get_consumer = consumer

    # Called by aiokafka.

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Hold the partitions still, and place them in the background: no heartbeat is sent meanwhile."""
        self._consumer = self._get_consumer()
        if self._consumer is None or not assigned:
            return
        self._consumer.pause(*assigned)
        self._in_background(self._place_until_done(set(assigned)))

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Take no new batch, finish the one in hand, tell Kafka how far it got."""
        self._forget()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._drained()
        except TimeoutError:
            _log.warning("drain took too long; the fence will sort it out", group=self._group)
        await self._report_progress()
        self._unreported.clear()

    # Called for each batch.

    def accept(
        self, partition: TopicPartition, records: Sequence[ConsumerRecord]
    ) -> Sequence[ConsumerRecord]:
        """The records to handle now: none of a partition that is not ours or not placed.

        Raises:
            TopicReplaced: the record before the fence is not the one that was remembered.
        """
        expected = self._next.get(partition)
        if expected is None or not records:
            return ()
        if records[0].offset < expected:
            # the log became shorter under a running reader: look at the fence again
            self.replace([partition])
            return ()
        witness = self._witness.pop(partition, None)
        if witness and records[0].offset == witness.next_offset - 1:
            found = identity(records[0])
            if found != witness.last_event_id:
                raise TopicReplaced(self._replaced(partition, "another record lies before the fence"))
        self._next[partition] = records[-1].offset + 1
        return records

    def advanced(self, partition: TopicPartition, next_offset: int) -> None:
        """The fence of ``partition`` was committed at ``next_offset``."""
        if partition in self._next:
            self._committed[partition] = next_offset
            self._unreported[partition] = next_offset

    def moved_back(self, partition: TopicPartition, fence: Fence) -> bool:
        """Whether somebody (an operator, a restored database) set the fence behind what we committed."""
        return fence.next_offset < self._committed.get(partition, 0) or fence.incarnation != self.incarnation

    def rewind(self, partition: TopicPartition, offset: int, *, wait: float = 0.0) -> None:
        """Read ``partition`` again from ``offset``, after ``wait`` seconds; others go on meanwhile."""
        if partition not in self._next or self._consumer is None:
            return
        try:
            self._consumer.seek(partition, offset)
            self._next[partition] = offset
            if wait > 0:
                self._consumer.pause(partition)
                loop = asyncio.get_running_loop()
                self._resumes[partition] = loop.call_later(wait, self._resume, [partition])
        except IllegalStateError:  # revoked meanwhile
            self._next.pop(partition, None)

    def replace(self, partitions: Iterable[TopicPartition]) -> None:
        """Stop reading ``partitions`` until their fences have been looked at again."""
        mine = {partition for partition in partitions if partition in self._next}
        if not mine or self._consumer is None:
            return
        for partition in mine:
            self._next.pop(partition)
        self._consumer.pause(*mine)
        self._in_background(self._place_until_done(mine))

    # Placing.

    async def _place_until_done(self, partitions: set[TopicPartition]) -> None:
        backoff, attempt = Backoff(), 0
        self.placing_since = time.monotonic()
        while True:
            try:
                await self._place(partitions)
            except TopicReplaced as error:
                self._give_up(error)
            except IllegalStateError:
                pass  # revoked meanwhile; the next assignment places anew
            except Exception as error:
                attempt += 1
                _log.warning(
                    "cannot read the fence yet", group=self._group, error=repr(error), attempt=attempt
                )
                await asyncio.sleep(backoff.delay(attempt))
                continue
            self.placing_since = None
            return

    async def _place(self, partitions: set[TopicPartition]) -> None:
        consumer = self._consumer
        if consumer is None:
            return
        self.incarnation = await cluster_id(self._settings)
        fences = await self._fences(partitions)
        starts = dict.fromkeys(partitions, 0)
        if self._settings.broker is BrokerKind.KAFKA:  # the memory broker answers wrongly
            starts = await consumer.beginning_offsets(partitions)
            ends = await consumer.end_offsets(partitions)
            for partition, fence in fences.items():
                if fence.next_offset > ends[partition]:
                    raise TopicReplaced(
                        self._replaced(partition, f"it ends at offset {ends[partition]}, before the fence")
                    )
        for partition, fence in fences.items():
            before = fence.next_offset - 1
            if fence.last_event_id and before >= starts[partition]:
                self._witness[partition] = fence
                position = before
            else:
                position = max(fence.next_offset, starts[partition])
                if position > fence.next_offset:
                    _log.warning(
                        "records were deleted before this group read them",
                        group=self._group, topic=partition.topic, partition=partition.partition,
                        first=fence.next_offset, last=position - 1,
                    )  # fmt: skip
            consumer.seek(partition, position)
            self._next[partition] = position
            self._committed[partition] = fence.next_offset
            if fence.next_offset:  # a rebalance may have refused the last member's report
                self._unreported[partition] = fence.next_offset
        self._resume(partitions)

    async def _fences(self, partitions: set[TopicPartition]) -> dict[TopicPartition, Fence]:
        """The fences under this incarnation. On the memory broker a new incarnation starts at 0: its
        topics are filled again from the outboxes, with the old ``ce_id`` on every event."""
        fences: dict[TopicPartition, Fence] = {}
        for topic in sorted({partition.topic for partition in partitions}):
            numbers = sorted(item.partition for item in partitions if item.topic == topic)
            async with self._database.transaction() as session:
                found = await lock_fences(session, self._group, topic, numbers, self.incarnation)
                foreign = [number for number in numbers if found[number].incarnation != self.incarnation]
                if foreign and self._settings.broker is BrokerKind.KAFKA:
                    raise TopicReplaced(
                        self._replaced(
                            TopicPartition(topic, foreign[0]),
                            f"the broker's cluster id is {self.incarnation}, "
                            f"the fence's {found[foreign[0]].incarnation or 'unknown'}",
                        )
                    )
                if foreign:
                    await reset_fences(session, self._group, topic, foreign, incarnation=self.incarnation)
                    found |= {number: Fence(0, "", self.incarnation) for number in foreign}
            fences |= {TopicPartition(topic, number): found[number] for number in numbers}
        return fences

    def _replaced(self, partition: TopicPartition, what: str) -> str:
        return (
            f"{partition.topic} [{partition.partition}] is not the topic that group {self._group} has read: "
            f"{what}. If it was made anew, run `showcase replay {self._group} --topic {partition.topic}` to "
            "read it from its first record (an event seen before changes nothing); otherwise restore it"
        )

    # Progress as Kafka shows it. Nothing reads committed offsets but people and autoscalers.

    async def report_forever(self) -> None:
        """Commit offsets once a second, so that lag can be seen."""
        while True:
            await asyncio.sleep(_REPORT_EVERY_SECONDS)
            self._measure_lag()
            await self._report_progress()

    async def _report_progress(self) -> None:
        if not self._unreported or self._consumer is None:
            return
        offsets, self._unreported = self._unreported, {}
        try:
            await self._consumer.commit(offsets)
        except (KafkaError, ValueError) as error:
            self._unreported = offsets | self._unreported
            _log.debug("offsets not committed", group=self._group, error=repr(error))

    def _measure_lag(self) -> None:
        """The lag of the partitions that are ours, as far as the last fetch told of their ends."""
        lag = dict.fromkeys(self._topics, 0)
        for partition, next_offset in self._committed.items():
            with contextlib.suppress(IllegalStateError, AssertionError):  # revoked meanwhile
                end = self._consumer.highwater(partition) if self._consumer else None
                lag[partition.topic] = lag.get(partition.topic, 0) + max(0, (end or 0) - next_offset)
        self._topics = set(lag)
        for topic, records in lag.items():
            metrics.LAG.labels(self._group, topic).set(records)

    async def close(self) -> None:
        """End what runs in the background, and say how far we got."""
        await self._report_progress()
        self._forget()

    def _resume(self, partitions: Iterable[TopicPartition]) -> None:
        if self._consumer is None:
            return
        for partition in partitions:
            self._resumes.pop(partition, None)
            try:
                self._consumer.resume(partition)
            except IllegalStateError:
                continue

    def _forget(self) -> None:
        for task in self._tasks:
            task.cancel()
        for handle in self._resumes.values():
            handle.cancel()
        self._resumes.clear()
        self._next.clear()
        self._witness.clear()
        self._committed.clear()
        self.placing_since = None

    def _in_background(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
