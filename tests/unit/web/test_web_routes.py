"""Routers are put together without losing anything that they declared."""

import httpx
from fastapi import APIRouter, FastAPI

from shared.web.problems import PROBLEMS
from shared.web.routes import joined, take_routes


async def test_routes_are_answered_and_documented_as_their_own_routers_say() -> None:
    api = APIRouter(prefix="/api/v1", tags=["things"], responses=PROBLEMS)
    pages = APIRouter()

    @api.get("/things/{number}")
    async def thing(number: int) -> dict[str, int]:
        return {"number": number}

    @pages.get("/page")
    async def page() -> str:
        return "a page"

    app = FastAPI()
    take_routes(app, joined(api), joined(pages, in_schema=False))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        answers = [
            (answer.status_code, answer.json())
            for answer in [await client.get(path) for path in ("/api/v1/things/7", "/page")]
        ]
        document = (await client.get("/openapi.json")).json()
    assert answers == [(200, {"number": 7}), (200, "a page")]
    assert list(document["paths"]) == ["/api/v1/things/{number}"]
    documented = document["paths"]["/api/v1/things/{number}"]["get"]
    assert (documented["tags"], "409" in documented["responses"]) == (["things"], True)
