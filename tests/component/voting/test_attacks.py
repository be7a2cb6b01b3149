"""Attacks in small, by seed, through the real code: what must be held is held, the campus is not.

``python -m tests.load.attacks`` plays all of them at full size.
"""

import pytest

from services.voting import repository
from services.voting.fraud import repository as ledger
from services.voting.fraud import watch
from shared.clock import FixedClock
from shared.db import Database
from shared.testing.rulebooks import VOTE_OPENS, a_rulebook
from tests.component.voting.scenario import open_vote, ready_to_vote
from tests.load.fraud.simulation import SCENARIOS, play

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@pytest.mark.parametrize("name", ["botnet of 2,000 /24s", "disposable-mail farm", "slow drip"])
async def test_scripted_votes_are_held(voting_database: Database, name: str) -> None:
    result = await play(voting_database, BY_NAME[name], seed=7, public=600, scale=0.1)
    assert result.held_percent >= 95
    assert result.public_held_percent <= 0.1


@pytest.mark.parametrize("name", ["campus behind one NAT", "viral share"])
async def test_honest_crowds_are_not(voting_database: Database, name: str) -> None:
    result = await play(voting_database, BY_NAME[name], seed=7, public=600, scale=0.1)
    assert (result.held, result.public_held) == (0, 0)


async def test_rulebook_without_detectors_holds_nothing(voting_database: Database) -> None:
    contest_id = (await ready_to_vote(voting_database, a_rulebook("no-detectors"))).contest_id
    await open_vote(voting_database, contest_id)
    async with voting_database.transaction() as session:
        assert await watch.look(session, FixedClock(VOTE_OPENS), contest_id) == watch.Look()
        assert await ledger.last_pass(session, contest_id) is None
        assert (await repository.totals(session, contest_id)).received == 0
