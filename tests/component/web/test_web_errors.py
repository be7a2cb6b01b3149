"""What every application answers when something is wrong, and what every answer carries."""

import httpx
import pytest

from shared.contracts.intake import Role
from shared.testing.web import token_for
from tests.component.web.an_app import ERRORS


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
        ("nul", 400, None, []),
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
