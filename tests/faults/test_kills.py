"""Twenty times ``kill -9`` for each part of a running vote: nothing lost, nothing counted twice."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable

import psutil
import pytest

from tests.faults.clients import Crowd
from tests.faults.history import Answer
from tests.faults.holdings import folded, verdict
from tests.faults.house import House, spread

KILLS = int(os.environ.get("SHOWCASE_FAULTS_KILLS", "20"))
Kill = Callable[[House, random.Random], Awaitable[None]]


async def kill_api(house: House, chance: random.Random) -> None:
    api = chance.choice(house.apis)
    await api.kill()
    await api.ready()


async def kill_tally(house: House, chance: random.Random) -> None:
    worker = chance.choice(house.workers)
    await worker.kill()
    await worker.ready()


async def kill_postgres(house: House, chance: random.Random) -> None:
    """The whole server at once, or one of its processes, whereupon it throws out all the others."""
    if chance.random() < 0.3:
        backends = psutil.Process(house.postgres.pid).children()
        chance.choice(backends).kill()
        return
    await asyncio.to_thread(house.postgres.kill)
    await asyncio.sleep(chance.uniform(0, 0.5))
    await asyncio.to_thread(house.postgres.start)


async def kill_kafka(house: House, chance: random.Random) -> None:
    await asyncio.to_thread(house.kafka.kill)
    await asyncio.sleep(chance.uniform(0, 0.5))
    await asyncio.to_thread(house.kafka.start)


async def killed(house: House, chance: random.Random, kill: Kill, kills: int) -> None:
    """Vote, kill, vote on, and let the oracle judge."""
    vote = await house.new_vote(3_000)
    async with Crowd(vote, house.ports, chance) as crowd:
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.2, 1.0))
            await kill(house, chance)
            await crowd.takes(10)  # the next blow falls on a system that works again
    await house.everyone_ready()
    behind = await folded(house)
    print(f"{vote.history}; folded {behind:.1f} s after the last vote; lives: "
          f"{spread([*house.apis, *house.workers])}")  # fmt: skip
    assert await verdict(house, vote) == []
    assert vote.history.count(Answer.OK) >= 10 * kills


@pytest.mark.slow
@pytest.mark.timeout(420)
@pytest.mark.parametrize("kill", [kill_api, kill_tally, kill_postgres, kill_kafka])
async def test_twenty_kills_lose_nothing_and_count_nothing_twice(
    house: House, chance: random.Random, kill: Kill
) -> None:
    await killed(house, chance, kill, KILLS)


@pytest.mark.slow
@pytest.mark.fault_selection(small=True)
async def test_one_kill_of_each_part_loses_nothing_and_counts_nothing_twice(
    house: House, chance: random.Random
) -> None:
    kills = [kill_api, kill_tally, kill_postgres, kill_kafka]
    chance.shuffle(kills)

    async def next_of_them(house: House, chance: random.Random) -> None:
        await kills.pop()(house, chance)

    await killed(house, chance, next_of_them, len(kills))
