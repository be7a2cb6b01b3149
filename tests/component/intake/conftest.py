"""The 2022 contest, sealed as a rehearsal, on a real database, with people signed in."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from services.intake.app import build
from services.intake.handlers import contests
from services.intake.handlers.contacts import Person, add_person
from shared.clock import BANGKOK, FixedClock
from shared.contracts.ids import ContactId
from shared.contracts.intake import Role
from shared.db import Database
from shared.mail import MemoryMailer
from shared.service import Resources, Service
from shared.testing.web import client_for, resources_for

CONTEST = "smart-city-2022"
TOML = (Path(__file__).parents[3] / "contests" / CONTEST / "contest.toml").read_text()
JULY_5 = datetime(2022, 7, 5, 9, 0, tzinfo=BANGKOK)
CLOSING = datetime(2022, 7, 30, 23, 59, tzinfo=BANGKOK)
API = f"/api/intake/v1/contests/{CONTEST}"

SignedIn = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(JULY_5)


@pytest.fixture
def mailer() -> MemoryMailer:
    return MemoryMailer()


@pytest.fixture
def resources(intake_database: Database, clock: FixedClock, mailer: MemoryMailer) -> Resources:
    return resources_for(intake_database, clock=clock, mailer=mailer)


@pytest.fixture
def service(resources: Resources) -> Service:
    return build(resources)


@pytest.fixture
async def sealed(intake_database: Database, clock: FixedClock) -> str:
    """The contest's id."""
    contests.checked(TOML)
    async with intake_database.transaction() as session:
        await contests.draft_contest(session, clock, TOML, ContactId("sealer"))
        await contests.seal_contest(session, clock, CONTEST, ContactId("sealer"), rehearsal=True)
    return CONTEST


@pytest.fixture
async def signed_in(service: Service, intake_database: Database) -> AsyncIterator[SignedIn]:
    """``await signed_in(Role.APPLICANT, email=…)`` is a client of a person who exists."""
    async with AsyncExitStack() as stack:

        async def enter(*roles: Role, email: str = "") -> httpx.AsyncClient:
            address = email or f"{'-'.join(roles) or 'nobody'}@office.example"
            async with intake_database.transaction() as session:
                person = Person(email=address, name="ผู้ทดสอบ", roles=frozenset(roles))
                contact = await add_person(session, CONTEST, person)
            return await stack.enter_async_context(
                client_for(service, roles, contact_id=contact.contact_id, contest_id=CONTEST)
            )

        yield enter


@pytest.fixture
async def anonymous(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(service) as client:
        yield client


def an_entry(**changes: object) -> dict[str, object]:
    """A complete entry that keeps every rule."""
    words = "ระบบแจ้งเตือนน้ำท่วมที่ประชาชนใช้ได้จริง"
    entry: dict[str, object] = {
        "applicant_name": "เทศบาลนครตัวอย่าง",
        "applicant_kind": "municipality",
        "province_code": "96",
        "category_id": "environment",
        "title_th": "คลองใส เมืองเย็น",
        "title_en": "Clear canals, cool city",
        "summary_th": words,
        "summary_en": "Flood warnings that people use",
        "operating_since": "2021-06-01",
        "vendor": "บริษัท ตัวอย่าง จำกัด",
        "interest_declared": True,
        "sections": dict.fromkeys(("origin", "solution", "evidence", "sustainability"), words),
    }
    return {**entry, **changes}
