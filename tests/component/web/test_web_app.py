"""What every service's application does with requests, on real PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import text

from shared import known
from shared.contracts.intake import Role
from shared.db import Database
from shared.errors import Conflict, Forbidden, Gone, Invalid, NotFound, TooMany, Unavailable
from shared.service import Resources
from shared.testing.rulebooks import CONTEST_ID, a_rulebook
from shared.testing.web import (
    BASE_URL,
    ISSUER,
    account,
    client_for,
    publish_contest,
    resources_for,
    submit,
    token_for,
)
from shared.web import sse
from shared.web.app import create_app
from shared.web.clock_routes import clock_routes
from shared.web.pages import Pages, redirect
from shared.web.problems import PROBLEMS
from shared.web.ratelimit import limit
from shared.web.sessions import COOKIE, Account, current_account, require

ERRORS = {
    "not-found": NotFound("ไม่พบ", "Not there."),
    "forbidden": Forbidden("ห้าม", "No."),
    "conflict": Conflict("ชนกัน", "Taken.", field="title"),
    "gone": Gone("จบแล้ว", "Over."),
    "too-many": TooMany("ช้าลง", "Slow down.", retry_after=7),
    "unavailable": Unavailable("ไม่ว่าง", "Busy."),
    "invalid": Invalid(
        "ไม่ถูกต้อง",
        "Wrong.",
        errors=(Invalid("ก", "A.", field="a"), Invalid("ข", "B.", field="b")),
    ),
}


class Body(BaseModel):
    number: int = Field(ge=1)


def an_app(resources: Resources) -> FastAPI:
    app = create_app("intake", resources)
    pages = Pages("shared.testing")

    @app.get("/api/intake/v1/errors/{name}", responses=PROBLEMS)
    @app.get("/errors/{name}")
    async def fail(name: str) -> None:
        if name == "fault":
            raise RuntimeError("secret detail")
        raise ERRORS[name]

    @app.post("/api/intake/v1/things", responses=PROBLEMS)
    async def thing(body: Body, account: Annotated[Account, Depends(require(Role.STAFF))]) -> Body:
        return body

    @app.get("/api/intake/v1/me", responses=PROBLEMS)
    async def me(account: Annotated[Account, Depends(current_account)]) -> list[str]:
        return [account.contact_id, *sorted(account.roles)]

    @app.get("/staff/thing")
    async def staff_page(
        request: Request, account: Annotated[Account, Depends(require(Role.STAFF))]
    ) -> Response:
        return await pages.render(request, "form.html")

    @app.post("/staff/thing")
    async def staff_post(
        request: Request, account: Annotated[Account, Depends(require(Role.STAFF))]
    ) -> Response:
        form = await pages.form(request)
        return redirect("/staff/thing", th=f"บันทึก {form['name']}", en="Saved")

    app.include_router(clock_routes("intake", resources))
    return app


@pytest.fixture
def resources(shared_database: Database) -> Resources:
    return resources_for(shared_database)


@pytest.fixture
def app(resources: Resources) -> FastAPI:
    return an_app(resources)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(app) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "status", "retry", "errors"),
    [
        ("not-found", 404, None, []),
        ("forbidden", 403, None, []),
        ("conflict", 409, None, ["title"]),
        ("gone", 410, None, []),
        ("too-many", 429, "7", []),
        ("unavailable", 503, "5", []),
        ("invalid", 422, None, ["a", "b"]),
        ("fault", 500, None, []),
    ],
)
async def test_every_error_is_a_problem_document_and_a_page(
    client: httpx.AsyncClient, name: str, status: int, retry: str | None, errors: list[str]
) -> None:
    problem = await client.get(f"/api/intake/v1/errors/{name}")
    page = await client.get(f"/errors/{name}", headers={"accept": "text/html"})
    document = problem.json()
    assert (problem.status_code, page.status_code) == (status, status)
    assert problem.headers["content-type"] == "application/problem+json"
    assert (document["status"], [error["field"] for error in document["errors"]]) == (status, errors)
    assert document["instance"] == problem.headers["x-correlation-id"]
    assert (problem.headers.get("retry-after"), page.headers.get("retry-after")) == (retry, retry)
    assert page.headers["content-type"].startswith("text/html")
    if name in ERRORS:
        assert document["detail"] == ERRORS[name].en
        assert ERRORS[name].th in page.text
    assert "secret detail" not in problem.text + page.text


async def test_unknown_paths_methods_and_bodies_are_problems(client: httpx.AsyncClient) -> None:
    staff = {"authorization": f"Bearer {token_for((Role.STAFF,))}"}
    url = "/api/intake/v1/things"
    answers = [
        await client.get("/api/intake/v1/nothing"),
        await client.put("/api/intake/v1/me"),
        await client.post(url, json={"number": 0}, headers=staff),
        await client.post(url, content=b"{", headers={**staff, "content-type": "application/json"}),
        await client.post(url, json={"number": 3}, headers=staff),
    ]
    assert [answer.status_code for answer in answers] == [404, 405, 422, 400, 200]
    assert answers[1].headers["allow"] == "GET"
    assert answers[2].json()["errors"][0]["field"] == "/number"
    assert {answer.headers["content-type"] for answer in answers[:4]} == {"application/problem+json"}


async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient) -> None:
    for path in ("/errors/not-found", "/api/intake/v1/errors/fault", "/static/showcase.css", "/healthz"):
        headers = (await client.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")
        assert "cache-control" in headers


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


async def test_language_is_switched_and_remembered(app: FastAPI) -> None:
    async with client_for(app, [Role.STAFF]) as client:
        thai = await client.get("/staff/thing")
        switched = await client.get("/language/en?next=/staff/thing")
        english = await client.get("/staff/thing")
        away = await client.get("/language/th?next=//evil.example/")
    assert ('lang="th"' in thai.text, '<html lang="en">' in english.text) == (True, True)
    assert (switched.status_code, switched.headers["location"]) == (303, "/staff/thing")
    assert away.headers["location"] == "/"


async def test_a_rehearsal_says_so_on_every_page(app: FastAPI, shared_database: Database) -> None:
    await publish_contest(shared_database)
    async with client_for(app, [Role.STAFF]) as client:
        rehearsal = await client.get("/staff/thing")
        missing = await client.get("/nowhere", headers={"accept": "text/html"})
        await publish_contest(shared_database, a_rulebook(number=2, rehearsal=False))
        real = await client.get("/staff/thing")
    assert ["ซ้อมการประกวด" in page.text for page in (rehearsal, missing, real)] == [True, True, False]


async def test_the_clock_of_a_rehearsal_moves_and_a_real_one_does_not(shared_database: Database) -> None:
    from shared.clock import DatabaseClock

    app = an_app(resources_for(shared_database, clock=DatabaseClock()))
    url = f"/api/intake/v1/contests/{CONTEST_ID}/clock"
    setting = {"now": "2022-07-30T11:00:00Z"}
    await publish_contest(shared_database)
    async with client_for(app, [Role.ADMIN]) as admin, client_for(app, [Role.STAFF]) as staff:
        moved = await admin.put(url, json=setting)
        read = (await staff.get(url)).json()
        refused = await staff.put(url, json=setting)
        naive = await admin.put(url, json={"now": "2022-07-30T11:00:00"})
        await publish_contest(shared_database, a_rulebook(number=2, rehearsal=False))
        real = await admin.put(url, json=setting)
        unknown = await admin.put(url.replace(CONTEST_ID, "none"), json=setting)
    assert [answer.status_code for answer in (moved, refused, naive, real, unknown)] == [
        200,
        403,
        422,
        409,
        404,
    ]
    ahead = datetime.fromisoformat(read["now"]) - datetime(2022, 7, 30, 11, tzinfo=UTC)
    assert timedelta(0) <= ahead < timedelta(seconds=30)


async def test_a_limit_holds_over_processes_and_leaks(shared_database: Database) -> None:
    other = Database(shared_database.dsn)

    async def use(database: Database, key: str = "a@example.org") -> int:
        async with database.transaction() as session:
            await limit(session, "code", key, capacity=3, per_seconds=1.5)
        return 1

    found = await asyncio.gather(
        *(use(database) for database in (shared_database, other) * 4), return_exceptions=True
    )
    refused = [error for error in found if isinstance(error, TooMany)]
    assert (found.count(1), len(refused)) == (3, 5)
    assert {error.retry_after for error in refused} == {1}
    assert await use(other, "b@example.org") == 1
    await asyncio.sleep(0.6)
    assert await use(shared_database) == 1
    with pytest.raises(TooMany):
        await use(shared_database)
    async with shared_database.transaction() as session:
        rows = (await session.execute(text("SELECT bucket FROM rate_bucket"))).scalars().all()
    assert len(rows) == 2
    assert "example" not in "".join(rows)
    await other.close()


async def test_a_limit_forgets_old_buckets(shared_database: Database) -> None:
    async with shared_database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO rate_bucket SELECT '', n::text, 1, clock_timestamp() - interval '25 hours' "
                "FROM generate_series(1, 7) n"
            )
        )
        counts = []
        for _ in range(3):
            await limit(session, "code", "a@example.org", capacity=9, per_seconds=60)
            counts.append((await session.execute(text("SELECT count(*) FROM rate_bucket"))).scalar_one())
    assert counts == [3, 1, 1]


async def test_live_values_are_sent_when_they_change(app: FastAPI) -> None:
    values = iter([{"n": 1}, {"n": 1}, {"n": 2}])
    request = Request({"type": "http", "app": app, "headers": []})

    async def read() -> dict[str, int]:
        try:
            return next(values)
        except StopIteration:
            app.state.draining = True
            return {"n": 3}

    response = sse.live(request, read, every=0.01)
    chunks = [chunk async for chunk in response.body_iterator]
    sent = [
        json.loads(str(chunk).removeprefix("data: ")) for chunk in chunks if str(chunk).startswith("data")
    ]
    assert sent == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert response.media_type == "text/event-stream"


async def test_readiness_names_its_reasons(app: FastAPI) -> None:
    async def lagging() -> str:
        return "no partition yet"

    async with client_for(app) as client:
        ready = await client.get("/readyz")
        app.state.readiness.append(lagging)
        lag = await client.get("/readyz")
        app.state.draining = True
        draining = await client.get("/readyz")
        alive = await client.get("/healthz")
        metrics = await client.get("/metrics")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "reasons": []})
    assert (lag.status_code, lag.json()["reasons"]) == (503, ["no partition yet"])
    assert draining.json()["reasons"] == ["shutting down", "no partition yet"]
    assert alive.status_code == 200
    assert "showcase_http_requests_total" in metrics.text


async def test_without_a_database_pages_and_api_say_try_again(resources: Resources) -> None:
    away = Database("postgresql://127.0.0.1:1/none")
    app = an_app(resources_for(away))
    async with client_for(app, [Role.STAFF]) as client:
        page = await client.get("/staff/thing", headers={"accept": "text/html"})
        api = await client.get("/api/intake/v1/me")
        ready = await client.get("/readyz")
    assert (page.status_code, api.status_code, ready.status_code) == (503, 503, 503)
    assert page.headers["retry-after"] == api.headers["retry-after"] == "5"
    assert "<h1>" in page.text


async def test_openapi_names_the_problem_documents(app: FastAPI) -> None:
    async with client_for(app) as client:
        document = (await client.get("/api/intake/openapi.json")).json()
    responses = document["paths"]["/api/intake/v1/things"]["post"]["responses"]
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    assert responses["409"]["content"] == {"application/problem+json": reference}
    assert set(document["components"]["schemas"]["Problem"]["properties"]) == {
        "type",
        "title",
        "status",
        "detail",
        "detail_th",
        "instance",
        "errors",
    }


def test_the_session_cookie_cannot_be_read_by_scripts_nor_sent_in_clear() -> None:
    from shared.testing.web import settings_for_tests
    from shared.web.sessions import set_session_cookie

    response = Response()
    set_session_cookie(response, "t", settings_for_tests(secure_cookies=True))
    parts = {part.strip().casefold() for part in response.headers["set-cookie"].split(";")}
    assert {f"{COOKIE}=t", "httponly", "secure", "samesite=lax", "path=/"} <= parts
