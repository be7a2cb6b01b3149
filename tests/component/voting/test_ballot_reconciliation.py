"""Ballots issued beside voters seen: an invented voter shows."""

from services.voting.domain.ballots import subject_of, voter_of
from services.voting.identity.reconciliation import KindOfBallot, Reconciler, reconcile
from services.voting.tally import fold_votes
from shared.contracts.intake import Role
from shared.db import Database
from shared.testing.web import CONTEST_ID, client_for
from tests.component.voting.identity_kit import EMAIL, House
from tests.component.voting.scenario import a_vote, open_vote


async def test_invented_voter_shows_beside_the_ballots_that_were_issued(voting_database: Database) -> None:
    house = await House.build(voting_database)
    async with client_for(house.service.http) as client:
        for email in (EMAIL, "a@gmail.com", "b@gmail.com"):
            assert (await house.redeem(client, await house.code(client, email), email)).status_code == 201
        await house.ask(client, "waits@gmail.com")
    await open_vote(voting_database, CONTEST_ID)
    keys = await house.keys()
    real = voter_of(keys, subject_of(keys, EMAIL))
    async with voting_database.transaction() as session:
        await fold_votes(session, [a_vote(CONTEST_ID, real, offset=0)])
        found = await reconcile(session, CONTEST_ID)
    assert found.kinds == (KindOfBallot("government", 1, 1), KindOfBallot("webmail", 2, 0))
    assert (found.unknown, found.agrees) == (0, True)
    assert (found.codes_asked, found.codes_sent, found.codes_used) == (4, 3, 3)
    async with voting_database.transaction() as session:
        await fold_votes(session, [a_vote(CONTEST_ID, "made up", offset=1)])
        assert (await reconcile(session, CONTEST_ID)).unknown == 1


async def test_audit_page_shows_it_to_those_who_see_totals(voting_database: Database) -> None:
    house = await House.build(voting_database)
    await open_vote(voting_database, CONTEST_ID)
    async with client_for(house.service.http) as client:
        assert "ผู้ลงคะแนนที่ไม่มีบัตร" not in (await client.get("/audit")).text
    async with client_for(house.service.http, [Role.AUDITOR]) as client:
        assert "ผู้ลงคะแนนที่ไม่มีบัตร" in (await client.get("/audit")).text


async def test_comparison_is_made_twice_a_minute_at_most(voting_database: Database) -> None:
    house = await House.build(voting_database)
    reconciler = Reconciler()
    async with voting_database.transaction() as session:
        first = await reconciler.look(session, CONTEST_ID)
        async with client_for(house.service.http) as client:
            await house.ask(client)
        assert await reconciler.look(session, CONTEST_ID) is first
