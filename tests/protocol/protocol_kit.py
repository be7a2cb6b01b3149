"""What protocol tests are built from: a topic of their own, its event, a database with the kit's tables."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from sqlalchemy import Column, Integer, MetaData, String, Table, text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.contracts.catalogue import Audience, Topic, dead_letter_topic
from shared.contracts.event import Event
from shared.contracts.ids import ContestId
from shared.db import Database
from shared.messaging.broker import connect_admin, make_producer, make_reader
from shared.messaging.codec import OutgoingRecord, encode
from shared.messaging.consume import AnySubscription, Consumers
from shared.messaging.envelope import Envelope
from shared.messaging.fence import Fence
from shared.messaging.metrics import CONSUMED
from shared.messaging.topics import provision
from shared.settings import Settings

TEST_TABLES = MetaData()
EFFECT = Table(
    "effect",
    TEST_TABLES,
    Column("event_id", String, nullable=False),
    Column("thing_id", String, nullable=False),
    Column("number", Integer, nullable=False),
)
"""Deliberately without a unique key: a repeated effect shows as a second row."""


class ThingHappened(Event):
    """The event of these tests; each topic has a subclass of its own."""

    SERVICE: ClassVar[str] = "test"
    TOPIC: ClassVar[str] = "test"
    KEY: ClassVar[str] = "thing_id"

    thing_id: str
    number: int
    note: str = ""


@dataclass(frozen=True)
class TestTopic:
    """A topic that exists on the broker and in the catalogue, for one test."""

    __test__ = False

    topic: Topic
    event: type[ThingHappened]

    @property
    def name(self) -> str:
        return self.topic.name

    def make(self, number: int, thing_id: str = "", note: str = "") -> ThingHappened:
        return self.event(
            contest_id=ContestId("test"), thing_id=thing_id or f"thing-{number % 7}", number=number, note=note
        )


@dataclass
class Kit:
    """Settings, database and helpers of one test."""

    settings: Settings
    database: Database
    group: str
    new_topic: Callable[..., Awaitable[TestTopic]]
    producer: AIOKafkaProducer
    calls: list[int] = field(default_factory=list)
    """``number`` of every event a handler of :meth:`record_effect` was called with, committed or not."""

    async def record_effect(self, session: AsyncSession, event: ThingHappened, envelope: Envelope) -> None:
        """A handler that leaves one row for each call."""
        self.calls.append(event.number)
        await session.execute(
            EFFECT.insert().values(event_id=envelope.id, thing_id=event.thing_id, number=event.number)
        )

    @asynccontextmanager
    async def consuming(self, *subscriptions: AnySubscription) -> AsyncIterator[Consumers]:
        async with Consumers(self.settings, "test", self.database, subscriptions) as consumers:
            yield consumers

    async def send(
        self,
        topic: TestTopic,
        *events: ThingHappened,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> list[OutgoingRecord]:
        """Send events confirmed, in order."""
        records = [encode(event) for event in events]
        sends = [
            await self.producer.send(
                topic.name,
                record.value,
                key=record.key,
                partition=partition,
                headers=[*record.headers, *headers],
            )
            for record in records
        ]
        await asyncio.gather(*sends)
        return records

    async def send_raw(
        self,
        topic: TestTopic,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
        *,
        key: bytes | None = b"raw",
        partition: int = 0,
    ) -> int:
        """Send any bytes; returns the offset."""
        metadata = await self.producer.send_and_wait(
            topic.name, value, key=key, partition=partition, headers=list(headers)
        )
        return int(metadata.offset)

    def committed_count(self, topic: TestTopic) -> int:
        """How many records the group has dealt with, as its metrics say."""
        outcomes = ("applied", "skipped", "dead")
        return sum(int(CONSUMED.labels(self.group, topic.name, each)._value.get()) for each in outcomes)

    async def numbers(self) -> list[int]:
        """``number`` of every effect, sorted."""
        rows = await self.rows("SELECT number FROM effect ORDER BY number")
        return [row.number for row in rows]

    async def rows(self, statement: str, **parameters: Any) -> Sequence[Any]:
        async with self.database.engine.connect() as connection:
            return (await connection.execute(text(statement), parameters)).all()

    async def execute(self, statement: str, **parameters: Any) -> None:
        async with self.database.engine.begin() as connection:
            await connection.execute(text(statement), parameters)

    async def fences(self, topic: TestTopic, group: str = "") -> dict[int, Fence]:
        rows = await self.rows(
            "SELECT partition, next_offset, last_event_id, incarnation FROM consumer_fence "
            "WHERE consumer_group = :group AND topic = :topic ORDER BY partition",
            group=group or self.group,
            topic=topic.name,
        )
        return {row.partition: Fence(row.next_offset, row.last_event_id, row.incarnation) for row in rows}

    async def read(self, topic: str, *, number: int = 0) -> list[ConsumerRecord]:
        """Everything on ``topic``; waits until there are ``number`` records."""
        reader = make_reader(self.settings, topic)
        await reader.start()
        records: list[ConsumerRecord] = []
        try:
            ends = await reader.end_offsets(reader.assignment())
            left = sum(ends.values())
            deadline = time.monotonic() + 20
            while len(records) < max(left, number) and time.monotonic() < deadline:
                for some in (await reader.getmany(timeout_ms=500)).values():
                    records += some
        finally:
            await reader.stop()
        return records

    async def dead_letters(self, *, number: int = 0) -> list[ConsumerRecord]:
        return await self.read(dead_letter_topic(self.group), number=number)

    async def committed(self, topic: TestTopic) -> dict[int, int]:
        """The group's committed offsets as Kafka has them."""
        admin = await connect_admin(self.settings)
        try:
            offsets = await admin.list_consumer_group_offsets(self.group)
        finally:
            await admin.close()
        return {
            partition.partition: meta.offset
            for partition, meta in offsets.items()
            if partition.topic == topic.name and meta.offset >= 0
        }

    async def recreate(self, topic: TestTopic) -> None:
        """Delete the topic and make it anew, as an operator's mistake would."""
        admin = await connect_admin(self.settings)
        try:
            await admin.delete_topics([topic.name])
            for _ in range(100):
                if topic.name not in await admin.list_topics():
                    break
                await asyncio.sleep(0.05)
        finally:
            await admin.close()
        for _ in range(100):
            try:
                await provision(self.settings, [self.group], [topic.topic])
                break
            except Exception:
                await asyncio.sleep(0.1)
        await self.producer.stop()
        self.producer = make_producer(self.settings, max_request_size=16 * 1024 * 1024)
        await self.producer.start()


def declare(
    name: str,
    *,
    partitions: int = 1,
    compacted: bool = False,
    personal_data: bool = False,
    big: bool = False,
) -> TestTopic:
    """A topic and its event class, not yet on the broker."""
    event = type("ThingHappened", (ThingHappened,), {"TOPIC": name, "__module__": __name__})
    topic = Topic(
        name=name,
        events=(event,),
        key="thing_id",
        partitions=partitions,
        producer="test",
        consumers=("test",),
        audience=Audience.INTERNAL,
        compacted=compacted,
        personal_data=personal_data,
        extra_config={"max.message.bytes": str(8 * 1024 * 1024)} if big else {},
    )
    return TestTopic(topic, event)


async def until(condition: Callable[[], Awaitable[bool] | bool], within: float = 20.0) -> float:
    """Wait for ``condition``; returns the seconds it took."""
    began = time.monotonic()
    while True:
        holds = condition()
        if not isinstance(holds, bool):
            holds = await holds
        if holds:
            return time.monotonic() - began
        assert time.monotonic() - began < within, f"not within {within} s"
        await asyncio.sleep(0.02)


def partition_of(topic: TestTopic, number: int = 0) -> TopicPartition:
    return TopicPartition(topic.name, number)
