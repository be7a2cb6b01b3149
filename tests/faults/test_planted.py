"""The checker proves itself: bugs that a vote must never have, planted one at a time, are each seen."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from shared.testing.postgres import in_database
from tests.faults.clients import Crowd, Line, Vote, cast
from tests.faults.history import Answer
from tests.faults.holdings import folded, verdict
from tests.faults.house import House, a_house
from tests.faults.oracle import Finding, Kind

pytestmark = pytest.mark.slow
_UNIQUE = """
    SELECT conname FROM pg_constraint WHERE conrelid = 'vote'::regclass AND contype IN ('p', 'u')
"""


@pytest.fixture(scope="module")
async def empty_house(folder: Path) -> AsyncIterator[House]:
    """Kafka and PostgreSQL, and nobody who works there."""
    async with a_house(folder, apis=0, workers=0) as house:
        yield house


@pytest.fixture
async def bare(empty_house: House) -> AsyncIterator[House]:
    """A house that each test staffs with the bug that it is about."""
    yield empty_house
    await empty_house.end_processes()


def kinds(findings: list[Finding]) -> set[Kind]:
    return {finding.kind for finding in findings}


async def some_votes(house: House, vote: Vote, number: int, *, key: str) -> None:
    """The first ``number`` voters vote, eight at a time."""
    lines = [Line(house.ports[0], 5.0) for _ in range(8)]

    async def each(which: int) -> None:
        for voter in vote.voters[which:number:8]:
            await cast(lines[which], vote, voter, vote.entries[which % 4], key)

    await asyncio.gather(*(each(which) for which in range(8)))
    for line in lines:
        line.close()


async def test_offsets_before_effects_are_seen(bare: House, chance: random.Random) -> None:
    await bare.staff(1, 1, plant="offsets-first")
    vote = await bare.new_vote(2_000)
    async with Crowd(vote, bare.ports, chance, pause=0.03):
        for _ in range(3):
            await asyncio.sleep(chance.uniform(0.8, 1.2))
            await bare.workers[0].kill()
            await bare.workers[0].ready()
    assert Kind.LOST in kinds(await verdict(bare, vote))


@pytest.mark.fault_selection
async def test_answer_before_the_brokers_is_seen(bare: House, chance: random.Random) -> None:
    await bare.staff(1, 1, plant="ack-before-the-broker")
    vote = await bare.new_vote(2_000)
    async with Crowd(vote, bare.ports, chance, pause=0.03) as crowd:
        os.kill(bare.kafka.pid, signal.SIGSTOP)  # it takes bytes, and will never write them
        await crowd.takes(1)
        await bare.apis[0].kill()
        await asyncio.to_thread(bare.kafka.kill)
        await asyncio.to_thread(bare.kafka.start)
        await bare.apis[0].ready()
    assert Kind.LOST in kinds(await verdict(bare, vote))


@pytest.mark.parametrize("plant", ["", "fence-off"])
async def test_restored_database_is_exact_with_fences_and_is_seen_without(bare: House, plant: str) -> None:
    """Kafka's own offsets survive the restore and point behind what the tables have forgotten."""
    await bare.staff(1, 1, plant=plant)
    vote = await bare.new_vote(300)
    await some_votes(bare, vote, 100, key="before-the-copy")
    await folded(bare)
    await bare.workers[0].stop()
    name = bare.database.dsn.rpartition("/")[2]
    await bare.database.close()
    await _copy(bare, f"{name}_copy", of=name)
    await bare.workers[0].ready()
    await some_votes(bare, vote, 300, key="after-the-copy")
    await folded(bare)
    await bare.workers[0].stop()
    await bare.database.close()
    await _copy(bare, name, of=f"{name}_copy")
    await bare.workers[0].ready()
    findings = await verdict(bare, vote, within=20 if plant else 60)
    assert (Kind.LOST in kinds(findings)) if plant else (findings == [])
    assert vote.history.count(Answer.OK) >= 400


async def test_table_without_its_unique_keys_is_seen(bare: House) -> None:
    """The last one here: its database is good for nothing afterwards."""
    await bare.staff(1, 1)
    vote = await bare.new_vote(50)
    connection = await asyncpg.connect(bare.database.dsn)
    for (name,) in await connection.fetch(_UNIQUE):
        await connection.execute(f'ALTER TABLE vote DROP CONSTRAINT "{name}"')
    await connection.close()
    await some_votes(bare, vote, 50, key="the-one-key")
    await some_votes(bare, vote, 50, key="another-key")
    assert Kind.TWICE in kinds(await verdict(bare, vote, within=20))


async def _copy(house: House, name: str, *, of: str) -> None:
    connection = await asyncpg.connect(in_database(house.postgres.dsn, "postgres"))
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", of)
    for _ in range(50):  # the apis connect again at once
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {of}")
            break
        except asyncpg.ObjectInUseError:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", of
            )
    await connection.close()
