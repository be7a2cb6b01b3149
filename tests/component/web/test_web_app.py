"""What every application does besides: language, rehearsal, limits, live values, readiness, OpenAPI."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI, Request
from sqlalchemy import text

from shared.contracts.intake import Role
from shared.db import Database
from shared.errors import TooMany
from shared.service import Resources
from shared.testing.rulebooks import CONTEST_ID, a_rulebook
from shared.testing.web import (
    client_for,
    publish_contest,
    resources_for,
)
from shared.web import sse
from shared.web.ratelimit import limit
from tests.component.web.an_app import an_app


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
        app.state.faults.append(app.state.readiness.pop())
        told = await client.get("/readyz")
        app.state.readiness.append(app.state.faults.pop())
        app.state.draining = True
        draining = await client.get("/readyz")
        alive = await client.get("/healthz")
        metrics = await client.get("/metrics")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "reasons": []})
    assert (lag.status_code, lag.json()["reasons"]) == (503, ["no partition yet"])
    assert (told.status_code, told.json()) == (200, {"status": "ready", "reasons": ["no partition yet"]})
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
