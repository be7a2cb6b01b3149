"""Consumers: a batch of records becomes rows exactly once, or not at all.

A turn is one transaction: lock the fences of the batch's partitions, drop what lies below them,
call the handlers, have the broker confirm the dead letters, advance the fences, commit. Whatever
fails, the transaction rolls back and the partitions are read again from their fences; so there is
no way past a record but its effect or its dead letter.

    FastStream ─ batch ─▶ Member ─ turn ─▶ Effects ─▶ handlers
                            │                 └────▶ DeadLetters
                            └─ Assignment: which partitions, from where
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaConnectionError
from faststream.kafka import KafkaBroker
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage

from shared.db import Database
from shared.messaging import metrics
from shared.messaging.assignment import Assignment, TopicReplaced
from shared.messaging.broker import (
    DRAIN_SECONDS,
    BrokerUnavailable,
    bootstrap_servers,
    make_broker,
    subscriber_options,
    unreachable,
)
from shared.messaging.dead_letters import DeadLetterLimit, DeadLetters, MostlyBad
from shared.messaging.effects import Effects, Outcome, Records, count
from shared.messaging.failures import Backoff
from shared.messaging.fence import Fence, advance_fences, lock_fences
from shared.messaging.subscription import AnySubscription, Subscription
from shared.settings import Settings

_log = structlog.get_logger(__name__)
_STUCK_AFTER_SECONDS = 60.0
"""A batch in hand for longer means that this process makes no progress."""


class Consumers:
    """Every subscription of one process; one member per consumer group."""

    def __init__(
        self,
        settings: Settings,
        service_name: str,
        database: Database,
        subscriptions: Sequence[AnySubscription],
    ) -> None:
        self._servers = bootstrap_servers(settings) if subscriptions else []
        self._dead_letters = DeadLetters(settings)
        self._broker = make_broker(settings, client_id=f"showcase-{service_name}") if subscriptions else None
        groups = dict.fromkeys(subscription.group for subscription in subscriptions)
        self._members = [
            Member(
                settings,
                database,
                self._broker,
                self._dead_letters,
                group,
                [subscription for subscription in subscriptions if subscription.group == group],
            )
            for group in groups
            if self._broker
        ]

    async def start(self) -> None:
        """Join the groups, which waits for other members to give way. Records come once fences are known.

        Raises:
            BrokerUnavailable: no broker answers.
        """
        if self._broker is None:
            return
        try:
            await self._broker.start()
        except (KafkaConnectionError, OSError) as error:
            await self._broker.stop()
            raise BrokerUnavailable(unreachable(self._servers)) from error
        for member in self._members:
            member.report()

    async def stop(self) -> None:
        """Take no new batch, finish what is in hand, leave the groups, flush the dead letters."""
        await asyncio.gather(*(member.drain() for member in self._members))
        if self._broker is not None:
            await self._broker.stop()
        await self._dead_letters.close()

    def healthy(self) -> bool:
        """Whether every member makes progress or waits for records."""
        return not self.problem()

    def problem(self) -> str:
        """Why this process is not healthy, in a sentence; empty when it is."""
        return next((problem for member in self._members if (problem := member.problem())), "")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class Member:
    """One member of one consumer group."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        broker: KafkaBroker,
        dead_letters: DeadLetters,
        group: str,
        subscriptions: Sequence[AnySubscription],
    ) -> None:
        self._database = database
        self._dead_letters = dead_letters
        self._group = group
        self._effects = {subscription.topic: Effects(subscription) for subscription in subscriptions}
        if len(self._effects) < len(subscriptions):
            raise ValueError(f"group {group} subscribes to a topic twice: a group reads each record once")
        self._limit = DeadLetterLimit()
        self._backoff = Backoff()
        self._failed_turns = 0
        self._in_hand = asyncio.Lock()
        self._busy_since: float | None = None
        self._closing = asyncio.Event()
        self._stopped = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._assignment = Assignment(settings, database, group, drained=self._drained, give_up=self._give_up)
        self._subscriber = broker.subscriber(
            *self._effects,
            group_id=group,
            batch=True,
            max_records=max(subscription.batch_size for subscription in subscriptions),
            batch_timeout_ms=int(min(item.linger for item in subscriptions).total_seconds() * 1000),
            listener=self._assignment,
            parser=_as_it_is,
            decoder=_records_of,
            no_reply=True,
            **subscriber_options(settings, gather=_gathering_time(subscriptions)),
        )
        self._subscriber(self._on_batch)
        self._assignment.use(lambda: self._subscriber.consumer)

    async def _on_batch(self, records: Sequence[ConsumerRecord]) -> None:
        """FastStream calls this with one batch at a time. It never raises: FastStream would log the
        error and go on behind the batch."""
        async with self._in_hand:
            self._busy_since = time.monotonic()
            wait = 0.0
            for topic in dict.fromkeys(record.topic for record in records):
                if not (self._closing.is_set() or self._stopped):
                    wait = max(wait, await self._turn(topic, self._accepted(topic, records)))
            self._busy_since = None
        if wait:
            await self._sleep(wait)

    def _accepted(self, topic: str, records: Sequence[ConsumerRecord]) -> Records:
        """The records of ``topic`` by partition, in the order in which their fences are locked."""
        by_number: dict[int, list[ConsumerRecord]] = {}
        for record in records:
            if record.topic == topic:
                by_number.setdefault(record.partition, []).append(record)
        accepted: dict[TopicPartition, Sequence[ConsumerRecord]] = {}
        for number in sorted(by_number):
            partition = TopicPartition(topic, number)
            try:
                if mine := self._assignment.accept(partition, by_number[number]):
                    accepted[partition] = mine
            except TopicReplaced as replaced:
                self._give_up(replaced)
                return {}
        return accepted

    async def _turn(self, topic: str, records: Records) -> float:
        """Bring ``records`` to effect, or leave their partitions where their fences are.

        Returns:
            Seconds to wait before the next turn.
        """
        if not records:
            return 0.0
        effects = self._effects[topic]
        started = time.monotonic()
        try:
            outcome = await self._commit(effects, records)
        except MostlyBad as mostly_bad:
            self._give_up(mostly_bad)
            return 0.0
        except _FenceMoved as moved:
            _log.warning("the fence was moved; reading from it", group=self._group, topic=topic)
            self._assignment.replace(moved.partitions)
            for partition in records.keys() - moved.partitions:
                self._assignment.rewind(partition, records[partition][0].offset)
            return 0.0
        except Exception as error:
            self._failed_turns += 1
            metrics.RETRIES.labels(self._group, topic, "database").inc()
            _log.warning(
                "turn taken back", group=self._group, topic=topic,
                error=type(error).__name__, attempt=self._failed_turns, exc_info=self._failed_turns == 3,
            )  # fmt: skip
            for partition, its_records in records.items():
                self._assignment.rewind(partition, its_records[0].offset)
            return self._backoff.delay(self._failed_turns)
        self._failed_turns = 0
        self._after_commit(effects, outcome)
        metrics.BATCH_SECONDS.labels(self._group, topic).observe(time.monotonic() - started)
        oldest = min(its_records[0].timestamp for its_records in records.values())
        metrics.EFFECT_DELAY.labels(self._group, topic).observe(max(0.0, time.time() - oldest / 1000))
        metrics.PROGRESS.labels(self._group).set_to_current_time()
        return 0.0

    async def _commit(self, effects: Effects, records: Records) -> Outcome:
        """One turn as one transaction. Dead letters are confirmed before it commits."""
        topic = effects.subscription.topic
        numbers = [partition.partition for partition in records]
        async with self._database.transaction() as session:
            fences = await lock_fences(session, self._group, topic, numbers, self._assignment.incarnation)
            self._refuse_moved(topic, fences)
            fresh = {
                partition: [
                    record
                    for record in its_records
                    if record.offset >= fences[partition.partition].next_offset
                ]
                for partition, its_records in records.items()
            }
            outcome = await effects.apply(session, fresh)
            dead, total = len(outcome.dead), sum(map(len, fresh.values()))
            self._limit.check(topic, dead=dead, total=total)
            await self._dead_letters.send(self._group, outcome.dead)
            if outcome.steps:
                await advance_fences(session, self._group, topic, outcome.steps)
        self._limit.count(topic, dead=dead, total=total)
        count(self._group, topic, outcome, repeated=sum(map(len, records.values())) - total)
        return outcome

    def _refuse_moved(self, topic: str, fences: dict[int, Fence]) -> None:
        moved = {
            TopicPartition(topic, number)
            for number, fence in fences.items()
            if self._assignment.moved_back(TopicPartition(topic, number), fence)
        }
        if moved:
            raise _FenceMoved(moved)

    def _after_commit(self, effects: Effects, outcome: Outcome) -> None:
        topic = effects.subscription.topic
        for number, step in outcome.steps.items():
            self._assignment.advanced(TopicPartition(topic, number), step.next_offset)
        effects.forget_failures(outcome)
        for letter in outcome.dead:
            _log.error(
                "record is a dead letter", group=self._group, topic=topic,
                partition=letter.record.partition, offset=letter.record.offset, reason=letter.reason,
            )  # fmt: skip
        for partition, offset in outcome.stuck.items():
            failures = effects.failures_of(partition.partition, offset)
            metrics.RETRIES.labels(self._group, topic, "handler").inc()
            _log.warning(
                "record failed; trying again", group=self._group, topic=topic,
                partition=partition.partition, offset=offset, attempt=failures,
            )  # fmt: skip
            self._assignment.rewind(partition, offset, wait=self._backoff.delay(failures))

    def _give_up(self, why: Exception) -> None:
        """Leave the group and stay away until somebody starts the process again; lag then alarms."""
        if self._stopped:
            return
        self._stopped = str(why)
        metrics.STOPPED.labels(self._group).set(1)
        _log.critical("consumer stopped", group=self._group, reason=self._stopped)
        # from a task of its own: FastStream's stop cancels the task that runs this batch
        self._in_background(self._subscriber.stop())

    def report(self) -> None:
        """Begin to tell Kafka how far the group got."""
        metrics.STOPPED.labels(self._group).set(0)
        self._in_background(self._assignment.report_forever())

    async def drain(self) -> None:
        """Take no new batch, and wait for the one in hand."""
        self._closing.set()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._drained()
        except TimeoutError:
            _log.warning("batch in hand abandoned; its transaction rolls back", group=self._group)
        for task in self._tasks:
            task.cancel()
        await self._assignment.close()

    def problem(self) -> str:
        """Why this member makes no progress; empty when it does, or has nothing to do."""
        if self._stopped:
            return f"{self._group}: {self._stopped}"
        since = self._busy_since or self._assignment.placing_since
        if since and time.monotonic() - since > _STUCK_AFTER_SECONDS:
            return f"{self._group}: no progress for {time.monotonic() - since:.0f} s with records in hand"
        return ""

    async def _drained(self) -> None:
        async with self._in_hand:
            pass

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            pass

    def _in_background(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _gathering_time(subscriptions: Sequence[AnySubscription]) -> timedelta | None:
    """How long the broker may gather records for this group; None where single events must not wait."""
    if any(isinstance(subscription, Subscription) for subscription in subscriptions):
        return None
    return min(subscription.linger for subscription in subscriptions)


class _FenceMoved(Exception):
    """An operator or a restored database set fences back; what is in hand must not jump the gap."""

    def __init__(self, partitions: set[TopicPartition]) -> None:
        super().__init__()
        self.partitions = partitions


async def _as_it_is(batch: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    """FastStream's parser would decode every header, and one that is not UTF-8 would take the whole
    batch with it; ours touches nothing."""
    return KafkaMessage(body=b"", headers={}, raw_message=batch, consumer=FAKE_CONSUMER)


async def _records_of(message: KafkaMessage) -> Any:
    """FastStream's decoder would parse the JSON; the codec does that, record by record."""
    return message.raw_message
