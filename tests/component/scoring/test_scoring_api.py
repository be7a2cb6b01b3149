"""The JSON API: what the demo and integrators rely on."""

import httpx
import pytest

from services.scoring.app import build
from shared.contracts.intake import Role
from shared.contracts.scoring import Round
from shared.db import Database
from shared.service import Service
from shared.testing.web import client_for, resources_for
from tests.component.scoring.scenario import (
    APPLICANT,
    APPROVER,
    CLOSING,
    DUE,
    SECOND_APPROVER,
    STAFF,
    Scenario,
    card,
)

API = "/api/scoring/v1/contests/test-contest-2022"


def service(scenario: Scenario) -> Service:
    """Scoring on the scenario's database and clock."""
    return build(resources_for(scenario.database, clock=scenario.clock))


async def call(scenario: Scenario, by: str, method: str, path: str, **kwargs: object) -> httpx.Response:
    """One request by a contact whom the service knows."""
    async with client_for(service(scenario), (), contact_id=by) as client:
        return await client.request(method, API + path, **kwargs)  # type: ignore[arg-type]


async def test_invitation_acceptance_and_recusal(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database, judge_count=0)
    await scenario.contact("chan", Role.JUDGE)
    invited = await call(
        scenario, STAFF, "POST", "/judges", json={"contact_id": "chan", "category_ids": ["mobility"]}
    )
    judge_id = invited.json()["judge_id"]
    again = await call(
        scenario, STAFF, "POST", "/judges", json={"contact_id": "chan", "category_ids": ["mobility"]}
    )
    assert (invited.status_code, again.json()) == (201, invited.json())

    conflicts = [{"entry_id": "entry-05", "conflict": "vendor", "reason": "เคยเป็นที่ปรึกษา"}]
    accepted = await call(
        scenario, "chan", "POST", f"/judges/{judge_id}/acceptance", json={"conflicts": conflicts}
    )
    assert accepted.json() | {"accepted_at": "", "invited_at": ""} == {
        "judge_id": judge_id,
        "contact_id": "chan",
        "category_ids": ["mobility"],
        "invited_at": "",
        "accepted_at": "",
        "recused_from": ["entry-05"],
    }
    assert [type(event).__name__ for event in await scenario.events()] == [
        "JudgeInvited",
        "JudgeAccepted",
        "JudgeRecused",
    ]


async def test_wrong_people_are_refused(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database)
    mine, _ = scenario.judge_ids[:2]
    by = "contact-judge-2"
    answers = [
        await call(scenario, by, "POST", f"/judges/{mine}/acceptance"),
        await call(scenario, by, "POST", "/assignments", json={"due_at": DUE.isoformat()}),
        await call(scenario, by, "GET", "/ranking"),
        await call(scenario, STAFF, "POST", "/shortlist/approval"),
        await call(scenario, APPLICANT, "GET", "/queue"),
        await call(scenario, APPLICANT, "GET", "/entries/entry-01/score"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 6
    async with client_for(service(scenario)) as nobody:
        assert (await nobody.get(API + "/queue")).status_code == 401


async def test_scorecard_round_trip_with_revisions(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    judge_id, entry_id = (await scenario.pairs())[0]
    by, path = await scenario.contact_of(judge_id), f"/entries/{entry_id}/score"
    body = {"scores": {"background": 7}, "comments": {"background": " ดีมาก "}}

    draft = await call(scenario, by, "PUT", path, json=body)
    assert (draft.status_code, draft.headers["etag"], draft.json()["comments"]) == (
        200,
        '"1"',
        {"background": "ดีมาก"},
    )
    lost = await call(scenario, by, "PUT", path, json={"scores": {"background": 3}})
    assert (lost.status_code, lost.json()["type"]) == (409, "/problems/stale-score")
    full = {"scores": card(70), "submit": True}
    done = await call(scenario, by, "PUT", path, json=full, headers={"If-Match": '"1"'})
    repeated = await call(scenario, by, "PUT", path, json=full, headers={"If-Match": '"1"'})
    assert (done.status_code, done.headers["etag"], done.json()["total"], done.json()["submitted"]) == (
        200,
        '"2"',
        70,
        True,
    )
    assert repeated.json() == done.json()
    assert (await call(scenario, by, "GET", path)).json() == done.json()
    queue = (await call(scenario, by, "GET", "/queue")).json()
    assert (queue["judge_id"], queue["submitted"], len(queue["entries"])) == (judge_id, 1, 6)
    assert len([event for event in await scenario.events() if event.TOPIC == "scoring.score.v1"]) == 1


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"scores": {"background": 11}}, {"scores.background"}),
        ({"scores": {"beauty": 1}}, {"scores.beauty"}),
        ({"scores": {"background": 5}, "submit": True}, {"implementation", "impact", "sustainability"}),
        ({"scores": {"background": 5.5}}, {"/scores/background"}),
        ({"scores": {"background": -1}}, {"/scores/background"}),
        ({"scores": {}, "comments": {"background": "a\u0000b"}}, {"/comments/background"}),
    ],
)
async def test_bad_scorecard_names_the_fields(
    scoring_database: Database, body: dict[str, object], fields: set[str]
) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    judge_id, entry_id = (await scenario.pairs())[0]
    by = await scenario.contact_of(judge_id)
    answer = await call(scenario, by, "PUT", f"/entries/{entry_id}/score", json=body)
    found = {error["field"] for error in answer.json()["errors"]}
    assert answer.status_code == 422
    assert all(any(wanted in field for field in found) for wanted in fields), (fields, found)
    assert await scenario.rows("score") == []


async def test_decisions_over_the_api(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    await scenario.score_all({entry_id: 90 - place for place, entry_id in enumerate(scenario.entry_ids)})
    assert (await call(scenario, STAFF, "GET", "/shortlist")).status_code == 404
    proposed = await call(scenario, STAFF, "POST", "/shortlist")
    assert (proposed.status_code, proposed.json()["state"], len(proposed.json()["finalists"])) == (
        201,
        "proposed",
        6,
    )
    approved = await call(scenario, APPROVER, "POST", "/shortlist/approval")
    assert (approved.json()["state"], approved.json()["signed_by"]) == ("published", [APPROVER])
    public = await call(scenario, APPLICANT, "GET", "/shortlist")
    assert [f["entry_id"] for f in public.json()["finalists"]] == [
        f["entry_id"] for f in approved.json()["finalists"]
    ]
    refused = await call(scenario, SECOND_APPROVER, "POST", "/shortlist/approval")
    assert refused.status_code == 409
    csv = await call(scenario, APPLICANT, "GET", "/shortlist.csv")
    assert csv.content.startswith(b"\xef\xbb\xbfreference,")
    assert len(csv.text.splitlines()) == 7
    slots = await call(
        scenario, STAFF, "POST", "/presentations", json={"meeting_url": "https://meet.example/a"}
    )
    assert [slot["revision"] for slot in slots.json()] == [1] * 6
    body = {"starts_at": slots.json()[1]["starts_at"], "reason": "ผู้นำเสนอเดินทาง", "swap": True}
    path = f"/presentations/{slots.json()[0]['slot_id']}/move"
    moved = await call(scenario, STAFF, "POST", path, json=body)
    assert [(s["slot_id"], s["starts_at"], s["revision"]) for s in moved.json()] == [
        (slots.json()[0]["slot_id"], slots.json()[1]["starts_at"], 2),
        (slots.json()[1]["slot_id"], slots.json()[0]["starts_at"], 2),
    ]


async def test_queue_is_empty_where_nothing_is_assigned(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database)
    answer = await call(scenario, "contact-judge-1", "GET", f"/queue?round={Round.SECOND.value}")
    assert answer.json() == {
        "judge_id": scenario.judge_ids[0],
        "round": "second",
        "submitted": 0,
        "entries": [],
    }


async def test_due_date_in_the_past_is_refused(scoring_database: Database) -> None:
    scenario = await Scenario.create(scoring_database)
    answer = await call(scenario, STAFF, "POST", "/assignments", json={"due_at": CLOSING.isoformat()})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "due_at")
