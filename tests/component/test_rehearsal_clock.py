"""The page that moves a rehearsal through its calendar: one form, every service."""

import importlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import httpx
import pytest

from services.intake.pages.staff_clock import stops
from shared.clock import DatabaseClock
from shared.contracts.intake import Role
from shared.db import Database
from shared.errors import Invalid
from shared.settings import SERVICE_NAMES
from shared.testing.postgres import Templates
from shared.testing.rulebooks import CONTEST_ID, OPENING, VOTE_OPENS, a_rulebook
from shared.testing.web import BASE_URL, publish_contest, resources_for, sign_in, submit
from shared.web.clock_routes import instant_of
from shared.web.gateway import Dispatch

PAGE = f"/staff/clock?contest={CONTEST_ID}"
THERE = OPENING + timedelta(days=3)


class House:
    """The four services behind one origin, each on its own database."""

    def __init__(self, databases: dict[str, Database], client: httpx.AsyncClient) -> None:
        self.databases = databases
        self.client = client

    async def times(self) -> list[datetime]:
        """The contest's time in each service."""
        found = []
        for database in self.databases.values():
            async with database.transaction() as session:
                found.append(await DatabaseClock().now(session, CONTEST_ID))
        return found

    async def send(self, at: str) -> httpx.Response:
        fields = {"contest": CONTEST_ID, "at": at}
        return await submit(self.client, PAGE, fields)


@pytest.fixture
async def house(database_templates: Templates) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        databases: dict[str, Database] = {}
        routes = []
        for name in SERVICE_NAMES:
            database = await stack.enter_async_context(database_templates.database(name))
            databases[name] = database
            await publish_contest(database, a_rulebook().model_copy(update={"rehearsal": True}))
            built = importlib.import_module(f"services.{name}.app").build(
                resources_for(database, clock=DatabaseClock())
            )
            routes += [(path, built.http) for path in built.paths]
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(Dispatch(routes)), base_url=BASE_URL, follow_redirects=True
        )
        sign_in(await stack.enter_async_context(client), [Role.ADMIN])
        yield House(databases, client)


async def test_one_press_moves_the_clock_of_every_service(house: House) -> None:
    page = await house.send(THERE.isoformat())
    assert (page.status_code, page.url.path) == (200, "/staff/clock")
    assert [step.headers["location"] for step in page.history] == [
        "/staff/clock/intake",
        "/staff/clock/scoring",
        "/staff/clock/voting",
        "/staff/clock/notify",
        PAGE,
    ]
    assert all(timedelta(0) <= time - THERE < timedelta(minutes=1) for time in await house.times())
    assert "ตั้งเวลาของการซ้อมแล้ว" in page.text


async def test_what_is_no_time_moves_nothing(house: House) -> None:
    before = await house.times()
    for at in ("tomorrow", ""):
        page = await house.send(at)
        assert (page.status_code, page.url.path) == (422, "/staff/clock")
        assert 'id="error-at"' in page.text
    assert max(await house.times()) - min(before) < timedelta(minutes=1)


async def test_a_real_contest_follows_real_time(house: House) -> None:
    await publish_contest(
        house.databases["intake"], a_rulebook(number=2).model_copy(update={"rehearsal": False})
    )
    page = await house.client.get(PAGE, headers={"accept": "text/html"})
    assert (page.status_code, "<button>ตั้งเวลา" in page.text) == (200, False)


def test_the_calendar_s_stops_lie_just_behind_its_instants() -> None:
    vote = next(stop for stop in stops(a_rulebook()) if stop.begun == VOTE_OPENS + timedelta(minutes=1))
    assert vote.ended is not None
    assert [stop.begun for stop in stops(a_rulebook())] == sorted(stop.begun for stop in stops(a_rulebook()))


@pytest.mark.parametrize("text", ["", "1999-12-31T10:00", "2100-01-01T00:00+00:00", "noon"])
def test_an_instant_outside_of_reason_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        instant_of(text)


def test_an_instant_without_an_offset_is_bangkok_s() -> None:
    assert instant_of("2022-07-01T13:30").isoformat() == "2022-07-01T13:30:00+07:00"
