"""Voting with a courier at hand, for tests of identity."""

import re
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import httpx

from services.voting import repository
from services.voting.app import build
from services.voting.domain.keys import ContestKeys, derive_keys
from shared.clock import FixedClock
from shared.contracts.rulebook import Rulebook
from shared.db import Database
from shared.mail import MemoryMailer
from shared.service import Resources, Service
from shared.testing.rulebooks import VOTE_OPENS, a_rulebook
from shared.testing.web import CONTEST_ID, resources_for
from tests.component.voting.scenario import ready_to_vote, send_due_codes

API = "/api/voting/v1"
EMAIL = "somchai@example.go.th"
ROOT = bytes.fromhex("0f" * 32)


@dataclass(slots=True)
class House:
    """Voting on a database that knows a contest, its mail, and its courier."""

    database: Database
    resources: Resources
    service: Service
    mailer: MemoryMailer
    clock: FixedClock

    @classmethod
    async def build(cls, database: Database, rulebook: Rulebook | None = None, **settings: Any) -> "House":
        """A code goes out at once, also without a puzzle and a moment after another one, unless ``settings``
        say otherwise."""
        mailer, clock = MemoryMailer(), FixedClock(VOTE_OPENS.astimezone(UTC))
        pace = {"codes_per_second": 1e6, "codes_per_second_and_provider": 1e6}
        given = {"friction_seconds": "0 1 2 3"} | pace | settings
        resources = resources_for(database, mailer=mailer, clock=clock, **given)
        await ready_to_vote(database, rulebook or a_rulebook())
        return cls(database, resources, build(resources), mailer, clock)

    async def turn(self) -> None:
        """One turn of the courier."""
        await send_due_codes(self.service, self.database)

    async def keys(self) -> ContestKeys:
        async with self.database.transaction() as session:
            return derive_keys(ROOT, CONTEST_ID, await repository.pepper(session, CONTEST_ID))

    async def ask(self, client: httpx.AsyncClient, email: str = EMAIL, **more: str) -> httpx.Response:
        body = {"contest_id": CONTEST_ID, "email": email, **more}
        return await client.post(f"{API}/ballot-codes", json=body)

    async def code(self, client: httpx.AsyncClient, email: str = EMAIL) -> str:
        """Ask for a code and read it from the mail."""
        answer = await self.ask(client, email)
        assert answer.status_code == 202, answer.text
        await self.turn()
        found = re.search(r"(\d{3}) (\d{3})", self.mailer.to(email)[-1].subject)
        assert found
        return "".join(found.groups())

    async def redeem(self, client: httpx.AsyncClient, code: str, email: str = EMAIL) -> httpx.Response:
        body = {"contest_id": CONTEST_ID, "email": email, "code": code}
        return await client.post(f"{API}/ballots", json=body)
