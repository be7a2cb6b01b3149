"""Attacks in small, by seed, through the real code: what must be held is held, the campus is not.

``python -m tests.load.attacks`` plays all of them at full size.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from services.voting import repository
from services.voting.domain.detectors import ANY_ENTRY, Detector, Thresholds
from services.voting.fraud import evidence, watch
from services.voting.fraud import repository as ledger
from services.voting.fraud.signals import GROUP as SIGNALS
from services.voting.tally import GROUP as TALLY
from shared.clock import FixedClock
from shared.contracts.voting import VoteCast
from shared.db import Database
from shared.messaging.tables import CONSUMER_FENCE
from shared.testing.rulebooks import VOTE_OPENS, a_rulebook, fraud_rules
from tests.component.voting.scenario import open_vote, ready_to_vote
from tests.load.fraud import crowds
from tests.load.fraud.crowds import Voter
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


def patient_farm(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """The own-domain farm with pauses as wide as people's."""
    for voter in crowds.own_domain_farm(dice, opens, count):
        yield replace(voter, age=dice.randrange(4, 120))


async def test_one_browser_is_no_office_however_long_it_waits(voting_database: Database) -> None:
    scenario = replace(BY_NAME["own-domain farm"], crowd=patient_farm)
    result = await play(voting_database, scenario, seed=7, public=600, scale=0.3)
    assert result.held_percent == 100
    assert result.public_held_percent <= 0.5


def spread_disposable(dice: random.Random, opens: datetime, count: int) -> Iterator[Voter]:
    """Listed throw-away mail in one hour, for every entry alike, by people's browsers at people's pace."""
    for number in range(count):
        at = opens + timedelta(hours=19, minutes=dice.random() * 50)
        mail = f"{crowds.mailbox(dice).partition('@')[0]}{number}@mailinator.com"
        entry = number % crowds.ENTRIES
        yield Voter(
            mail, entry, crowds.network(dice), crowds.browser(dice), at, crowds.age(dice), False, "farm"
        )


async def test_disposable_mail_that_is_spread_over_entries_is_nobodys_office(
    voting_database: Database,
) -> None:
    rules = Thresholds.of(fraud_rules())
    size = crowds.ENTRIES * (rules.domain_votes - 1)
    scenario = replace(BY_NAME["own-domain farm"], crowd=spread_disposable, size=size)
    await play(voting_database, scenario, seed=7, public=200)
    async with voting_database.transaction() as session:
        contest_id = (await session.execute(text("SELECT contest_id FROM vote_signal LIMIT 1"))).scalar_one()
        found = await evidence.findings(session, contest_id, rules)
    hours = {finding.entry_id for finding in found if finding.detector is Detector.DOMAIN}
    assert hours == {ANY_ENTRY}


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
