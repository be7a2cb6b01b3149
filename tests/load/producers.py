"""Which way into Kafka is cheapest for a vote: ``python -m tests.load.producers [seconds] [voters]``.

The same record by each way in turn, three times, on one broker: ``voters`` tasks that each wait for
the confirmation of their vote before they send the next. Printed: votes a second, and CPU seconds
per million of this process and of the broker. All ways ask for ``acks=all`` and lz4.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import uvloop
from confluent_kafka import Producer

from services.voting.produce import partition_of
from services.voting.sender import VoteSender
from services.voting.vote_log import FIXED_HEADERS
from shared.contracts.catalogue import TOPICS
from shared.contracts.ids import new_id
from shared.contracts.voting import VoteCast
from shared.embedded.kafka_java import KafkaJava
from shared.messaging.broker import connect_client, make_producer
from shared.messaging.topics import provision
from shared.settings import BrokerKind, Settings
from tests.load.spike.usage import cpu_seconds

TOPIC = VoteCast.TOPIC
PARTITIONS = TOPICS[TOPIC].partitions
VALUE = b'{"contest_id":"smart-city-2022","receipt_id":"7KQ2-M9XD-4TBA",' + b'"x":"' + b"0" * 330 + b'"}'
Send = Callable[[bytes, bytes, list[tuple[str, bytes]]], Awaitable[Any]]
ROUNDS = 3


def headers() -> list[tuple[str, bytes]]:
    event_id = new_id().encode()
    return [
        *FIXED_HEADERS,
        ("ce_id", event_id),
        ("ce_subject", b"0" * 20),
        ("ce_time", b"2022-08-05T06:00:00.123456+00:00"),
        ("ce_correlationid", event_id),
    ]


async def own_request(settings: Settings, stack: AsyncExitStack) -> Send:
    """What the vote's route uses."""
    sender = VoteSender(lambda: connect_client(settings, client_id="measured"), TOPIC, PARTITIONS)
    await sender.start()
    stack.push_async_callback(sender.stop)
    while not sender.ready:  # noqa: ASYNC110 - it connects in the background
        await asyncio.sleep(0.05)
    return sender.send


async def aiokafka_send(settings: Settings, stack: AsyncExitStack) -> Send:
    producer = make_producer(settings)
    await producer.start()
    stack.push_async_callback(producer.stop)

    async def send(key: bytes, value: bytes, given: list[tuple[str, bytes]]) -> None:
        await producer.send_and_wait(TOPIC, value, key=key, headers=given)

    return send


async def aiokafka_send_batch(settings: Settings, stack: AsyncExitStack) -> Send:
    """One builder a partition, flushed every 4 ms."""
    producer = make_producer(settings, linger_ms=0)
    await producer.start()
    stack.push_async_callback(producer.stop)
    building: dict[int, tuple[Any, list[asyncio.Future[None]]]] = {}
    loop = asyncio.get_running_loop()

    async def flush_forever() -> None:
        while True:
            await asyncio.sleep(0.004)
            taken = dict(building)
            building.clear()
            for partition, (builder, waiters) in taken.items():
                builder.close()
                sent = await producer.send_batch(builder, TOPIC, partition=partition)
                sent.add_done_callback(lambda _, waiters=waiters: [one.set_result(None) for one in waiters])

    flushing = asyncio.create_task(flush_forever())
    stack.callback(flushing.cancel)

    async def send(key: bytes, value: bytes, given: list[tuple[str, bytes]]) -> None:
        partition = partition_of(key, PARTITIONS)
        if partition not in building:
            building[partition] = (producer.create_batch(), [])
        builder, waiters = building[partition]
        builder.append(timestamp=None, key=key, value=value, headers=given)
        waiter: asyncio.Future[None] = loop.create_future()
        waiters.append(waiter)
        await waiter

    return send


async def confluent(settings: Settings, stack: AsyncExitStack) -> Send:
    """librdkafka, whose confirmations are fetched by the event loop every 2 ms: no thread wakes another."""
    producer = Producer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 2,
            "partitioner": "murmur2",
        }
    )
    loop = asyncio.get_running_loop()

    async def poll_forever() -> None:
        while True:
            producer.poll(0)
            await asyncio.sleep(0.002)

    polling = asyncio.create_task(poll_forever())
    stack.callback(polling.cancel)

    async def send(key: bytes, value: bytes, given: list[tuple[str, bytes]]) -> None:
        waiter: asyncio.Future[None] = loop.create_future()
        producer.produce(TOPIC, value, key, on_delivery=lambda _e, _m: waiter.set_result(None), headers=given)
        await waiter

    return send


WAYS: dict[str, Callable[[Settings, AsyncExitStack], Awaitable[Send]]] = {
    "own request (the vote's route)": own_request,
    "aiokafka send": aiokafka_send,
    "aiokafka send_batch": aiokafka_send_batch,
    "confluent-kafka produce": confluent,
}


async def measure(settings: Settings, way: str, seconds: float, voters: int, broker: int) -> dict[str, float]:
    """One way for ``seconds``."""
    async with AsyncExitStack() as stack:
        send = await WAYS[way](settings, stack)
        sent, until = 0, time.monotonic() + seconds

        async def vote(number: int) -> None:
            nonlocal sent
            while time.monotonic() < until:
                number = (number * 48_271) % 2_147_483_647
                await send(b"%020d" % number, VALUE, headers())
                sent += 1

        own, theirs = time.process_time(), cpu_seconds([broker])
        await asyncio.gather(*(vote(n + 1) for n in range(voters)))
        million = sent / 1e6
        return {
            "votes_per_s": sent / seconds,
            "app_cpu_s_per_million": (time.process_time() - own) / million,
            "broker_cpu_s_per_million": (cpu_seconds([broker]) - theirs) / million,
        }


async def main(seconds: float, voters: int) -> None:
    """Every way in turn, round after round; the medians as JSON lines."""
    with tempfile.TemporaryDirectory(prefix="showcase-producers-", ignore_cleanup_errors=True) as folder:
        kafka = KafkaJava(Path(folder), heap="768m")
        try:
            settings = Settings(broker=BrokerKind.KAFKA, KAFKA_BOOTSTRAP_SERVERS=kafka.start())
            await provision(settings, [])
            await measure(settings, "aiokafka send", seconds, voters, kafka.pid)  # warms the broker
            found: dict[str, list[dict[str, float]]] = defaultdict(list)
            for _ in range(ROUNDS):
                for way in WAYS:
                    found[way].append(await measure(settings, way, seconds, voters, kafka.pid))
            for way, rounds in found.items():
                middle = {name: round(statistics.median(r[name] for r in rounds), 1) for name in rounds[0]}
                print(json.dumps({"way": way} | middle))
        finally:
            kafka.kill()


if __name__ == "__main__":
    given = [float(argument) for argument in sys.argv[1:]] + [4.0, 64.0][len(sys.argv) - 1 :]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(given[0], int(given[1])))
