"""Puzzles and buckets: who solves gets a code at once, who does not waits, nobody is shut out."""

import asyncio
from typing import Any

import altcha
import httpx
import pytest
from sqlalchemy import text

from shared.db import Database
from shared.testing.rulebooks import a_rulebook
from shared.testing.web import BASE_URL, CONTEST_ID
from tests.component.voting.identity_kit import API, House

EASY = {"friction_puzzle": "4 8 16 32", "friction_puzzle_cost": 5, "friction_seconds": "20 60 120 300"}


def from_host(house: House, host: str) -> httpx.AsyncClient:
    """A client whose requests come from ``host``."""
    transport = httpx.ASGITransport(house.service.http, client=(host, 1))
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL)


async def proof(client: httpx.AsyncClient) -> str:
    """Fetch a puzzle and solve it."""
    answer = await client.get(f"{API}/contests/{CONTEST_ID}/puzzle")
    assert answer.status_code == 200, answer.text
    challenge = altcha.Challenge.from_dict(answer.json())
    solution = altcha.solve_challenge(challenge)
    assert solution
    return altcha.Payload(challenge, solution).to_base64()


async def rows(database: Database) -> list[tuple[int, bool, bool]]:
    async with database.transaction() as session:
        found = await session.execute(
            text("SELECT risk, shared_network, proved FROM ballot_code ORDER BY code_id")
        )
        return [(row.risk, row.shared_network, row.proved) for row in found]


async def test_who_solves_the_puzzle_is_served_at_once_and_who_does_not_waits(
    voting_database: Database,
) -> None:
    house = await House.build(voting_database, **EASY)
    async with from_host(house, "203.0.113.5") as client:
        plain = (await house.ask(client, "plain@example.com")).json()
        solved = (await house.ask(client, "solved@example.com", proof=await proof(client))).json()
        assert (plain["sent"], 18 <= plain["seconds"] <= 20) == (False, True)
        assert solved["seconds"] == 0
        await house.turn()
        assert [mail.to for mail in house.mailer.sent] == ["solved@example.com"]
    assert await rows(voting_database) == [(0, False, False), (0, False, True)]


async def test_puzzle_solved_afterwards_brings_a_waiting_code_forward(voting_database: Database) -> None:
    house = await House.build(voting_database, **EASY)
    async with from_host(house, "203.0.113.5") as client:
        first = (await house.ask(client)).json()
        again = (await house.ask(client, proof=await proof(client))).json()
        assert (again["code_id"], again["seconds"]) == (first["code_id"], 0)
        await house.turn()
        assert len(house.mailer.sent) == 1


async def test_puzzle_works_once_and_for_its_own_network(voting_database: Database) -> None:
    house = await House.build(voting_database, **EASY)
    async with from_host(house, "203.0.113.5") as client, from_host(house, "198.51.100.5") as other:
        answer = await proof(client)
        elsewhere = await house.ask(other, "a@example.com", proof=answer)
        assert elsewhere.json()["type"] == "/problems/bad-proof"
        assert (await house.ask(client, "b@example.com", proof=answer)).status_code == 202
        twice = await house.ask(client, "c@example.com", proof=answer)
        assert twice.json()["type"] == "/problems/bad-proof"
        assert (await house.ask(client, "d@example.com", proof="nonsense")).status_code == 422
        raced = await proof(client)
        both = await asyncio.gather(
            *(house.ask(client, f"race{number}@example.com", proof=raced) for number in range(4))
        )
        assert sorted(each.status_code for each in both) == [202, 422, 422, 422]


async def levels(house: House, hosts: list[str]) -> list[int]:
    for number, host in enumerate(hosts):
        async with from_host(house, host) as client:
            assert (await house.ask(client, f"voter{number}@example.com")).status_code == 202
    return [risk for risk, _, _ in await rows(house.database)]


@pytest.mark.parametrize(
    ("settings", "hosts", "expected"),
    [
        ({"friction_address": "2 3 4"}, ["203.0.113.5"] * 6, [0, 0, 1, 2, 3, 3]),
        ({"friction_network": "2 3 90"}, [f"203.0.113.{n}" for n in range(5)], [0, 0, 1, 2, 2]),
        ({"friction_prefix": "2 80 90"}, [f"203.0.{n}.1" for n in range(4)], [0, 0, 1, 1]),
        ({"friction_network": "1 80 90"}, [f"2001:db8:1:{n}::1" for n in range(3)], [0, 1, 1]),
        ({"friction_address": "1 2 3"}, ["127.0.0.1"] * 5, [0] * 5),
        ({"friction_address": "1 2 3", "rehearsal_limit_factor": 100}, ["203.0.113.5"] * 5, [0] * 5),
    ],
)
async def test_level_follows_address_network_and_prefix_and_nobody_is_refused(
    voting_database: Database, settings: dict[str, Any], hosts: list[str], expected: list[int]
) -> None:
    wide = dict.fromkeys(("friction_address", "friction_network", "friction_prefix"), "900 901 902")
    house = await House.build(voting_database, **wide | settings)
    assert await levels(house, hosts) == expected
    flags = [shared for _, shared, _ in await rows(voting_database)]
    assert flags == [level > 0 for level in expected]


async def test_rehearsal_factor_has_no_effect_on_a_real_contest(voting_database: Database) -> None:
    wide = dict.fromkeys(("friction_network", "friction_prefix"), "900 901 902")
    house = await House.build(
        voting_database,
        a_rulebook(rehearsal=False),
        friction_address="1 2 3",
        rehearsal_limit_factor=100,
        **wide,
    )
    assert await levels(house, ["203.0.113.5"] * 4) == [0, 1, 2, 3]


async def test_puzzle_grows_with_the_network(voting_database: Database) -> None:
    house = await House.build(voting_database, **EASY, friction_address="1 2 3")
    async with from_host(house, "203.0.113.5") as client:
        for number in range(5):
            await house.ask(client, f"voter{number}@example.com")
        answer = await client.get(f"{API}/contests/{CONTEST_ID}/puzzle")
        assert answer.json()["parameters"]["data"]["level"] == 3
        solved = await house.ask(client, "honest@example.com", proof=await proof(client))
        assert solved.json()["seconds"] == 0, "a campus behind one address pays, and is served"


async def test_two_processes_share_the_buckets(voting_database: Database) -> None:
    one = await House.build(voting_database, friction_address="2 3 4")
    other = await House.build(voting_database, friction_address="2 3 4")
    for number, house in enumerate((one, other, one, other)):
        async with from_host(house, "203.0.113.5") as client:
            await house.ask(client, f"voter{number}@example.com")
    assert [risk for risk, _, _ in await rows(voting_database)] == [0, 0, 1, 2]
