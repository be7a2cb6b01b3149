"""A fence belongs to one incarnation of its topic. A recreated topic under an old fence silently lost
19,845 of 20,000 votes when it was tried."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.contracts import catalogue
from shared.embedded.memory_broker import MemoryBroker
from shared.messaging import Envelope, Subscription, publish
from shared.messaging.consume import Consumers
from shared.messaging.relay import Relay
from shared.messaging.rewind import rewind
from shared.messaging.topics import provision
from shared.settings import BrokerKind, Settings
from tests.protocol.protocol_kit import Kit, TestTopic, ThingHappened, declare, until


def subscribed(kit: Kit, topic: TestTopic) -> Subscription:
    return Subscription(kit.group, topic.name, {topic.event: kit.record_effect})


@pytest.mark.parametrize("records", [5, 20, 60], ids=["shorter", "as long", "longer"])
async def test_recreated_topic_stops_the_consumer_and_replay_goes_on(kit: Kit, records: int) -> None:
    topic = await kit.new_topic()
    await kit.send(topic, *[topic.make(n) for n in range(20)])
    async with kit.consuming(subscribed(kit, topic)):
        await until(lambda: len(kit.calls) == 20)
    await kit.recreate(topic)
    await kit.send(topic, *[topic.make(n) for n in range(100, 100 + records)])
    before = await kit.fences(topic)

    async with kit.consuming(subscribed(kit, topic)) as consumers:
        await until(lambda: not consumers.healthy())
        assert f"showcase replay {kit.group} --topic {topic.name}" in consumers.problem()
    assert await kit.numbers() == list(range(20))
    assert await kit.fences(topic) == before

    moved = await rewind(kit.settings, kit.database, kit.group, topic.name)
    assert [(each.before, each.after) for each in moved] == [(20, 0)]
    async with kit.consuming(subscribed(kit, topic)):
        await until(lambda: len(kit.calls) == 20 + records)
    assert await kit.numbers() == [*range(20), *range(100, 100 + records)]


async def test_topic_recreated_under_a_running_consumer_stops_it(kit: Kit) -> None:
    topic = await kit.new_topic()
    async with kit.consuming(subscribed(kit, topic)) as consumers:
        await kit.send(topic, *[topic.make(n) for n in range(20)])
        await until(lambda: len(kit.calls) == 20)
        await kit.recreate(topic)
        await kit.send(topic, *[topic.make(n) for n in range(100, 105)])
        await until(lambda: not consumers.healthy(), within=45)
        assert "is not the topic that group" in consumers.problem()
    assert await kit.numbers() == list(range(20))


async def test_fence_of_another_cluster_stops_the_consumer(kit: Kit) -> None:
    topic = await kit.new_topic()
    await kit.send(topic, topic.make(1))
    await kit.execute(
        "INSERT INTO consumer_fence VALUES (:group, :topic, 0, 0, '', 'another-cluster')",
        group=kit.group,
        topic=topic.name,
    )
    async with kit.consuming(subscribed(kit, topic)) as consumers:
        await until(lambda: not consumers.healthy())
        assert "another-cluster" in consumers.problem()
    assert await kit.numbers() == []


async def test_memory_broker_starts_anew_and_is_filled_from_the_outbox(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its topics are gone at each start; the same events come again, and change nothing a second time."""
    topic = declare("memory-topic", partitions=3)
    monkeypatch.setitem(catalogue.TOPICS, topic.name, topic.topic)  # type: ignore[arg-type]
    await kit.execute("CREATE UNIQUE INDEX once ON effect (event_id)")
    seen: list[str] = []

    async def once(session: AsyncSession, event: ThingHappened, envelope: Envelope) -> None:
        seen.append(envelope.id)
        await session.execute(
            text("INSERT INTO effect VALUES (:id, :thing, :number) ON CONFLICT DO NOTHING"),
            {"id": envelope.id, "thing": event.thing_id, "number": event.number},
        )

    subscription = Subscription(kit.group, topic.name, {topic.event: once})
    ids: list[str] = []
    for start in range(3):
        broker = MemoryBroker(tmp_path / "broker.log")
        servers = await asyncio.to_thread(broker.start)
        settings = Settings(broker=BrokerKind.MEMORY, KAFKA_BOOTSTRAP_SERVERS=servers)
        try:
            await provision(settings, [kit.group], [topic.topic])
            seen.clear()
            async with (
                Relay(settings, kit.database, "test"),
                Consumers(settings, "test", kit.database, [subscription]),
            ):
                async with kit.database.transaction() as session:
                    ids += [await publish(session, topic.make(start * 10 + n)) for n in range(10)]
                await until(lambda: len(set(seen)) == len(ids))  # noqa: B023 - awaited here
            assert sorted(set(seen)) == sorted(ids)
        finally:
            os.kill(broker.pid, signal.SIGKILL)
            await asyncio.to_thread(broker.stop)
        assert await kit.numbers() == list(range((start + 1) * 10))
