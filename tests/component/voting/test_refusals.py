"""What the apis turned away for load, told by each and added up on the board."""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.responses import JSONResponse, Response
from sqlalchemy import text

from services.voting import refusals
from services.voting.app import build
from services.voting.pages import staff
from services.voting.refusals import Refusals, Refused, refused_by_all, vote_opened
from shared.clock import FixedClock
from shared.contracts.intake import Role
from shared.db import Database
from shared.testing.rulebooks import VOTE_OPENS, a_rulebook
from shared.testing.web import CONTEST_ID, client_for, resources_for, sign_in
from tests.component.voting.scenario import entry_id, eventually, open_vote, ready_to_vote

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Api:
    """An api process whose refusals are what the test says."""

    def __init__(self, database: Database) -> None:
        self.counts = {"too-busy": 1_000, "may-be-recorded": 10}
        self.time = 0.0
        self.refusals = Refusals(database, self.counts.__getitem__, lambda: self.time)

    async def begin(self) -> None:
        """Count from here on, without a turn of its own."""
        await self.refusals.start()
        assert self.refusals._task is not None
        self.refusals._task.cancel()

    async def turn_away(self, number: int, seconds: float, reason: str = "too-busy") -> None:
        """Refuse ``number`` votes, the last ``seconds`` after what was told before, and tell it."""
        self.counts[reason] += number
        self.time += seconds
        await self.refusals.write()


async def told(database: Database, since: datetime | None = LONG_AGO) -> Refused:
    async with database.transaction() as session:
        return await refused_by_all(session, since)


async def rows(database: Database) -> int:
    async with database.transaction() as session:
        return int((await session.execute(text("SELECT count(*) FROM refusal_count"))).scalar_one())


async def test_board_adds_up_what_every_api_turned_away(voting_database: Database) -> None:
    first, second = Api(voting_database), Api(voting_database)
    for api in (first, second):
        await api.begin()
        await api.refusals.write()
    assert (await rows(voting_database), await told(voting_database)) == (0, Refused(0, 0))

    await first.turn_away(600, seconds=2)
    await second.turn_away(100, seconds=2)
    await second.turn_away(20, seconds=2, reason="may-be-recorded")
    assert await told(voting_database) == Refused(720, 310), "300 of the first, 10 of the second's last turn"

    async with voting_database.transaction() as session:
        await session.execute(
            text("UPDATE refusal_count SET at = at - interval '7 seconds' WHERE process = :process"),
            {"process": first.refusals._process},
        )
    assert await told(voting_database) == Refused(720, 10), "a dead one has no rate any more"

    await second.refusals.write()
    assert await told(voting_database) == Refused(720, 0), "nobody is turned away any more"


async def test_what_was_turned_away_a_season_ago_is_forgotten(voting_database: Database) -> None:
    old, new = Api(voting_database), Api(voting_database)
    for api in (old, new):
        await api.begin()
    await old.turn_away(5, seconds=1)
    async with voting_database.transaction() as session:
        await session.execute(text("UPDATE refusal_count SET at = at - interval '101 days'"))
    await new.turn_away(1, seconds=1)
    assert (await rows(voting_database), (await told(voting_database)).total) == (2, 1)


async def test_board_counts_since_the_opening_whatever_a_rehearsals_clock_says(
    voting_database: Database,
) -> None:
    api = Api(voting_database)
    await api.begin()
    await api.turn_away(500, seconds=2)
    await api.turn_away(0, seconds=2)
    contest_id = (await ready_to_vote(voting_database)).contest_id
    async with voting_database.transaction() as session:
        assert await vote_opened(session, contest_id) is None
    assert await told(voting_database, None) == Refused(0, 0)
    window = await open_vote(voting_database, contest_id)
    async with voting_database.transaction() as session:
        opened = await vote_opened(session, contest_id)
    assert opened is not None
    assert opened.year > window.opened_at.year, "the contest's clock stands in another year"
    await api.turn_away(0, seconds=60)
    await api.turn_away(40, seconds=2)
    assert await told(voting_database, opened) == Refused(40, 20)
    await api.turn_away(10, seconds=2)
    assert await told(voting_database, opened) == Refused(50, 5)
    assert await told(voting_database) == Refused(550, 5)


async def test_refused_votes_reach_the_board_and_its_stream(
    voting_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "EVERY_SECONDS", 0.05)

    def once(_request: object, read: Callable[[], Awaitable[Mapping[str, Any]]], **_: object) -> Response:
        async def body() -> bytes:
            return json.dumps(await read(), default=str).encode()

        return Later(body)

    monkeypatch.setattr(staff, "live", once)
    other = Api(voting_database)
    await other.begin()
    clock = FixedClock(VOTE_OPENS.astimezone(UTC))
    service = build(resources_for(voting_database, clock=clock, bootstrap_servers="127.0.0.1:1"))
    await ready_to_vote(voting_database, a_rulebook())
    await open_vote(voting_database, CONTEST_ID)
    async with client_for(service, [Role.ADMIN]) as client:
        path = f"/api/voting/v1/contests/{CONTEST_ID}/rehearsal-ballots"
        (ballot,) = (await client.post(path, json={"count": 1})).json()["ballots"]
        vote = {"ballot": ballot, "entry_id": entry_id(0), "key": "my-own-key"}
        for _ in range(3):
            assert (await client.post("/api/voting/v1/votes", json=vote)).status_code == 503

        async def all_told() -> bool:
            return await told(voting_database) == Refused(3, 0)

        await eventually(all_told)
        await other.turn_away(1_200, seconds=2)
        sign_in(client, [Role.STAFF])
        numbers = (await client.get(f"/staff/vote/events?contest={CONTEST_ID}")).json()
        assert (numbers["shed"], numbers["shed_rate"]) == (1_203, 600)
        board = (await client.get(f"/staff/vote?contest={CONTEST_ID}")).text
        assert 'data-live-value="shed">1,203<' in board


class Later(JSONResponse):
    """A response whose body is made when it is sent."""

    def __init__(self, body: Callable[[], Awaitable[bytes]]) -> None:
        super().__init__({})
        self._later = body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await Response(await self._later(), media_type="application/json")(scope, receive, send)
