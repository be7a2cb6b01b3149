"""Who may: sessions, roles, forms and other sites."""

from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from fastapi.responses import Response

from shared import known
from shared.contracts.intake import Role
from shared.db import Database
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import (
    BASE_URL,
    ISSUER,
    account,
    client_for,
    submit,
    token_for,
)
from shared.web.sessions import COOKIE


async def test_nobody_is_sent_to_sign_in_and_the_wrong_role_is_refused(app: FastAPI) -> None:
    async with client_for(app) as nobody:
        page = await nobody.get("/staff/thing?tab=2", headers={"accept": "text/html"})
        api = await nobody.get("/api/intake/v1/me")
    async with client_for(app, [Role.JUDGE]) as judge:
        refused = await judge.get("/staff/thing", headers={"accept": "text/html"})
    async with client_for(app, [Role.ADMIN]) as admin:
        allowed = await admin.get("/staff/thing", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/signin?next=/staff/thing%3Ftab%3D2")
    assert (api.status_code, api.headers["www-authenticate"]) == (401, "Bearer")
    assert (refused.status_code, allowed.status_code) == (403, 200)


async def test_roles_of_today_count_not_those_of_the_token(app: FastAPI, shared_database: Database) -> None:
    async with shared_database.transaction() as session:
        contact_id = await account(session, Role.JUDGE)
    bearer = {"authorization": f"Bearer {token_for((Role.ADMIN,), contact_id=contact_id)}"}
    async with client_for(app) as client:
        assert (await client.get("/api/intake/v1/me", headers=bearer)).json() == [contact_id, "judge"]


async def test_a_session_ends_when_it_is_revoked_or_the_person_erased(
    app: FastAPI, shared_database: Database
) -> None:
    now = datetime.now(UTC)

    def issued(contact_id: str, at: datetime) -> dict[str, str]:
        token = ISSUER.issue(contact_id=contact_id, contest_id=CONTEST_ID, roles=(), issued_at=at)
        return {"authorization": f"Bearer {token}"}

    async with shared_database.transaction() as session:
        revoked = await account(session, Role.STAFF, sessions_valid_from=now)
        erased = await account(session, Role.STAFF)
        await known.forget_contact(session, erased)
    async with client_for(app) as client:
        answers = [
            await client.get("/api/intake/v1/me", headers=issued(revoked, now - timedelta(milliseconds=5))),
            await client.get("/api/intake/v1/me", headers=issued(revoked, now + timedelta(milliseconds=5))),
            await client.get("/api/intake/v1/me", headers=issued(erased, now)),
            await client.get("/api/intake/v1/me", headers={"authorization": "Bearer nonsense"}),
        ]
    assert [answer.status_code for answer in answers] == [401, 200, 401, 401]


async def test_a_form_needs_the_token_of_its_own_browser_and_session(app: FastAPI) -> None:
    async with client_for(app, [Role.STAFF]) as client:
        saved = await submit(client, "/staff/thing", {"name": "ก"})
        shown = await client.get("/staff/thing", headers={"accept": "text/html"})
        shown_again = await client.get("/staff/thing", headers={"accept": "text/html"})
        without = await client.post("/staff/thing", data={"name": "ก"})
        page = await client.get("/staff/thing", headers={"accept": "text/html"})
        stolen = page.text.split('name="_csrf" value="')[1].split('"')[0]
    async with client_for(app, [Role.STAFF]) as other:
        await other.get("/staff/thing", headers={"accept": "text/html"})
        foreign = await other.post("/staff/thing", data={"_csrf": stolen, "name": "ก"})
    assert (saved.status_code, saved.headers["location"]) == (303, "/staff/thing")
    assert "บันทึก ก" in shown.text
    assert "บันทึก ก" not in shown_again.text
    assert (without.status_code, foreign.status_code) == (403, 403)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": BASE_URL}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": BASE_URL}, 403),
        ({"origin": "null"}, 403),
    ],
)
async def test_another_site_cannot_write_with_the_cookie(
    app: FastAPI, headers: dict[str, str], status: int
) -> None:
    async with client_for(app, [Role.STAFF]) as client:
        answer = await client.post("/api/intake/v1/things", json={"number": 1}, headers=headers)
    assert answer.status_code == status


async def test_a_bearer_may_come_from_anywhere(app: FastAPI) -> None:
    headers = {"authorization": f"Bearer {token_for((Role.STAFF,))}", "origin": "https://tool.example"}
    async with client_for(app) as client:
        answer = await client.post("/api/intake/v1/things", json={"number": 1}, headers=headers)
    assert answer.status_code == 200


def test_the_session_cookie_cannot_be_read_by_scripts_nor_sent_in_clear() -> None:
    from shared.testing.web import settings_for_tests
    from shared.web.sessions import set_session_cookie

    response = Response()
    set_session_cookie(response, "t", settings_for_tests(secure_cookies=True))
    parts = {part.strip().casefold() for part in response.headers["set-cookie"].split(";")}
    assert {f"{COOKIE}=t", "httponly", "secure", "samesite=lax", "path=/"} <= parts
