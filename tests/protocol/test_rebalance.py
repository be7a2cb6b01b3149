"""Members come and go; what is in hand is finished first."""

import asyncio

from sqlmodel.ext.asyncio.session import AsyncSession

from shared.messaging import Envelope, Subscription
from shared.messaging.metrics import CONSUMED
from tests.protocol.protocol_kit import Kit, TestTopic, ThingHappened, partition_of, until


def repeated(kit: Kit, topic: TestTopic) -> int:
    return int(CONSUMED.labels(kit.group, topic.name, "repeated")._value.get())


async def test_batch_in_hand_is_drained_before_its_partitions_are_given_away(kit: Kit) -> None:
    """FastStream awaits the listener but not the handler: 4,000 records came twice without the drain."""
    partitions, per_partition = 4, 50
    topic = await kit.new_topic(partitions=partitions)
    for partition in range(partitions):
        await kit.send(
            topic,
            *[topic.make(partition * per_partition + n) for n in range(per_partition)],
            partition=partition,
        )

    async def slowly(session: AsyncSession, event: ThingHappened, envelope: Envelope) -> None:
        await asyncio.sleep(0.01)
        await kit.record_effect(session, event, envelope)

    subscription = Subscription(kit.group, topic.name, {topic.event: slowly}, batch_size=100)
    total = partitions * per_partition
    async with kit.consuming(subscription):
        await until(lambda: len(kit.calls) > 20)
        async with kit.consuming(subscription):
            await until(lambda: len(kit.calls) >= total)
            await asyncio.sleep(0.5)
    assert await kit.numbers() == list(range(total))
    assert sorted(kit.calls) == list(range(total))  # no handler ran in vain
    # a member reads the record before the fence once more, to see that the topic is the same
    assert repeated(kit, topic) <= 2 * partitions


async def test_partitions_are_given_away_only_when_the_batch_in_hand_is_done(kit: Kit) -> None:
    topic = await kit.new_topic()
    order: list[str] = []

    async def slowly(session: AsyncSession, event: ThingHappened, envelope: Envelope) -> None:
        kit.calls.append(event.number)
        await asyncio.sleep(0.5)
        order.append("handled")

    async with kit.consuming(Subscription(kit.group, topic.name, {topic.event: slowly})) as consumers:
        await kit.send(topic, topic.make(1))
        await until(lambda: kit.calls == [1])
        (member,) = consumers._members
        await member._assignment.on_partitions_revoked({partition_of(topic)})
        order.append("given away")
    assert order == ["handled", "given away"]
    assert (await kit.fences(topic))[0].next_offset == 1


async def test_members_share_the_partitions_and_survive_each_other(kit: Kit) -> None:
    topic = await kit.new_topic(partitions=6)
    subscription = Subscription(kit.group, topic.name, {topic.event: kit.record_effect}, batch_size=20)
    sent = 0

    async def send_some(number: int) -> None:
        nonlocal sent
        for _ in range(number):
            await kit.send(topic, *[topic.make(sent + n) for n in range(20)])
            sent += 20
            await asyncio.sleep(0.02)

    async with kit.consuming(subscription):
        await send_some(10)
        for _ in range(3):
            async with kit.consuming(subscription):
                await send_some(10)
        await send_some(10)
        await until(lambda: len(kit.calls) >= sent)
    assert await kit.numbers() == list(range(sent))


async def test_one_group_reads_several_topics_with_one_member(kit: Kit) -> None:
    topics = [await kit.new_topic(partitions=2) for _ in range(3)]
    subscriptions = [Subscription(kit.group, each.name, {each.event: kit.record_effect}) for each in topics]
    async with kit.consuming(*subscriptions):
        for start, topic in enumerate(topics):
            await kit.send(topic, *[topic.make(start * 100 + n) for n in range(100)])
        await until(lambda: len(kit.calls) == 300)
    assert await kit.numbers() == list(range(300))
