"""Attacks in small, by seed, through the real code: what must be held is held, the campus is not.

``python -m tests.load.attacks`` plays all of them at full size.
"""

import pytest

from services.voting import repository
from services.voting.fraud import repository as ledger
from services.voting.fraud import watch
from services.voting.fraud.signals import GROUP as SIGNALS
from services.voting.tally import GROUP as TALLY
from shared.clock import FixedClock
from shared.contracts.voting import VoteCast
from shared.db import Database
from shared.messaging.tables import CONSUMER_FENCE
from shared.testing.rulebooks import VOTE_OPENS, a_rulebook, fraud_rules
from tests.component.voting.scenario import open_vote, ready_to_vote
from tests.load.fraud.simulation import SCENARIOS, play

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@pytest.mark.parametrize(
    "name",
    ["botnet of 2,000 /24s", "disposable-mail farm", "slow drip", "own-domain farm", "disguised botnet"],
)
async def test_scripted_votes_are_held(voting_database: Database, name: str) -> None:
    result = await play(voting_database, BY_NAME[name], seed=7, public=600, scale=0.1)
    assert result.held_percent >= 95
    assert result.public_held_percent <= 0.1


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("campus behind one NAT", 0.1),
        ("viral share", 0.1),
        ("company office", 0.5),
        ("municipal lunch hour", 0.5),
    ],
)
async def test_honest_crowds_are_not(voting_database: Database, name: str, scale: float) -> None:
    result = await play(voting_database, BY_NAME[name], seed=7, public=600, scale=scale)
    assert (result.held, result.public_held) == (0, 0)


async def test_rulebook_without_detectors_holds_nothing(voting_database: Database) -> None:
    contest_id = (await ready_to_vote(voting_database, a_rulebook("no-detectors"))).contest_id
    await open_vote(voting_database, contest_id)
    async with voting_database.transaction() as session:
        assert await watch.look(session, FixedClock(VOTE_OPENS), contest_id) == watch.Look()
        assert await ledger.last_pass(session, contest_id) is None
        assert (await repository.totals(session, contest_id)).received == 0


@pytest.mark.parametrize(
    ("read", "counted", "looked"),
    [({0: 5, 1: 5}, {0: 5, 1: 9}, {"0": 5, "1": 5}), ({0: 5, 1: 5}, {0: 2}, {"0": 2, "1": 0})],
)
async def test_look_vouches_only_for_what_the_tally_has_counted_too(
    voting_database: Database, read: dict[int, int], counted: dict[int, int], looked: dict[str, int]
) -> None:
    """A vote that the detectors read before the tally cannot be held yet, so nobody may certify past it."""
    contest_id = "fraud-behind"
    await ready_to_vote(voting_database, a_rulebook(contest_id, fraud=fraud_rules()))
    await open_vote(voting_database, contest_id)
    async with voting_database.transaction() as session:
        for group, offsets in ((SIGNALS, read), (TALLY, counted)):
            for partition, offset in offsets.items():
                await session.execute(
                    CONSUMER_FENCE.insert().values(
                        consumer_group=group, topic=VoteCast.TOPIC, partition=partition,
                        next_offset=offset, last_event_id="",
                    )
                )  # fmt: skip
        await watch.look(session, FixedClock(VOTE_OPENS), contest_id)
        last = await ledger.last_pass(session, contest_id)
    assert last
    assert last.read_up_to == looked
