"""One origin: the longest prefix answers, here or in another process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from shared.embedded.ports import free_port
from shared.runtime.serve import HttpServer, listen
from shared.web.gateway import Dispatch, Proxy, routes_from


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    server = HttpServer(app, listen("127.0.0.1", 0))
    await server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.stop()


def upstream(on_close: Callable[[], None] = lambda: None) -> Starlette:
    async def echo(request: Request) -> Response:
        body = await request.body()
        answer = JSONResponse(
            {
                "path": request.scope["raw_path"].decode(),
                "query": request.url.query,
                "method": request.method,
                "body": body.decode(),
                "headers": sorted(name for name in request.headers if name != "host"),
                "from": request.headers.get("x-forwarded-for"),
            },
            status_code=int(request.query_params.get("status", "200")),
        )
        answer.set_cookie("a", "1")
        answer.set_cookie("b", "2")
        return answer

    async def stream(request: Request) -> Response:
        async def ticks() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"data: tick\n\n"
                    await asyncio.sleep(0.02)
            finally:
                on_close()

        return StreamingResponse(ticks(), media_type="text/event-stream")

    return Starlette(
        routes=[
            Route("/stream", stream),
            Route("/{path:path}", echo, methods=["GET", "POST", "DELETE"]),
        ]
    )


def named(name: str) -> ASGIApp:
    return PlainTextResponse(name)


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/", "intake"),
        ("/vote", "voting"),
        ("/vote/receipts/1", "voting"),
        ("/voters", "intake"),
        ("/staff", "notify"),
        ("/staff/vote", "voting"),
        ("/staff/votes", "notify"),
        ("/api/voting/v1/votes", "voting"),
    ],
)
async def test_the_longest_prefix_answers(path: str, owner: str) -> None:
    intake, voting, notify = named("intake"), named("voting"), named("notify")
    app = Dispatch(
        [
            ("/", intake),
            ("/vote", voting),
            ("/staff/vote", voting),
            ("/api/voting", voting),
            ("/staff", notify),
        ]
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        assert (await client.get(path)).text == owner


def test_two_owners_of_one_prefix_are_refused() -> None:
    with pytest.raises(ValueError, match="two applications own /vote"):
        Dispatch([("/vote", named("a")), ("/vote/", named("b"))])


async def test_proxy_passes_everything_on_and_adds_nothing_but_the_sender() -> None:
    async with served(upstream()) as target, served(Proxy(target)) as front, httpx.AsyncClient() as client:
        request = httpx.Request(
            "POST", f"{front}/a%20b/%E0%B8%81?q=1&status=418", headers={"x-own": "1"}, content=b"hello"
        )
        response = await client.send(request)
    assert response.status_code == 418
    assert response.headers.get_list("set-cookie") == [
        "a=1; Path=/; SameSite=lax",
        "b=2; Path=/; SameSite=lax",
    ]
    assert response.json() == {
        "path": "/a%20b/%E0%B8%81",
        "query": "q=1&status=418",
        "method": "POST",
        "body": "hello",
        "headers": ["content-length", "x-forwarded-for", "x-forwarded-proto", "x-own"],
        "from": "127.0.0.1",
    }


async def test_proxy_does_not_believe_a_forged_sender() -> None:
    async with served(upstream()) as target, served(Proxy(target)) as front, httpx.AsyncClient() as client:
        response = await client.get(front, headers={"X-Forwarded-For": "6.6.6.6"})
    assert response.json()["from"] == "127.0.0.1"


async def test_proxy_streams_and_lets_go_when_the_reader_leaves() -> None:
    closed = asyncio.Event()
    async with (
        served(upstream(closed.set)) as target,
        served(Proxy(target)) as front,
        httpx.AsyncClient() as client,
    ):
        async with client.stream("GET", f"{front}/stream") as response:
            lines = response.aiter_lines()
            assert await asyncio.wait_for(anext(lines), 2) == "data: tick"
        await asyncio.wait_for(closed.wait(), 2)


async def test_proxy_says_in_both_languages_when_nobody_answers() -> None:
    async with (
        served(Proxy(f"http://127.0.0.1:{free_port()}")) as front,
        httpx.AsyncClient() as client,
    ):
        response = await client.get(front)
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert "กรุณาลองใหม่" in response.text
    assert "Please try again" in response.text


async def test_proxy_passes_over_a_process_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with AsyncExitStack() as stack:
        target = await stack.enter_async_context(served(upstream()))
        proxy = Proxy(target)

        async def two_addresses() -> list[str]:
            return ["127.0.0.9", "127.0.0.1"]

        monkeypatch.setattr(proxy, "_resolve", two_addresses)
        front = await stack.enter_async_context(served(proxy))
        client = await stack.enter_async_context(httpx.AsyncClient())
        answers = [(await client.post(f"{front}/x", content=b"once")).json()["body"] for _ in range(4)]
    assert answers == ["once"] * 4


def test_routes_from_text() -> None:
    assert routes_from("/vote=http://v:1, /=http://i:2,") == {"/vote": "http://v:1", "/": "http://i:2"}
    with pytest.raises(ValueError, match="'vote' is not prefix"):
        routes_from("vote")
