"""One origin for many applications: the longest path prefix decides who answers.

:class:`Dispatch` calls ASGI applications of this process; :class:`Proxy` is one that passes a
request on to other processes. Run by itself it is the gateway of the compose file.
"""

import asyncio
import itertools
import socket
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from urllib.parse import urlsplit

import httpx
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
     b"transfer-encoding", b"upgrade")
)  # fmt: skip
_RESOLVE_SECONDS = 2.0
_CONNECT_SECONDS = 2.0
BUSY_TEXT = (
    "ระบบส่วนนี้ยังไม่พร้อม กรุณาลองใหม่ในอีกสักครู่\n"
    "This part of the system is not ready. Please try again in a moment.\n"
)


class Dispatch:
    """Calls the application whose prefix of the path is the longest; ``/`` takes the rest.

    A prefix ends at a path segment: ``/vote`` owns ``/vote`` and ``/vote/x``, not ``/voters``.
    """

    def __init__(self, routes: Iterable[tuple[str, ASGIApp]]) -> None:
        ordered = sorted(((prefix.rstrip("/"), app) for prefix, app in routes), key=lambda r: -len(r[0]))
        seen: dict[str, ASGIApp] = {}
        for prefix, app in ordered:
            if seen.setdefault(prefix, app) is not app:
                raise ValueError(f"two applications own {prefix or '/'}")
        self._routes = tuple(ordered)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        app = self.owner_of(scope["path"])
        await (app or PlainTextResponse("Not Found", 404))(scope, receive, send)

    def owner_of(self, path: str) -> ASGIApp | None:
        """The application that answers ``path``."""
        for prefix, app in self._routes:
            if path == prefix or path.startswith(prefix + "/"):
                return app
        return None


class Proxy:
    """Passes requests on to the processes behind ``target``, an ``http://host:port`` address.

    A name with several addresses is several processes: they take turns, and one that does not take
    the connection is passed over. A request whose connection was refused is tried at the next one;
    nothing that a process may have begun is sent twice. Bodies stream both ways.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{target} is not an http://host:port address")
        self._host = parts.hostname
        self._port = parts.port or 80
        self._turn = itertools.count()
        self._addresses: list[str] = []
        self._resolved_at = float("-inf")
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=1000, max_keepalive_connections=200),
            trust_env=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        addresses = await self._resolve()
        start = next(self._turn)
        for attempt in range(max(1, len(addresses))):
            if not addresses:
                break
            address = addresses[(start + attempt) % len(addresses)]
            # not the client's build_request: it would add headers that nobody sent
            request = httpx.Request(
                scope["method"],
                self._url(address, scope),
                headers=_forwarded(scope),
                content=_body(receive) if _has_body(scope) else None,
            )
            try:
                response = await self._client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                self._resolved_at = float("-inf")
                continue
            except httpx.HTTPError:
                break
            await _relay(response, receive, send)
            return
        await PlainTextResponse(BUSY_TEXT, 503, {"Retry-After": "2"})(scope, receive, send)

    async def close(self) -> None:
        """Close the connections to the processes."""
        await self._client.aclose()

    async def _resolve(self) -> list[str]:
        if time.monotonic() - self._resolved_at > _RESOLVE_SECONDS:
            loop = asyncio.get_running_loop()
            try:
                found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
                self._addresses = sorted({str(entry[4][0]) for entry in found if entry[0] == socket.AF_INET})
            except OSError:
                pass  # the name is gone for the moment; the last addresses may still answer
            self._resolved_at = time.monotonic()
        return self._addresses

    def _url(self, address: str, scope: Scope) -> httpx.URL:
        target = scope.get("raw_path") or scope["path"].encode()
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        return httpx.URL(scheme="http", host=address, port=self._port, raw_path=target)


def _forwarded(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The request's headers with who asked, and how, for the process behind."""
    client = scope.get("client")
    named = Headers(scope=scope)
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name not in _HOP_BY_HOP and name not in (b"x-forwarded-for", b"x-forwarded-proto")
    ]
    headers.append((b"x-forwarded-for", (client[0] if client else "").encode()))
    headers.append((b"x-forwarded-proto", named.get("x-forwarded-proto", scope["scheme"]).encode()))
    return headers


def _has_body(scope: Scope) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


async def _relay(response: httpx.Response, receive: Receive, send: Send) -> None:
    """Pass the answer on until it ends or nobody is there any more to take it, as with an open stream."""
    passing = asyncio.ensure_future(_pass_on(response, send))
    leaving = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((passing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if passing.done():
            await passing
    finally:
        for task in (passing, leaving):
            task.cancel()
        await asyncio.gather(passing, leaving, return_exceptions=True)
        await response.aclose()


async def _pass_on(response: httpx.Response, send: Send) -> None:
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _HOP_BY_HOP]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    async for part in response.aiter_raw():
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def routes_from(text: str) -> Mapping[str, str]:
    """Prefixes and targets out of ``/vote=http://voting-api:8000,/=http://intake-api:8000``.

    Raises:
        ValueError: an item is not ``prefix=target``.
    """
    routes = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        prefix, separator, target = item.partition("=")
        if not separator or not prefix.startswith("/"):
            raise ValueError(f"{item!r} is not prefix=http://host:port")
        routes[prefix] = target
    return routes
