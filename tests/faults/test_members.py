"""Consumers that come, go, freeze and read again: every effect stays exact."""

import asyncio
import random
import signal

import pytest

from shared.messaging.rewind import rewind
from tests.faults.clients import Crowd, Line, Vote, cast
from tests.faults.history import Answer
from tests.faults.holdings import GROUP, VOTES, folded, verdict
from tests.faults.house import House

pytestmark = pytest.mark.slow
ZOMBIE_SECONDS = 5.0
"""Past the session timeout (2 s) and past what a session may idle in a transaction (2 s)."""
STORM_TURNS = 15


async def test_frozen_tally_and_frozen_api_wake_up_to_no_harm(house: House, chance: random.Random) -> None:
    vote = await house.new_vote(2_000)
    async with Crowd(vote, house.ports, chance):
        for zombie in (*house.workers, house.apis[0]):
            await asyncio.sleep(chance.uniform(0.3, 1.0))
            zombie.send(signal.SIGSTOP)
            await asyncio.sleep(ZOMBIE_SECONDS)
            zombie.send(signal.SIGCONT)
    print(vote.history)
    assert await verdict(house, vote) == []


@pytest.mark.timeout(300)
async def test_storm_of_rebalances_changes_nothing(house: House, chance: random.Random) -> None:
    """Workers join and leave, in order and not, faster than the group comes to rest."""
    vote = await house.new_vote(3_000)
    extra = [await house.add("worker") for _ in range(2)]
    async with Crowd(vote, house.ports, chance, pause=0.05):
        for _ in range(STORM_TURNS):
            worker = chance.choice(extra)
            await (worker.kill() if chance.random() < 0.5 else worker.stop())
            await worker.start()
            await asyncio.sleep(chance.uniform(0.2, 1.5))
    for worker in extra:
        await worker.stop()
        house.workers.remove(worker)
    print(vote.history)
    assert await verdict(house, vote) == []


async def test_reading_again_from_the_first_offset_changes_nothing(
    house: House, chance: random.Random
) -> None:
    """While votes come in, an operator sends the group back to the beginning, twice."""
    vote = await house.new_vote(1_000)
    async with Crowd(vote, house.ports, chance):
        for _ in range(2):
            await asyncio.sleep(1)
            moved = await rewind(house.settings, house.database, GROUP, VOTES)
            assert {each.after for each in moved} == {0}
            await folded(house)
    assert await verdict(house, vote) == []


async def test_ten_duplicates_of_everything_in_any_order_count_once(
    house: House, chance: random.Random
) -> None:
    vote = await house.new_vote(400)
    requests = list(range(400)) * 10
    chance.shuffle(requests)
    await _send(house, vote, [(number, f"key-of-{number}") for number in requests])
    assert vote.history.count(Answer.OK) >= 4_000
    assert await verdict(house, vote, within=120) == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("voters", [pytest.param(20, marks=pytest.mark.fault_selection(small=True)), 1_000])
async def test_64_parallel_requests_of_one_voter_count_once(
    house: House, chance: random.Random, voters: int
) -> None:
    """A voter with 64 windows, half of them with a key of their own: one of them counts."""
    vote = await house.new_vote(voters)
    requests = [(n, f"window-{w if w % 2 else 0}-of-{n}") for n in range(voters) for w in range(64)]
    await _send(house, vote, requests)
    print(vote.history)
    assert vote.history.count(Answer.OK) >= 64 * voters
    assert await verdict(house, vote, within=240) == []


async def _send(house: House, vote: Vote, requests: list[tuple[int, str]]) -> None:
    """Send every request, 64 at a time in the order given, each until it is taken."""
    waiting = iter(requests)

    async def work(line: Line) -> None:
        for number, key in waiting:
            entry = vote.entries[(number + len(key)) % len(vote.entries)]
            taken = False
            while not taken:
                taken = await cast(line, vote, vote.voters[number], entry, key) is Answer.OK
        line.close()

    await asyncio.gather(*(work(Line(house.ports[n % len(house.ports)], 10.0)) for n in range(64)))
