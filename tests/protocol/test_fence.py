"""The fence: effects are exact whatever Kafka's committed offsets say, and whatever dies."""

import asyncio
import time

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.contracts.event import Event
from shared.db.engine import Database
from shared.errors import Unavailable
from shared.messaging import Envelope, Subscription
from shared.messaging.consume import Consumers
from shared.messaging.failures import is_transient
from shared.messaging.fence import lock_fences, reset_fences
from shared.messaging.metrics import CONSUMED
from tests.protocol.protocol_kit import Kit, TestTopic, ThingHappened, partition_of, until


async def commit_offset(kit: Kit, topic: TestTopic, offset: int) -> None:
    """Put the group's committed offset elsewhere, as a restore or a tool would."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kit.settings.bootstrap_servers, group_id=kit.group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign([partition_of(topic)])
        await consumer.commit({partition_of(topic): offset})
    finally:
        await consumer.stop()


def subscribed(kit: Kit, topic: TestTopic) -> Subscription:
    return Subscription(kit.group, topic.name, {topic.event: kit.record_effect})


async def test_redelivered_records_have_no_second_effect(kit: Kit) -> None:
    """Without the fence a counter read 230,000 for 200,000."""
    topic = await kit.new_topic()
    await kit.send(topic, *[topic.make(n) for n in range(50)])
    async with kit.consuming(subscribed(kit, topic)):
        await until(lambda: len(kit.calls) == 50)
    await commit_offset(kit, topic, 0)
    async with kit.consuming(subscribed(kit, topic)):
        await kit.send(topic, topic.make(50))
        await until(lambda: 50 in kit.calls)
    assert await kit.numbers() == list(range(51))
    assert kit.calls == list(range(51))


async def test_restored_database_skips_nothing_although_kafka_was_told_of_more(kit: Kit) -> None:
    topic = await kit.new_topic()
    await kit.send(topic, *[topic.make(n) for n in range(50)])
    async with kit.consuming(subscribed(kit, topic)):
        await until(lambda: len(kit.calls) == 50)
    assert (await kit.committed(topic))[0] == 50
    # the backup is older: 20 records had been applied when it was made
    (twentieth,) = [record for record in await kit.read(topic.name) if record.offset == 19]
    await kit.execute("DELETE FROM effect WHERE number >= 20")
    await kit.execute(
        "UPDATE consumer_fence SET next_offset = 20, last_event_id = :id",
        id=dict(twentieth.headers)["ce_id"].decode(),
    )
    await kit.send(topic, *[topic.make(n) for n in range(50, 60)])
    async with kit.consuming(subscribed(kit, topic)):
        await until(lambda: len(kit.calls) == 90)
    assert await kit.numbers() == list(range(60))


async def test_clean_stop_commits_no_offset_ahead_of_its_effect(kit: Kit) -> None:
    """FastStream's default, ACK_FIRST, commits on a clean stop what no handler has finished."""
    topic = await kit.new_topic()
    await kit.send(topic, *[topic.make(n) for n in range(10)])

    async def database_is_gone_at_five(
        session: AsyncSession, event: ThingHappened, envelope: Envelope
    ) -> None:
        await kit.record_effect(session, event, envelope)
        if event.number == 5:
            raise Unavailable("…", "not now")

    subscription = Subscription(kit.group, topic.name, {topic.event: database_is_gone_at_five}, batch_size=5)
    async with kit.consuming(subscription):
        await until(lambda: kit.calls.count(5) >= 2)
    assert await kit.numbers() == [0, 1, 2, 3, 4]
    assert await kit.committed(topic) == {0: 5}
    async with kit.consuming(subscribed(kit, topic)):
        await until(lambda: 9 in kit.calls)
    assert await kit.numbers() == list(range(10))
    assert await kit.dead_letters() == []


async def test_rebalance_commits_no_offset_of_the_batch_in_hand(kit: Kit) -> None:
    """With ACK_FIRST the client itself commits its position before it asks us to drain."""
    topic = await kit.new_topic()
    await kit.send(topic, *[topic.make(n) for n in range(10)])
    released = asyncio.Event()

    async def hold(session: AsyncSession, event: ThingHappened, envelope: Envelope) -> None:
        while not released.is_set():  # not idle, or the server would end the session
            await session.execute(text("SELECT 1"))
            await asyncio.sleep(0.1)
        await kit.record_effect(session, event, envelope)

    subscription = Subscription(kit.group, topic.name, {topic.event: hold})
    second = Consumers(kit.settings, "test", kit.database, [subscription])
    async with kit.consuming(subscription):
        joining = asyncio.create_task(second.start())  # returns when the first has given way
        await asyncio.sleep(4)  # longer than a heartbeat, by which the first learns of the second
        committed_in_hand = await kit.committed(topic)
        released.set()
        await joining
        await until(lambda: kit.committed_count(topic) == 10)
        await asyncio.sleep(2.5)  # the new owner reports
        await second.stop()
    assert committed_in_hand == {}
    assert await kit.numbers() == list(range(10))
    assert await kit.committed(topic) == {0: 10}


async def test_stop_finishes_the_batch_in_hand(kit: Kit) -> None:
    topic = await kit.new_topic()
    await kit.send(topic, *[topic.make(n) for n in range(20)])

    async def slowly(session: AsyncSession, event: ThingHappened, envelope: Envelope) -> None:
        await asyncio.sleep(0.05)
        await kit.record_effect(session, event, envelope)

    async with kit.consuming(Subscription(kit.group, topic.name, {topic.event: slowly})):
        await until(lambda: len(kit.calls) >= 5)
    assert await kit.numbers() == list(range(20))
    assert (await kit.fences(topic))[0].next_offset == 20
    assert await kit.committed(topic) == {0: 20}


async def test_fence_and_effect_commit_together(kit: Kit) -> None:
    """Connections die under the consumer again and again; every effect stands once and nothing is dead."""
    topic = await kit.new_topic(partitions=3)
    total = 600
    killing = asyncio.Event()

    async def kill_connections() -> None:
        while not killing.is_set():
            await asyncio.sleep(0.15)
            async with kit.database.engine.connect() as connection:
                await connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )

    killer = asyncio.create_task(kill_connections())
    subscription = Subscription(kit.group, topic.name, {topic.event: kit.record_effect}, batch_size=40)
    async with kit.consuming(subscription) as consumers:
        for start in range(0, total, 50):
            await kit.send(topic, *[topic.make(n) for n in range(start, start + 50)])
            await asyncio.sleep(0.1)
        killing.set()
        await killer
        await until(lambda: CONSUMED.labels(kit.group, topic.name, "applied")._value.get() >= total)
        assert consumers.healthy()
    assert await kit.numbers() == list(range(total))
    assert await kit.dead_letters() == []
    assert len(kit.calls) > total  # there were turns that had to be taken back


async def test_what_passes_by_itself_is_tried_for_as_long_as_it_takes(kit: Kit) -> None:
    """A bug gets six attempts; a server that is away gets as many as it needs."""
    topic = await kit.new_topic()
    failures = 6

    async def away_for_a_while(session: AsyncSession, event: ThingHappened, envelope: Envelope) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable("…", "not now")
        await kit.record_effect(session, event, envelope)

    await kit.send(topic, topic.make(1))
    async with kit.consuming(Subscription(kit.group, topic.name, {topic.event: away_for_a_while})):
        await until(lambda: kit.calls == [1])
    assert await kit.numbers() == [1]
    assert await kit.dead_letters() == []


async def test_database_away_kills_no_good_record(kit: Kit) -> None:
    topic = await kit.new_topic()
    name = kit.database.engine.url.database
    async with kit.consuming(subscribed(kit, topic)) as consumers:
        await kit.send(topic, topic.make(0))
        await until(lambda: kit.calls == [0])
        admin = await asyncpg.connect(kit.database.dsn.replace(f"/{name}", "/postgres"))
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        await kit.send(topic, *[topic.make(n) for n in range(1, 30)])
        await asyncio.sleep(2.0)
        assert kit.calls == [0]
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await admin.close()
        await until(lambda: 29 in kit.calls)
        assert consumers.healthy()
    assert await kit.numbers() == list(range(30))
    assert await kit.dead_letters() == []


async def test_fence_set_back_while_running_is_read_from(kit: Kit) -> None:
    topic = await kit.new_topic()
    async with kit.consuming(subscribed(kit, topic)):
        await kit.send(topic, *[topic.make(n) for n in range(10)])
        await until(lambda: len(kit.calls) == 10)
        incarnation = (await kit.fences(topic))[0].incarnation
        async with kit.database.transaction() as session:
            await reset_fences(session, kit.group, topic.name, [0], incarnation=incarnation, next_offset=4)
        await kit.send(topic, topic.make(10))
        await until(lambda: len(kit.calls) == 17)
    assert kit.calls == [*range(10), *range(4, 11)]


async def test_fences_are_locked_in_order_of_partition(kit: Kit) -> None:
    """Two members that lock them in different orders deadlock (5 times in 8 s when it was tried)."""
    topic: type[Event] = (await kit.new_topic()).event
    for partition in (2, 1, 0):  # on disk in this order, so a plain scan would lock 2 first
        await kit.execute(
            "INSERT INTO consumer_fence VALUES (:group, :topic, :partition, 0, '', 'x')",
            group=kit.group, topic=topic.TOPIC, partition=partition,
        )  # fmt: skip
    lock_one = text("SELECT 1 FROM consumer_fence WHERE partition = :partition FOR UPDATE NOWAIT")
    async with kit.database.transaction() as other:
        await lock_fences(other, kit.group, topic.TOPIC, [0], "x")

        async def lock_all() -> None:
            async with kit.database.transaction() as session:
                await session.execute(text("SET LOCAL enable_indexscan = off"))
                await session.execute(text("SET LOCAL enable_bitmapscan = off"))
                await lock_fences(session, kit.group, topic.TOPIC, [2, 1, 0], "x")

        waiting = asyncio.create_task(lock_all())
        await asyncio.sleep(0.3)
        assert not waiting.done()
        async with kit.database.transaction() as third:  # nothing is held while waiting for the first
            await third.execute(lock_one, {"partition": 1})
            await third.execute(lock_one, {"partition": 2})
    await waiting


async def test_stopped_session_gives_its_fence_up_in_two_seconds(
    kit: Kit, idle_limit_of_the_product: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without idle_in_transaction_session_timeout a stopped consumer blocked its successor for 9.6 s."""
    monkeypatch.setattr("shared.db.engine.IDLE_IN_TRANSACTION_MS", idle_limit_of_the_product)
    database = Database(kit.database.dsn)
    topic = await kit.new_topic()
    took = 0.0

    async def stop_in_the_middle() -> None:
        nonlocal took
        async with database.transaction() as stopped:
            await lock_fences(stopped, kit.group, topic.name, [0], "x")
            began = time.monotonic()
            async with database.transaction() as successor:
                await lock_fences(successor, kit.group, topic.name, [0], "x")
            took = time.monotonic() - began
            await stopped.execute(text("SELECT 1"))

    with pytest.raises(DBAPIError) as failure:
        await stop_in_the_middle()
    await database.close()
    assert 0.5 < took < 3.5
    assert is_transient(failure.value)


async def test_group_is_created_at_the_first_record_not_at_the_newest(kit: Kit) -> None:
    """The client's default, "latest", skips what was written before the group's first start."""
    topic = await kit.new_topic(partitions=3)
    await kit.send(topic, *[topic.make(n) for n in range(30)])
    async with kit.consuming(subscribed(kit, topic)):
        await until(lambda: len(kit.calls) == 30)
    assert await kit.numbers() == list(range(30))
