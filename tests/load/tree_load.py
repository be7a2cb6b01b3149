"""What the trees cost: ``python -m tests.load.tree_load [VOTES]``.

Grows the trees of one contest batch by batch on a real PostgreSQL, signs heads and proves random leaves.
CPU seconds are this process's and the database server's, per million votes; fetching from Kafka is not in
them, taking the records apart is.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from services.voting import heads, proofs
from services.voting.consumers import subscriptions
from services.voting.domain.heads import HeadSigner
from services.voting.tree import BATCH, GROUP, grow_trees
from shared.clock import FixedClock
from shared.contracts.catalogue import TOPICS
from shared.contracts.examples import EXAMPLES
from shared.contracts.voting import VoteCast
from shared.db import Database
from shared.embedded.postgres import FAST, SMALL, EmbeddedPostgres
from shared.messaging import Delivered
from shared.messaging.codec import Good
from shared.messaging.effects import Effects
from shared.messaging.subscription import RecordSubscription
from shared.testing.postgres import Templates

CONTEST = "tree-load"
SIGNER = HeadSigner.of("0f" * 32)
CLOCK = FixedClock(datetime(2022, 8, 5, 6, tzinfo=UTC))
PARTITIONS = TOPICS[VoteCast.TOPIC].partitions
PROOFS = 300


@dataclass(frozen=True, slots=True)
class Record:
    """A record as aiokafka gives it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def record(number: int) -> Record:
    """The vote with this number, evenly over the partitions."""
    example = EXAMPLES["showcase.voting.VoteCast.v1"]
    body = example.event.model_dump(mode="json") | {
        "contest_id": CONTEST,
        "receipt_id": receipt(number),
        "voter_id": f"{number:024x}",
        "commitment": f"{number:064x}",
    }
    headers = tuple((name, value.encode()) for name, value in example.headers.items())
    place = number % PARTITIONS, number // PARTITIONS
    return Record("voting.vote.v1", *place, 0, body["voter_id"].encode(), json.dumps(body).encode(), headers)


def receipt(number: int) -> str:
    return f"{number:012d}"


def server_seconds(pid: int) -> float:
    """CPU seconds of the database server and of all its processes, those that ended included."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    times = [process.cpu_times() for process in processes]
    ended = times[0].children_user + times[0].children_system
    return sum(each.user + each.system for each in times) + ended


async def main(votes: int) -> None:
    """Measure, and print one line for each figure."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "pg", password="load", settings=SMALL | FAST)
        templates = Templates(postgres.start())
        try:
            async with templates.database("voting") as database:
                await measure(database, postgres.pid, votes)
        finally:
            postgres.stop()


async def measure(database: Database, server: int, votes: int) -> None:
    subscription = next(each for each in subscriptions() if each.group == GROUP)
    effects = Effects(subscription)
    taking_apart = growing = 0.0
    before = server_seconds(server)
    for start in range(0, votes, BATCH):
        records = [record(number) for number in range(start, min(start + BATCH, votes))]
        if isinstance(subscription, RecordSubscription):  # the handler takes records apart itself
            spent = time.process_time()
            async with database.transaction() as session:
                await subscription.handler(session, records)
            growing += time.process_time() - spent
            continue
        spent = time.process_time()
        decoded = [effects._decode(each) for each in records]  # type: ignore[arg-type]
        batch = [Delivered(each.event, each.envelope) for each in decoded if isinstance(each, Good)]
        taking_apart += time.process_time() - spent
        assert len(batch) == len(records)
        spent = time.process_time()
        async with database.transaction() as session:
            await grow_trees(session, batch)
        growing += time.process_time() - spent
    million = 1_000_000 / votes
    database_seconds = server_seconds(server) - before
    print(f"{votes:,} votes in batches of {BATCH:,}, {PARTITIONS} partitions")
    print(f"taking records apart  {taking_apart * million:6.1f} CPU-s per million")
    print(f"growing the trees     {growing * million:6.1f} CPU-s per million")
    print(f"PostgreSQL            {database_seconds * million:6.1f} CPU-s per million")
    async with database.engine.connect() as connection:
        size = await connection.exec_driver_sql("SELECT pg_total_relation_size('tree_tile')")
        print(f"tiles                 {size.scalar_one() / votes:6.1f} bytes per vote")
    spent = time.process_time()
    async with database.transaction() as session:
        await heads.sign_head(session, CLOCK, SIGNER, CONTEST)
    print(f"signing a head        {1000 * (time.process_time() - spent):6.1f} ms CPU")
    chosen = random.Random(4)
    taken = []
    spent = time.process_time()
    for _ in range(PROOFS):
        number = chosen.randrange(votes)
        began = time.perf_counter()
        async with database.transaction() as session:
            await proofs.prove_inclusion(
                session, CONTEST, receipt(number), number % PARTITIONS, number // PARTITIONS
            )
        taken.append(time.perf_counter() - began)
    taken.sort()
    print(
        f"an inclusion proof    {1000 * (time.process_time() - spent) / PROOFS:6.1f} ms CPU, "
        f"p50 {1000 * taken[PROOFS // 2]:.1f} ms, p99 {1000 * taken[PROOFS * 99 // 100]:.1f} ms"
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 240_000))
