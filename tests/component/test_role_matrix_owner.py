"""The owner in role × route × owner: what belongs to somebody is nobody else's, whatever the route."""

import pytest

from services.intake.app import build as build_intake
from services.intake.handlers import contests
from services.scoring.app import build as build_scoring
from services.voting.app import build as build_voting
from services.voting.tally import fold_votes
from shared.clock import FixedClock
from shared.contracts.ids import ContactId, new_id
from shared.contracts.intake import Role
from shared.db import Database
from shared.testing.routes import GuardedRoute, guarded_routes
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import client_for, publish_contest, resources_for
from tests.component.intake.conftest import CONTEST, JULY_5, TOML
from tests.component.notify.notify_kit import Notify, a_contact, an_entry
from tests.component.scoring.scenario import Scenario
from tests.component.test_role_matrix import ask
from tests.component.voting.scenario import a_vote, entry_id, open_vote, ready_to_vote


def about(routes: list[GuardedRoute], parameter: str, role: Role) -> list[GuardedRoute]:
    """The routes about one object that ``role`` may use at all."""
    return [
        route
        for route in routes
        if "{" + parameter + "}" in route.path and route.signed_in and route.lets_in(role)
    ]


def filled(route: GuardedRoute, **values: str) -> GuardedRoute:
    """The route with some of its parameters filled."""
    path = route.path
    for name, value in values.items():
        path = path.replace("{" + name + "}", value)
    return GuardedRoute(route.method, path, route.guards, route.signed_in)


@pytest.mark.parametrize("role", [Role.APPLICANT, Role.JUDGE, Role.CLERK, Role.AUDITOR])
async def test_an_entry_is_only_its_applicant_s(intake_database: Database, role: Role) -> None:
    clock = FixedClock(JULY_5)
    async with intake_database.transaction() as session:
        await contests.draft_contest(session, clock, TOML, ContactId("sealer"))
        await contests.seal_contest(session, clock, CONTEST, ContactId("sealer"), rehearsal=True)
    app = build_intake(resources_for(intake_database, clock=clock)).http
    async with client_for(app, [Role.APPLICANT], contact_id="owner", contest_id=CONTEST) as owner:
        started = await owner.post(f"/api/intake/v1/contests/{CONTEST}/entries", json={})
        entry_id = started.json()["entry_id"]
        assert (await owner.get(f"/apply/{entry_id}")).status_code == 200
    routes = about(guarded_routes(app), "entry_id", role)
    answers = {}
    async with client_for(app, [role], contact_id=new_id(), contest_id=CONTEST) as other:
        for route in routes:
            answer = await ask(other, filled(route, contest_id=CONTEST, entry_id=entry_id))
            answers[route.name] = answer.status_code
    # a body that is not even readable is refused before anybody looks whose the entry is
    assert {name: code for name, code in answers.items() if code not in (403, 422)} == {}
    assert 403 in answers.values()


async def test_an_entry_is_not_for_a_judge_who_does_not_have_it(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    outsider = await scenario.judge("outsider")
    app = build_scoring(resources_for(scoring_database, clock=scenario.clock)).http
    routes = [route for route in about(guarded_routes(app), "entry_id", Role.JUDGE) if "/score" in route.path]
    routes += [r for r in about(guarded_routes(app), "entry_id", Role.JUDGE) if r.path.startswith("/judge/")]
    entry_id = scenario.entry_ids[0]
    contact_id = await scenario.contact_of(outsider)
    answers = {}
    async with client_for(app, [Role.JUDGE], contact_id=contact_id) as client:
        for route in routes:
            path = filled(route, contest_id=scenario.contest_id, entry_id=entry_id)
            answers[route.name] = (await ask(client, path)).status_code
    assert {name: code for name, code in answers.items() if code not in (403, 422)} == {}
    assert 403 in answers.values()


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.STAFF, Role.APPROVER)])
async def test_a_notice_is_only_its_recipient_s(notify_database: Database, role: Role) -> None:
    notify = Notify(notify_database)
    await publish_contest(notify_database)
    for contact_id in ("applicant-1", "somebody-else"):
        await notify.consume(a_contact(contact_id))
    await notify.consume(an_entry())
    await notify.send()
    (notice,) = await notify.notices()
    app = notify.service().http
    listed = f"/api/notify/v1/contests/{CONTEST_ID}/notices"
    async with client_for(app, [role], contact_id="somebody-else") as other:
        assert (await other.get(f"/notices/{notice.notice_id}")).status_code == 403
        answers = {
            route.name: (await ask(other, filled(route, notice_id=notice.notice_id))).status_code
            for route in guarded_routes(app)
            if "{notice_id}" in route.path
        }
        assert set(answers.values()) == {403}
        assert notice.notice_id not in (await other.get(listed)).text
    async with client_for(app, [Role.APPLICANT], contact_id="applicant-1") as owner:
        assert (await owner.get(f"/notices/{notice.notice_id}")).status_code == 200
        assert notice.notice_id in (await owner.get(listed)).text


@pytest.mark.parametrize("roles", [None, [], [Role.STAFF], [Role.AUDITOR], [Role.ADMIN]])
async def test_a_receipt_shows_nobody_the_voter_or_the_choice(
    voting_database: Database, roles: list[Role] | None
) -> None:
    contest_id = (await ready_to_vote(voting_database)).contest_id
    await open_vote(voting_database, contest_id)
    vote = a_vote(contest_id, "voter-of-somebody", entry=entry_id(1), receipt="7KQ2-M9XD-4TBA")
    async with voting_database.transaction() as session:
        await fold_votes(session, [vote])
    app = build_voting(resources_for(voting_database)).http
    async with client_for(app, roles, contest_id=contest_id) as client:
        told = await client.get("/api/voting/v1/votes/7KQ2-M9XD-4TBA")
        page = await client.get("/vote/receipt/7KQ2-M9XD-4TBA", headers={"accept": "text/html"})
    assert told.json()["status"] == "counted"
    assert page.status_code == 200
    for text in (told.text, page.text):
        assert "voter-of-somebody" not in text
        assert entry_id(1) not in text
