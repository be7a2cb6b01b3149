"""The end of a vote under fire: closers that race each other and the voters, and clocks that are wrong."""

import asyncio
import random
from datetime import timedelta

import pytest

from services.voting.closing import Closer
from shared.clock import DatabaseClock
from shared.contracts.catalogue import TOPICS
from tests.faults.clients import Crowd, Line, Vote, cast
from tests.faults.history import Answer
from tests.faults.holdings import holdings, verdict
from tests.faults.house import House, until

pytestmark = pytest.mark.slow
RACES = 50
WRONG = timedelta(minutes=10).total_seconds()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("races", [pytest.param(2, marks=pytest.mark.fault_selection(small=True)), RACES])
async def test_closing_races_end_in_one_set_of_seals(house: House, chance: random.Random, races: int) -> None:
    late = 0
    for _ in range(races):
        vote = await house.new_vote(150)
        closers = [Closer(house.settings, house.database, DatabaseClock()) for _ in range(2)]

        async def close(closer: Closer, vote: Vote = vote) -> dict[int, int]:
            await asyncio.sleep(chance.uniform(0.05, 0.3))
            return await closer.close(vote.contest_id)

        voting = asyncio.create_task(_all_vote(house, vote))
        seals = await asyncio.gather(*(close(closer) for closer in closers))
        await voting
        assert seals[0] == seals[1]
        assert await verdict(house, vote, receipts=30) == []
        held = await holdings(house, vote, receipts=0)
        assert held.seals == seals[0]
        late += held.totals["late"]
    print(f"{races} races, {late} votes came between a seal and the news of it")


async def _all_vote(house: House, vote: Vote) -> None:
    """Every voter once, from eight connections; what comes too late is refused and left."""
    waiting = iter(range(len(vote.voters)))

    async def work(line: Line) -> None:
        for number in waiting:
            await cast(line, vote, vote.voters[number], vote.entries[number % 4], f"racing-{number}")
        line.close()

    await asyncio.gather(*(work(Line(house.ports[n % len(house.ports)], 5.0)) for n in range(8)))


async def test_clocks_ten_minutes_off_do_not_move_the_close(house: House, chance: random.Random) -> None:
    """One api lives ten minutes ago and one in ten minutes; the calendar closes the vote for both."""
    fast, slow = await house.add("api", clock=WRONG), await house.add("api", clock=-WRONG)
    vote = await house.new_vote(2_000, closes_in=timedelta(seconds=15))
    async with Crowd(vote, [fast.port, slow.port], chance):

        async def everybody_is_turned_away() -> bool:
            last = vote.history.attempts[-20:]
            return all(attempt.said == "vote-closed" for attempt in last)

        await until(everybody_is_turned_away, "both apis have closed", within=90)
    for api in (fast, slow):
        await api.stop()
        house.apis.remove(api)
    held = await holdings(house, vote)
    print(f"{vote.history}; {held.totals}")
    assert len(held.seals) == TOPICS["voting.vote.v1"].partitions
    assert vote.history.count(Answer.OK) > 0
    assert await verdict(house, vote) == []
