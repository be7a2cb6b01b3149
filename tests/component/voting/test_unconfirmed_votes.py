"""Receipts of votes that may have been recorded: kept for whoever cast them, and for nobody else."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from services.voting.pages.flow import BALLOT_COOKIE, MOST_UNCONFIRMED, Flow
from services.voting.sender import Unconfirmed, VoteSender
from shared.contracts.intake import Role
from shared.contracts.rulebook import VoteScope
from shared.db import Database
from shared.testing.rulebooks import a_rulebook, assumed
from shared.testing.web import CONTEST_ID, client_for, submit
from tests.component.voting.identity_kit import API, EMAIL, House
from tests.component.voting.scenario import entry_id, open_vote

_RECEIPT = re.compile(r'class="code" href="/vote/receipt/([0-9A-Z-]{14})"')


@dataclass
class Voter:
    """Somebody with a ballot, at a house whose log confirms a vote or does not."""

    client: httpx.AsyncClient
    confirms: bool = False

    async def choose(self, number: int) -> None:
        answer = await submit(self.client, "/vote", {"entry_id": entry_id(number)})
        assert answer.status_code == 303, answer.text

    async def cast(self) -> httpx.Response:
        return await submit(self.client, "/vote/confirm", {})

    async def shown(self) -> list[str]:
        """The receipts that the ballot's page shows."""
        return _RECEIPT.findall((await self.client.get("/vote")).text)


@pytest.fixture
async def voter(voting_database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Voter]:
    voting = a_rulebook().voting.model_copy(update={"scope": assumed(VoteScope.CATEGORY)})
    house = await House.build(voting_database, a_rulebook(voting=voting), bootstrap_servers="127.0.0.1:1")
    await open_vote(voting_database, CONTEST_ID)
    async with client_for(house.service) as client:
        voter = Voter(client)

        async def send(self: VoteSender, key: bytes, value: bytes, headers: object) -> None:
            if not voter.confirms:
                raise Unconfirmed

        monkeypatch.setattr(VoteSender, "send", send)
        async with client_for(house.service.http, [Role.ADMIN]) as admin:
            path = f"{API}/contests/{CONTEST_ID}/rehearsal-ballots"
            (ballot,) = (await admin.post(path, json={"count": 1})).json()["ballots"]
        client.cookies.set(BALLOT_COOKIE, ballot)
        yield voter


async def test_confirmed_vote_ends_its_own_receipts_wait_only(voter: Voter) -> None:
    receipts = []
    for number in (0, 1):
        await voter.choose(number)
        unsure = await voter.cast()
        assert unsure.status_code == 503
        receipts.append(_RECEIPT.findall(unsure.text)[-1])
        assert await voter.shown() == receipts, "one in each category"
    assert len(set(receipts)) == 2

    voter.confirms = True
    done = await voter.cast()
    assert done.headers["location"] == f"/vote/receipt/{receipts[1]}", "the attempt again, confirmed"
    assert await voter.shown() == receipts[:1]
    await voter.choose(0)
    await voter.cast()
    assert await voter.shown() == receipts[:1], "another attempt than the first, of which nobody knows yet"


async def test_next_person_at_the_device_inherits_no_receipt(voter: Voter) -> None:
    await voter.choose(0)
    await submit(voter.client, "/vote/email", {"email": EMAIL})
    await voter.cast()
    (receipt,) = await voter.shown()
    await submit(voter.client, "/vote/email", {"email": EMAIL})
    assert await voter.shown() == [receipt], "the same person asks for another code"
    await submit(voter.client, "/vote/email", {"email": "other@example.com"})
    assert await voter.shown() == []


def test_browser_carries_the_newest_receipts_once_each() -> None:
    flow = Flow()
    names = [f"7KQ2-M9XD-{number:04}" for number in range(MOST_UNCONFIRMED + 2)]
    for name in (*names, names[-2]):
        flow = flow.unsure_of(name)
    assert flow.unconfirmed == (*names[2:-2], names[-1], names[-2])
