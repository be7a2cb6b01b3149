"""A network that fails: between api and broker in both directions, and between voter and api."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.clients import Crowd, Line, cast
from tests.faults.history import Answer
from tests.faults.holdings import verdict
from tests.faults.house import House, a_house
from tests.faults.proxy import Cut, Proxy, Way

pytestmark = pytest.mark.slow
DOOR = ("voting-door", "voting-window")
CUTS = (
    {Way.OUT: Cut.STALL},
    {Way.BACK: Cut.STALL},
    {Way.OUT: Cut.DROP},
    {Way.BACK: Cut.DROP},  # the log has the vote, the api never hears of it
    {Way.OUT: Cut.DROP, Way.BACK: Cut.DROP},
)


@pytest.fixture(scope="module")
async def wired(folder: Path) -> AsyncIterator[House]:
    """A house whose every way to the broker goes through a proxy."""
    async with a_house(folder / "wired", apis=1, workers=1, proxied=True) as house:
        yield house


@pytest.mark.timeout(300)
async def test_cut_between_api_and_broker_loses_nothing(wired: House, chance: random.Random) -> None:
    assert wired.proxy is not None
    vote = await wired.new_vote(3_000)
    slowest = 0.0
    async with Crowd(vote, wired.ports, chance) as crowd:
        for cut in chance.sample(CUTS, len(CUTS)):
            before = len(vote.history.attempts)
            wired.proxy.cut(cut, only=DOOR)
            await asyncio.sleep(chance.uniform(2.5, 4.0))
            during = vote.history.attempts[before:]
            slowest = max([slowest, *(attempt.seconds for attempt in during)])
            wired.proxy.heal()
            await crowd.takes(20)
        wired.proxy.tear()
    print(f"{vote.history}; the slowest answer during a cut took {slowest:.2f} s")
    assert vote.history.count(Answer.UNKNOWN) > 0
    assert await verdict(wired, vote) == []


async def test_lost_answers_are_answered_again_with_the_same_receipt(
    wired: House, chance: random.Random
) -> None:
    vote = await wired.new_vote(300)

    def loses() -> bool:
        return chance.random() < 0.3

    async with Proxy(wired.ports[0], loses_answer=loses) as flaky:
        lines = [Line(flaky.port, 5.0) for _ in range(8)]

        async def insist(line: Line, number: int) -> None:
            voter = vote.voters[number]
            while (
                await cast(line, vote, voter, vote.entries[number % 4], f"key-of-{number}") is not Answer.OK
            ):
                pass

        await asyncio.gather(
            *(_one_by_one(insist, line, range(first, 300, 8)) for first, line in enumerate(lines))
        )
        print(f"{vote.history}; {flaky.lost} answers lost")
        assert flaky.lost > 30
    assert await verdict(wired, vote) == []


async def _one_by_one(do: object, line: Line, numbers: range) -> None:
    for number in numbers:
        await do(line, number)  # type: ignore[operator]
    line.close()
