"""Two consumers, twenty random ``kill -9``, a zombie, a broker killed: rows = tally = oracle.

The seed is printed; SHOWCASE_CRASH_SEED repeats a run, SHOWCASE_CRASH_KILLS makes it longer.
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.db import Database
from shared.embedded.kafka_java import KafkaJava
from shared.messaging.broker import make_producer
from shared.messaging.topics import provision
from shared.testing.kafka import settings_for_kafka
from tests.protocol.crash_worker import SCHEMA
from tests.protocol.protocol_kit import Kit, TestTopic, declare, until

WORKER = Path(__file__).with_name("crash_worker.py")
KILLS = int(os.environ.get("SHOWCASE_CRASH_KILLS", "20"))
PARTITIONS = 8
ZOMBIE_SECONDS = 4.5
"""Past the session timeout (1.5 s) and past what a session may idle in a transaction (2 s)."""


class Workers:
    """Two consumer processes that are replaced when they die."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self.processes: list[asyncio.subprocess.Process] = []

    async def start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, str(WORKER), *self._arguments,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    async def kill(self, which: int) -> None:
        if self.processes[which].returncode is None:
            self.processes[which].kill()
            await self.processes[which].wait()
        await self.revive()

    async def revive(self) -> None:
        """Start again what is dead, as a supervisor does; a worker also ends by itself when it starts
        while no broker answers."""
        self.processes = [
            process if process.returncode is None else await self.start() for process in self.processes
        ]

    async def end(self) -> None:
        for process in self.processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def vote(kit: Kit, topic: TestTopic, chance: random.Random, done: asyncio.Event) -> None:
    """Votes without a pause, one in eight by somebody who has voted before."""
    voter = 0
    while not done.is_set():
        events = []
        for _ in range(100):
            again = voter > 10 and chance.random() < 0.125
            voter += not again
            name = f"voter-{chance.randrange(voter) if again else voter}"
            events.append(topic.make(chance.randrange(7), thing_id=name))
        await kit.send(topic, *events)
        await asyncio.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_rows_and_tally_equal_the_oracle_whatever_is_killed(
    own_kafka: KafkaJava, kit_database: Database, fresh_name: Callable[[str], str]
) -> None:
    seed = int(os.environ.get("SHOWCASE_CRASH_SEED") or random.randrange(10**9))
    print(f"crash test: SHOWCASE_CRASH_SEED={seed}")
    chance = random.Random(seed)
    settings = settings_for_kafka(own_kafka.bootstrap_servers)
    topic, group = declare(fresh_name("votes"), partitions=PARTITIONS), fresh_name("tally")
    await provision(settings, [group], [topic.topic])
    producer = make_producer(settings, request_timeout_ms=60_000)
    await producer.start()
    kit = Kit(settings, kit_database, group, None, producer)  # type: ignore[arg-type]
    for statement in SCHEMA:
        await kit.execute(statement)
    workers = Workers(own_kafka.bootstrap_servers, kit_database.dsn, group, topic.name)
    done = asyncio.Event()
    voting = asyncio.create_task(vote(kit, topic, chance, done))
    zombie_at, broker_at = KILLS // 3, 2 * KILLS // 3
    try:
        workers.processes = [await workers.start(), await workers.start()]
        await until(lambda: _received(kit, 1))
        for turn in range(KILLS):
            await asyncio.sleep(chance.uniform(0.8, 2.6))
            if turn == zombie_at:
                zombie = workers.processes[chance.randrange(2)]
                zombie.send_signal(signal.SIGSTOP)
                await asyncio.sleep(ZOMBIE_SECONDS)
                zombie.send_signal(signal.SIGCONT)
                await asyncio.sleep(1)
            if turn == broker_at:
                await asyncio.to_thread(own_kafka.kill)
                await asyncio.to_thread(own_kafka.start)
            await workers.kill(chance.randrange(2))
        done.set()
        await voting
        log = await kit.read(topic.name)
        began = time.monotonic()
        await workers.revive()
        await until(lambda: _received(kit, len(log)), within=90)
        print(f"{len(log)} records, {KILLS} kills; caught up {time.monotonic() - began:.1f} s after the last")
        await asyncio.sleep(1)
    finally:
        done.set()
        voting.cancel()
        await workers.end()
        await producer.stop()

    first_votes: dict[str, int] = {}
    for record in sorted(log, key=lambda record: (record.partition, record.offset)):
        event = topic.event.model_validate_json(record.value)
        first_votes.setdefault(event.thing_id, event.number)
    ballots = {row.voter: row.entry for row in await kit.rows("SELECT voter, entry FROM ballot")}
    tally = {
        row.entry: int(row.votes)
        for row in await kit.rows("SELECT entry, sum(votes) AS votes FROM tally GROUP BY entry")
    }
    received = {row.partition: row.records for row in await kit.rows("SELECT * FROM received")}
    assert ballots == first_votes
    assert tally == dict(Counter(first_votes.values()))
    assert received == dict(Counter(record.partition for record in log))
    assert await kit.dead_letters() == []


async def _received(kit: Kit, number: int) -> bool:
    (row,) = await kit.rows("SELECT coalesce(sum(records), 0) AS records FROM received")
    return int(row.records) >= number
