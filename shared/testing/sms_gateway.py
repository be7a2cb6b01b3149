"""A local fake of the SMS gateway: the contract of docs/operate/voter-identity.md, and nothing else."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.testing.browser import serve

TOKEN = "the gateway's token"


@dataclass
class Gateway:
    """What it took, by reference; ``answers`` are the statuses of its next answers."""

    taken: dict[str, dict[str, str]] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        """One message, as the contract has it."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"error": "who are you"}, 401)
        body = await request.json()
        complete = set(body) == {"to", "text", "sender", "reference"}
        complete = complete and bool(re.fullmatch(r"\+[0-9]{8,15}", body["to"]))
        if not complete or request.headers.get("idempotency-key") != body["reference"]:
            return JSONResponse({"error": "not the contract"}, 422)
        if self.answers and (status := self.answers.pop(0)) >= 300:
            return Response(status_code=status)
        self.taken.setdefault(body["reference"], body)
        return JSONResponse({"id": body["reference"]}, 202)


@asynccontextmanager
async def gateway() -> AsyncIterator[tuple[Gateway, str]]:
    """A gateway that listens, and its address."""
    fake = Gateway()
    async with serve(Starlette(routes=[Route("/messages", fake.take, methods=["POST"])])) as url:
        yield fake, f"{url}/messages"
