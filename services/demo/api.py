"""The public HTTP API as the demo uses it: JSON in, JSON out, problems as errors."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

Json = Any
_PATIENCE_SECONDS = 300.0
"""How long something may take that follows by itself; a busy machine is slow, and slow is no failure."""
_SOON_SECONDS = 60.0
"""How long a service may take to learn from events what another one knows."""

_IDEMPOTENT = frozenset({"GET", "PUT"})


class DemoFailed(Exception):
    """The contest did not go on as planned; the message says where and why."""


class Refused(Exception):
    """The API answered with a problem."""

    def __init__(self, response: httpx.Response, what: str) -> None:
        self.status = response.status_code
        self.problem = _problem(response)
        super().__init__(f"{what}: {self.status} {self.problem.get('detail') or self.problem.get('title')}")


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {"detail": response.text[:200]}
    return body if isinstance(body, dict) else {"detail": str(body)[:200]}


@dataclass(frozen=True)
class Api:
    """One person's view of the API; ``token`` is empty for somebody who is not signed in."""

    http: httpx.AsyncClient = field(repr=False)
    token: str = field(default="", repr=False)

    def signed_in(self, token: str) -> "Api":
        """The same API for the holder of ``token``."""
        return Api(self.http, token)

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **content: Any
    ) -> httpx.Response:
        """One request; a 401 of somebody just made known, or a 503, is repeated for a while.

        Where the connection broke it is sent once more, if sending it twice does what sending it once does.

        Raises:
            Refused: the answer is a problem.
            httpx.TransportError: no answer came.
        """
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent |= headers or {}
        deadline = time.monotonic() + _SOON_SECONDS
        broken = False
        while True:
            try:
                response = await self.http.request(method, path, headers=sent, **content)
            except httpx.TransportError as error:
                if broken or not _may_be_sent_again(method, error):
                    raise
                broken = True
                continue
            if response.is_success:
                return response
            not_yet = self.token and response.status_code == 401
            busy = response.status_code == 503
            if not (not_yet or busy) or time.monotonic() > deadline:
                raise Refused(response, f"{method} {path}")
            await asyncio.sleep(0.1)

    async def get(self, path: str, **params: Any) -> Json:
        """The JSON at ``path``."""
        return (await self.send("GET", path, params=params)).json()

    async def get_bytes(self, path: str) -> bytes:
        """The document at ``path``."""
        return (await self.send("GET", path)).content

    async def post(self, path: str, body: Json = None) -> Json:
        """The answer to ``body``; None where there is none."""
        response = (
            await self.send("POST", path, json=body) if body is not None else await self.send("POST", path)
        )
        return response.json() if response.content else None

    async def put(self, path: str, body: Json) -> Json:
        """The answer to ``body``."""
        return (await self.send("PUT", path, json=body)).json()

    async def refusal(self, method: str, path: str, body: Json, *, status: int) -> dict[str, Any]:
        """The problem with which the API refuses; for what must not work.

        Raises:
            DemoFailed: it was not refused, or with another status.
        """
        try:
            await self.send(method, path, json=body)
        except Refused as refused:
            if refused.status == status:
                return refused.problem
            raise
        raise DemoFailed(f"{method} {path} was accepted and should have been refused with {status}")


def _may_be_sent_again(method: str, error: httpx.TransportError) -> bool:
    """Whether the request is idempotent (RFC 9110 §9.2.2), or never left."""
    return method in _IDEMPOTENT or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)


async def until(
    question: Callable[[], Awaitable[Any]],
    what: str,
    *,
    seconds: float = _PATIENCE_SECONDS,
    every: float = 0.15,
) -> Any:
    """Ask until the answer is true; what is not there yet (404, 409) counts as not true.

    Raises:
        DemoFailed: it did not become true in time.
    """
    deadline = time.monotonic() + seconds
    last = ""
    while time.monotonic() < deadline:
        try:
            if answer := await question():
                return answer
        except Refused as refused:
            if refused.status not in (404, 409):
                raise
            last = f" ({refused})"
        await asyncio.sleep(every)
    raise DemoFailed(f"waited {seconds:.0f} s in vain for {what}{last}")


async def all_of(works: Iterable[Coroutine[Any, Any, Any]], *, at_once: int = 8) -> list[Any]:
    """The results of ``works`` in their order, a few at a time; the first error ends all."""
    gate = asyncio.Semaphore(at_once)

    async def one(work: Coroutine[Any, Any, Any]) -> Any:
        async with gate:
            return await work

    given = list(works)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(work)) for work in given]
    finally:
        for work in given:
            work.close()  # what an error kept from beginning would warn that nobody awaited it
    return [task.result() for task in tasks]
