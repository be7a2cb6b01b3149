"""The owner in role × route × owner: what belongs to somebody is nobody else's, whatever the route."""

import pytest

from services.intake.app import build as build_intake
from services.intake.handlers import contests
from services.scoring.app import build as build_scoring
from shared.clock import FixedClock
from shared.contracts.ids import ContactId, new_id
from shared.contracts.intake import Role
from shared.db import Database
from shared.testing.routes import GuardedRoute, guarded_routes
from shared.testing.web import client_for, resources_for
from tests.component.intake.conftest import CONTEST, JULY_5, TOML
from tests.component.scoring.scenario import Scenario
from tests.component.test_role_matrix import ask


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
