"""Hidden totals stay hidden in every channel: asked of every route, not of those somebody thought of.

The counts are numbers that nothing else on a page can be. While the rulebook hides them, no answer of
voting or of the staff board may contain one (in figures, with separators, in a file, a stream, a title or
a header), nor list entries in another order when the counts are turned around. The same questions are
asked of a public vote, so that the test is known to see what it looks for.
"""

import json
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, timedelta
from typing import Any

import httpx
import pytest
from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import text

from services.notify.app import build as build_notify
from services.notify.repository import progress
from services.voting.app import build as build_voting
from services.voting.tables import FraudCase
from shared import known
from shared.clock import FixedClock
from shared.contracts.catalogue import CATALOGUE, TOPICS, Audience
from shared.contracts.ids import new_id
from shared.contracts.intake import Role
from shared.contracts.rulebook import VotesShown
from shared.contracts.voting import (
    PopularVoteCertified,
    TallyChanged,
    VoteCast,
    VotesHeld,
    VotesReleased,
    VotesStruck,
)
from shared.db import Database
from shared.service import Service
from shared.testing.routes import guarded_routes
from shared.testing.rulebooks import CONTEST_ID, VOTE_CLOSES, VOTE_OPENS, a_rulebook, assumed
from shared.testing.web import client_for, publish_contest, resources_for, sign_in
from tests.component.voting.scenario import entry_id, open_vote, ready_to_vote

COUNTS = (73_519, 61_283, 48_977, 39_841)
DUPLICATE, LATE, HELD = 27_449, 18_253, 15_391
SECRET = (*COUNTS, sum(COUNTS), DUPLICATE, LATE, HELD, sum(COUNTS) + DUPLICATE + LATE + HELD)
SHOWS = re.compile(
    "(?<![0-9A-Za-z])(?:"  # a random token may hold any digits
    + "|".join(f"{n}|{n:,}".replace(",", "[,.\u00a0 ]") for n in SECRET)
    + ")(?![0-9A-Za-z])"
)
OUTSIDERS: tuple[tuple[Role, ...], ...] = ((), (Role.JUDGE, Role.APPLICANT, Role.CLERK))
HIDDEN = pytest.mark.parametrize(
    ("shown", "state", "hours_left"),
    [(VotesShown.STAFF, "open", 50), (VotesShown.PUBLIC_UNTIL, "open", 3), (VotesShown.STAFF, "closed", -1)],
)
Answers = Mapping[str, httpx.Response]


@pytest.fixture(autouse=True)
def streams_answer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Server-sent events that end with their first message."""

    def once(request: Request, read: Callable[[], Awaitable[Any]], **_: Any) -> Response:
        async def first() -> AsyncIterator[str]:
            yield json.dumps(await read(), default=str)

        return StreamingResponse(first(), headers={"Cache-Control": "no-store"})

    for name, module in list(sys.modules.items()):
        if name.startswith(("services.voting", "services.notify")) and hasattr(module, "live"):
            monkeypatch.setattr(module, "live", once)


async def count(database: Database, counts: tuple[int, ...]) -> None:
    """Let the counters of the vote be ``counts``, as if so many had voted."""
    async with database.transaction() as session:
        for table in ("entry_count", "partition_count"):
            await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - a name from this line
        await session.execute(
            text("INSERT INTO entry_count VALUES (:contest, :entry, 0, :counted)"),
            [
                {"contest": CONTEST_ID, "entry": entry_id(number), "counted": counted}
                for number, counted in enumerate(counts)
            ],
        )
        await session.execute(
            text(
                "INSERT INTO partition_count (contest_id, partition, counted, duplicate, late, held, struck)"
                " VALUES (:contest, 0, :counted, :duplicate, :late, :held, 0)"
            ),
            {
                "contest": CONTEST_ID,
                "counted": sum(counts),
                "duplicate": DUPLICATE,
                "late": LATE,
                "held": HELD,
            },
        )


async def hold(database: Database) -> None:
    """Let a case of held votes wait for two people."""
    async with database.transaction() as session:
        session.add(
            FraudCase(
                contest_id=CONTEST_ID,
                case_id=new_id(),
                entry_id=entry_id(0),
                detectors="agent+network",
                reason_th="เหตุ",
                reason_en="reason",
                findings=[],
                votes=HELD,
                parts=1,
                state="open",
                opened_at=VOTE_OPENS,
            )
        )


async def a_vote_house(database: Database, shown: VotesShown, state: str, hours_left: int) -> Service:
    """Voting at some hours before the close of a vote with many votes."""
    voting = a_rulebook().voting.model_copy(
        update={"totals_shown": assumed(shown), "totals_hidden_last_hours": assumed(24)}
    )
    await publish_contest(database)
    await ready_to_vote(database, a_rulebook(number=2, voting=voting))
    await open_vote(database, CONTEST_ID)
    await count(database, COUNTS)
    if state == "open":  # the report tells of it from the close on
        await hold(database)
    async with database.transaction() as session:
        await session.execute(text("UPDATE vote_window SET state = :state"), {"state": state})
    clock = FixedClock((VOTE_CLOSES - timedelta(hours=hours_left)).astimezone(UTC))
    return build_voting(resources_for(database, clock=clock))


async def every_answer(
    service: Service, roles: tuple[Role, ...], cookies: httpx.Cookies | None = None
) -> dict[str, httpx.Response]:
    """What every GET route answers to somebody, as a page and as a file."""
    answers: dict[str, httpx.Response] = {}
    async with client_for(service.http) as client:
        client.cookies.update(cookies)
        if roles:
            sign_in(client, list(roles), contact_id=new_id())
        for route in guarded_routes(service.http):
            if route.method != "GET" or route.path.startswith(("/static/", "/metrics", "/language/")):
                continue
            path = route.path.replace("{contest_id}", CONTEST_ID).replace("{entry_id}", entry_id(0))
            path = re.sub(r"\{[^}]*\}", "1", path)
            for suffix in ("", "&format=csv"):
                address = f"{path}?contest={CONTEST_ID}&seed=same{suffix}"
                answers[address] = await client.get(address)
    return answers


async def cookies_of(service: Service) -> httpx.Cookies:
    """A visitor's cookies: among them the one by which the ballot is shuffled, stably."""
    async with client_for(service.http) as client:
        await client.get(f"/vote?contest={CONTEST_ID}")
        return client.cookies


def told(answers: Answers) -> list[str]:
    """The addresses whose answers, headers included, contain a count."""
    return [
        address
        for address, answer in answers.items()
        if SHOWS.search(answer.text) or SHOWS.search(str(answer.headers))
    ]


def orders(answers: Answers) -> dict[str, list[str]]:
    """In which order each answer names the entries."""
    return {address: re.findall(r"entry-\d\d", answer.text) for address, answer in answers.items()}


@HIDDEN
async def test_no_route_of_voting_tells_outsiders_a_hidden_total(
    voting_database: Database, shown: VotesShown, state: str, hours_left: int
) -> None:
    service = await a_vote_house(voting_database, shown, state, hours_left)
    for roles in OUTSIDERS:
        await count(voting_database, COUNTS)
        visitor = await cookies_of(service)
        answers = await every_answer(service, roles, visitor)
        assert told(answers) == []
        await count(voting_database, tuple(reversed(COUNTS)))
        turned = await every_answer(service, roles, visitor)
        assert orders(turned) == orders(answers), "a list must not tell what the numbers do not"
        assert {a: r.status_code for a, r in turned.items()} == {a: r.status_code for a, r in answers.items()}


async def test_the_test_sees_totals_where_they_are_public_and_staff_are_told_in_private(
    voting_database: Database,
) -> None:
    service = await a_vote_house(voting_database, VotesShown.PUBLIC, "open", 50)
    assert {address.partition("?")[0] for address in told(await every_answer(service, ()))} >= {
        "/audit",
        f"/api/voting/v1/contests/{CONTEST_ID}/tally",
        f"/api/voting/v1/contests/{CONTEST_ID}/audit",
    }
    hidden = await a_vote_house_again(voting_database)
    answers = await every_answer(hidden, (Role.STAFF,))
    seen = told(answers)
    assert {address.partition("?")[0] for address in seen} >= {
        "/staff/vote",
        "/staff/vote/events",
        "/staff/vote/held",
    }
    cached = [
        a for a in seen if not re.search("no-store|private", answers[a].headers.get("cache-control", ""))
    ]
    assert cached == [], "what staff see must not be kept by anything between"


async def a_vote_house_again(database: Database) -> Service:
    """The same vote under the next rulebook, which hides the totals."""
    async with database.transaction() as session:
        await known.keep_rulebook(session, a_rulebook(number=3), VOTE_OPENS)
    return build_voting(resources_for(database, clock=FixedClock(VOTE_OPENS.astimezone(UTC))))


@pytest.fixture
async def board(notify_database: Database) -> Service:
    """Notify, which has heard every entry's count."""
    await publish_contest(notify_database)
    async with notify_database.transaction() as session:
        for number, counted in enumerate(COUNTS):
            await progress.keep_tally(
                session,
                contest_id=CONTEST_ID,
                entry_id=entry_id(number),
                revision=1,
                counted=counted,
                at=VOTE_OPENS,
            )
    return build_notify(resources_for(notify_database, clock=FixedClock(VOTE_OPENS.astimezone(UTC))))


async def test_the_board_tells_outsiders_nothing_and_nobody_an_entrys_count(board: Service) -> None:
    for roles in OUTSIDERS:
        assert told(await every_answer(board, roles)) == []
    by_entry = re.compile("|".join(f"{n}|{n:,}" for n in COUNTS))
    answers = await every_answer(board, (Role.STAFF, Role.APPROVER))
    assert [address for address, answer in answers.items() if by_entry.search(answer.text)] == []


def test_events_that_count_are_for_nobody_outside_until_the_result() -> None:
    telling = {
        event
        for topic in CATALOGUE
        for event in topic.events
        if event.model_fields.keys() & {"counted", "held", "votes", "receipt_id", "receipt_ids"}
    }
    assert telling == {VoteCast, TallyChanged, VotesHeld, VotesReleased, VotesStruck, PopularVoteCertified}
    assert {TOPICS[event.TOPIC].audience for event in telling} == {Audience.INTERNAL}
