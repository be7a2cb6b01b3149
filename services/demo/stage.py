"""What every act of the demo stands on: the system, its people, the plan, and what was done so far."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from services.demo.api import Api, all_of, until
from services.demo.inbox import Inbox, code_from
from services.demo.plan import CONTEST, Plan
from services.demo.system import System
from shared.clock import BANGKOK

SERVICES = ("intake", "scoring", "voting", "notify")

STAFF = "officer@demo.example.org"
APPROVER = "approver@demo.example.org"
CLERK = "clerk-narathiwat@demo.example.org"
AUDITOR = "auditor@demo.example.org"


class Progress(Protocol):
    """Shows how far an act is."""

    @contextmanager
    def act(self, title: str, total: int) -> Iterator["Progress"]:
        """One act of ``total`` steps."""

    def advance(self, steps: int = 1) -> None:
        """So many steps more are done."""


@dataclass
class Stage:
    """Mutable on purpose: acts note here what later acts and the figures need."""

    system: System
    plan: Plan
    api: Api
    inbox: Inbox
    progress: Progress
    contest_toml: str
    contest: str = CONTEST
    accounts: dict[str, Api] = field(default_factory=dict)
    contact_ids: dict[str, str] = field(default_factory=dict)
    entry_ids: dict[int, str] = field(default_factory=dict)
    """The API's id of each entry of the story."""
    refusals: dict[str, int] = field(default_factory=dict)
    """How often the API said no where it had to."""
    noted: dict[str, Any] = field(default_factory=dict)
    days: list[date] = field(default_factory=list)
    """The days on which the clock stopped, in their order; a day may come twice."""

    @property
    def admin(self) -> Api:
        return self.accounts[self.system.admin]

    @property
    def staff(self) -> Api:
        return self.accounts[STAFF]

    @property
    def approver(self) -> Api:
        return self.accounts[APPROVER]

    def path(self, service: str, tail: str = "") -> str:
        """The contest's address in a service's API."""
        return f"/api/{service}/v1/contests/{self.contest}{tail}"

    @property
    def numbers(self) -> Mapping[str, int]:
        """The story's number of each entry, by the API's id."""
        return {entry_id: number for number, entry_id in self.entry_ids.items()}

    def refused(self, what: str) -> None:
        """Note that the API said no where it had to."""
        self.refusals[what] = self.refusals.get(what, 0) + 1

    async def sign_in(self, email: str) -> Api:
        """Sign in with a code that is read from caught mail."""
        if email not in self.accounts:
            await self.api.post("/api/intake/v1/session-codes", {"email": email})
            code = await code_from(self.inbox, email)
            session = await self.api.post("/api/intake/v1/sessions", {"email": email, "code": code})
            self.accounts[email] = self.api.signed_in(session["token"])
            self.contact_ids[email] = session["contact_id"]
        return self.accounts[email]

    async def set_clock(self, at: datetime) -> None:
        """Let it be ``at`` in all services; each must know the contest first.

        The calendar makes a round before the leap and one after it: what a day brings does not depend on
        when a timer's turn comes."""
        if self.days:
            await self._calendar_round()

        async def one(service: str) -> None:
            async def put() -> Any:
                return await self.admin.put(self.path(service, "/clock"), {"now": at.isoformat()})

            await until(put, f"{service} to know the contest")

        await asyncio.gather(*(one(service) for service in SERVICES))
        await self._calendar_round()
        self.days.append(at.date())

    async def _calendar_round(self) -> None:
        async def made() -> Any:
            return await self.admin.post(self.path("notify", "/clock/rounds"))

        await until(made, "notify to look at the calendar")

    async def notices(self) -> list[dict[str, Any]]:
        """Every notice, the newest first."""
        rows: list[dict[str, Any]] = []
        while True:
            page = await self.staff.get(self.path("notify", "/notices"), limit=1000, offset=len(rows))
            rows += page
            if len(page) < 1000:
                return rows

    async def told(self, template: str, count: int) -> None:
        """Wait until notify has heard of what makes ``count`` notices of ``template``: before a leap, for
        what the calendar brings depends on it."""

        async def heard() -> bool:
            rows = await self.staff.get(self.path("notify", "/notices"), template=template, limit=1000)
            return len(rows) >= count

        await until(heard, f"{count} notices of {template}", every=0.5)

    async def entries_known(self, service_path: str, api: Api, count: int) -> None:
        """Wait until a list of the API has ``count`` members."""

        async def enough() -> bool:
            return len(await api.get(service_path)) >= count

        await until(enough, f"{count} rows at {service_path}")


def bangkok(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """An instant of 2022 in Bangkok."""
    return datetime(2022, month, day, hour, minute, tzinfo=BANGKOK)


__all__ = ["APPROVER", "AUDITOR", "CLERK", "SERVICES", "STAFF", "Progress", "Stage", "all_of", "bangkok"]
