"""The outbox: no event is lost, none is made up, and effects happen once, wherever the relay dies."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiokafka.partitioner import DefaultPartitioner
from confluent_kafka import Producer
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.embedded.kafka_java import KafkaJava
from shared.messaging import Envelope, EventTooLarge, Subscription, publish, publish_tombstone
from shared.messaging.relay import Relay
from shared.messaging.topics import provision
from shared.testing.kafka import settings_for_kafka
from tests.protocol.protocol_kit import Kit, TestTopic, ThingHappened, declare, until

STEPS = ("elected", "selected", "sent", "confirmed", "marked")
WORKER = Path(__file__).with_name("relay_worker.py")


def relay_of(kit: Kit) -> Relay:
    return Relay(kit.settings, kit.database, "test", delivery_timeout_ms=300)


@asynccontextmanager
async def relay_process(
    kit: Kit, step: str = "never", occurrence: int = 1
) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(WORKER), kit.settings.bootstrap_servers, kit.database.dsn, step, str(occurrence),
        env=environment, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def write(kit: Kit, topic: TestTopic, numbers: range) -> list[str]:
    """One transaction for each event, as use cases do."""
    ids = []
    for number in numbers:
        async with kit.database.transaction() as session:
            ids.append(await publish(session, topic.make(number)))
    return ids


async def unpublished(kit: Kit) -> int:
    (row,) = await kit.rows("SELECT count(*) AS number FROM outbox WHERE published_at IS NULL")
    return int(row.number)


async def test_relay_killed_at_every_step_loses_nothing_and_effects_happen_once(kit: Kit) -> None:
    topic = await kit.new_topic(partitions=3)
    await kit.execute("CREATE UNIQUE INDEX once ON effect (event_id)")
    ids: list[str] = []
    for start, step in enumerate(STEPS):
        ids += await write(kit, topic, range(start * 30, start * 30 + 30))
        async with relay_process(kit, step) as process:
            assert await asyncio.wait_for(process.wait(), 20) == -signal.SIGKILL
    async with relay_of(kit):
        await until(lambda: _nothing_left(kit))

    records = await kit.read(topic.name, number=len(ids))
    found = [dict(record.headers)["ce_id"].decode() for record in records]
    assert set(found) == set(ids)
    assert len(found) > len(ids)  # dying between confirmation and mark does repeat
    for partition in range(3):
        firsts = list(
            dict.fromkeys(
                dict(record.headers)["ce_id"].decode() for record in records if record.partition == partition
            )
        )
        assert firsts == [event_id for event_id in ids if event_id in set(firsts)]

    async def once(session: AsyncSession, event: ThingHappened, envelope: Envelope) -> None:
        kit.calls.append(event.number)
        await session.execute(
            text("INSERT INTO effect VALUES (:id, '', :number) ON CONFLICT DO NOTHING"),
            {"id": envelope.id, "number": event.number},
        )

    async with kit.consuming(Subscription(kit.group, topic.name, {topic.event: once})):
        await until(lambda: len(kit.calls) == len(records))
    assert await kit.numbers() == list(range(150))


async def _nothing_left(kit: Kit) -> bool:
    return await unpublished(kit) == 0


async def test_event_is_published_if_and_only_if_its_transaction_commits(kit: Kit) -> None:
    topic = await kit.new_topic()
    async with relay_of(kit):
        with suppress(ZeroDivisionError):
            async with kit.database.transaction() as session:
                await publish(session, topic.make(1))
                raise ZeroDivisionError
        await write(kit, topic, range(2, 3))
        await until(lambda: _nothing_left(kit))
    (record,) = await kit.read(topic.name, number=1)
    assert topic.event.model_validate_json(record.value).number == 2


async def test_wake_up_takes_milliseconds(kit: Kit) -> None:
    """p99 <= 50 ms from insert to confirmed and marked, at low load; the best of three rounds, for the
    machine has others to serve."""
    topic = await kit.new_topic()
    async with relay_of(kit):
        await write(kit, topic, range(5))
        worst = []
        for _round in range(3):
            await kit.execute("DELETE FROM outbox")
            for number in range(100):
                await write(kit, topic, range(number, number + 1))
                await asyncio.sleep(0.01)
            await until(lambda: _nothing_left(kit))
            (row,) = await kit.rows(
                "SELECT percentile_cont(0.99) WITHIN GROUP "
                "(ORDER BY extract(epoch FROM published_at - created_at)) AS p99 FROM outbox"
            )
            worst.append(float(row.p99))
            if row.p99 <= 0.05:
                break
    assert min(worst) <= 0.05, worst


async def test_lost_notification_costs_a_poll_and_no_event(kit: Kit) -> None:
    topic = await kit.new_topic()
    async with relay_of(kit) as relay:
        await until(lambda: relay.leading)
        await asyncio.sleep(0.3)
        await kit.execute(
            "INSERT INTO outbox (contest_id, event_id, topic, key, headers, value) "
            "VALUES ('test', 'silent', :topic, 'k', '{}', 'x')",
            topic=topic.name,
        )
        assert await until(lambda: _nothing_left(kit)) < 2


async def test_late_commit_of_an_early_row_is_published(kit: Kit) -> None:
    """A high-water mark would pass over it."""
    topic = await kit.new_topic()
    async with relay_of(kit):
        async with kit.database.transaction() as early:
            await publish(early, topic.make(1))
            await write(kit, topic, range(2, 3))
            await until(lambda: _nothing_left(kit))
        await until(lambda: _nothing_left(kit))
    records = await kit.read(topic.name, number=2)
    assert [topic.event.model_validate_json(record.value).number for record in records] == [2, 1]


async def test_one_relay_leads_and_another_takes_over_when_its_session_ends(kit: Kit) -> None:
    topic = await kit.new_topic()
    async with relay_of(kit) as first:
        await until(lambda: first.leading)
        async with relay_of(kit) as second:
            await asyncio.sleep(0.5)
            assert not second.leading
            await kit.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'showcase relay of test'"
            )
            await write(kit, topic, range(20))
            await until(lambda: _nothing_left(kit))
            assert first.leading != second.leading
            assert first.healthy()
            assert second.healthy()
    assert len(await kit.read(topic.name)) >= 20


async def test_stopped_leader_loses_the_lead_and_its_late_return_does_no_harm(kit: Kit) -> None:
    topic = await kit.new_topic()
    async with relay_process(kit) as zombie:
        assert zombie.stdout is not None
        await write(kit, topic, range(10))
        while await zombie.stdout.readline() != b"marked\n":
            pass
        zombie.send_signal(signal.SIGSTOP)
        await write(kit, topic, range(10, 20))
        async with relay_of(kit):
            await until(lambda: _nothing_left(kit), within=15)
            zombie.send_signal(signal.SIGCONT)
            await write(kit, topic, range(20, 30))
            await until(lambda: _nothing_left(kit))
            await asyncio.sleep(1)
    records = await kit.read(topic.name)
    numbers = [topic.event.model_validate_json(record.value).number for record in records]
    assert sorted(set(numbers)) == list(range(30))


async def test_broker_away_leaves_the_rows_and_they_go_out_when_it_is_back(
    kit: Kit, own_kafka: KafkaJava
) -> None:
    settings = settings_for_kafka(own_kafka.bootstrap_servers)
    topic = declare("away")
    await provision(settings, [], [topic.topic])
    async with Relay(settings, kit.database, "test", delivery_timeout_ms=500) as relay:
        await write(kit, topic, range(10))
        await until(lambda: _nothing_left(kit))
        await asyncio.to_thread(own_kafka.kill)
        await write(kit, topic, range(10, 20))
        await asyncio.sleep(2)
        assert await unpublished(kit) == 10
        await asyncio.to_thread(own_kafka.start)
        await until(lambda: _nothing_left(kit), within=30)
        assert relay.healthy()
    kit.settings = settings
    records = await kit.read(topic.name)
    assert {topic.event.model_validate_json(record.value).number for record in records} == set(range(20))


async def test_keys_are_routed_as_every_other_client_routes_them(kit: Kit) -> None:
    """FastStream's publish_batch ignores keys; the relay must not, and must agree with librdkafka."""
    topic = await kit.new_topic(partitions=12)
    keys = [f"ผู้สมัคร-{number}" for number in range(40)]
    async with relay_of(kit):
        for round_ in range(3):
            async with kit.database.transaction() as session:
                for key in keys:
                    await publish(session, topic.make(round_, thing_id=key))
        await until(lambda: _nothing_left(kit))
    mine: dict[str, set[int]] = {}
    for record in await kit.read(topic.name, number=120):
        mine.setdefault(record.key.decode(), set()).add(record.partition)
    theirs: dict[str, set[int]] = {}
    producer = Producer(
        {"bootstrap.servers": kit.settings.bootstrap_servers, "partitioner": "murmur2_random"}
    )
    for key in keys:
        producer.produce(
            topic.name,
            key=key.encode(),
            on_delivery=lambda _error, message: theirs.setdefault(message.key().decode(), set()).add(
                message.partition()
            ),
        )
    producer.flush(10)
    assert mine == theirs
    assert len({next(iter(partitions)) for partitions in mine.values()}) > 6
    partitions = list(range(12))
    assert mine == {key: {DefaultPartitioner()(key.encode(), partitions, partitions)} for key in keys}


async def test_tombstone_erases_the_key_and_its_rows_so_that_no_refill_brings_them_back(kit: Kit) -> None:
    topic = await kit.new_topic(compacted=True)
    erased: list[str] = []

    async def on_tombstone(session: AsyncSession, key: str, envelope: Envelope) -> None:
        assert envelope.correlation_id
        erased.append(key)
        await session.execute(text("DELETE FROM effect WHERE thing_id = :key"), {"key": key})

    subscription = Subscription(
        kit.group, topic.name, {topic.event: kit.record_effect}, on_tombstone=on_tombstone
    )
    async with relay_of(kit), kit.consuming(subscription):
        async with kit.database.transaction() as session:
            await publish(session, topic.make(1, thing_id="stays"))
            await publish(session, topic.make(2, thing_id="goes"))
        await until(lambda: len(kit.calls) == 2)
        async with kit.database.transaction() as session:
            await publish_tombstone(session, topic.event, "test", "goes")
        await until(lambda: erased == ["goes"])
    assert await kit.numbers() == [1]
    rows = await kit.rows("SELECT key, value IS NULL AS tombstone FROM outbox ORDER BY sequence")
    assert [tuple(row) for row in rows] == [("stays", False), ("goes", True)]


async def test_tombstone_on_a_topic_that_keeps_everything_is_refused(kit: Kit) -> None:
    topic = await kit.new_topic()
    async with kit.database.transaction() as session:
        with pytest.raises(ValueError, match="not compacted"):
            await publish_tombstone(session, topic.event, "test", "x")


async def test_event_that_no_broker_would_take_is_refused_at_once(kit: Kit) -> None:
    topic = await kit.new_topic()
    async with kit.database.transaction() as session:
        with pytest.raises(EventTooLarge, match="shorten"):
            await publish(session, topic.make(1, note="ก" * 400_000))
