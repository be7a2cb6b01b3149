"""Accounts, sessions, people and the briefing over HTTP, on a real database."""

import asyncio
import re
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from services.intake import repository
from services.intake.app import build, forget_old_codes
from services.intake.cli import app as cli
from services.intake.handlers import briefing, sign_in
from services.intake.handlers.contacts import Person, add_person
from shared.clock import FixedClock
from shared.contracts.intake import Role
from shared.db import Database
from shared.mail import MemoryMailer
from shared.service import Resources, Service
from shared.testing.web import submit
from shared.zone import BANGKOK
from tests.component.intake.conftest import API, CONTEST, SignedIn

V1 = "/api/intake/v1"
CODE = re.compile(r"(\d{3}) (\d{3})")


async def outbox(database: Database, topic: str) -> list[tuple[str, bool]]:
    """(type, whether it is a tombstone) of the events on a topic, oldest first."""
    async with database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT headers->>'ce_type', value IS NULL FROM outbox WHERE topic = :topic ORDER BY sequence"
            ),
            {"topic": topic},
        )
        return [(row[0].split(".")[2], row[1]) for row in rows]


async def code_for(client: httpx.AsyncClient, mailer: MemoryMailer, email: str) -> str:
    answer = await client.post(f"{V1}/session-codes", json={"email": email})
    assert (answer.status_code, answer.json()) == (202, {"expires_in_seconds": 600})
    found = CODE.search(mailer.to(email)[-1].subject)
    assert found
    return found[1] + found[2]


async def test_a_code_signs_in_once_and_an_unknown_address_becomes_an_applicant(
    sealed: str, anonymous: httpx.AsyncClient, mailer: MemoryMailer
) -> None:
    code = await code_for(anonymous, mailer, "someone@office.example")
    body = {"email": "SomeOne@office.example", "code": code}
    opened = await anonymous.post(f"{V1}/sessions", json=body)
    assert (opened.status_code, opened.json()["roles"]) == (201, ["applicant"])
    bearer = {"Authorization": f"Bearer {opened.json()['token']}"}
    assert (await anonymous.get(f"{API}/entries", headers=bearer)).json() == {"entries": [], "total": 0}
    assert (await anonymous.post(f"{V1}/sessions", json=body)).status_code == 401
    assert (await anonymous.delete(f"{V1}/sessions", headers=bearer)).status_code == 204
    assert (await anonymous.get(f"{API}/entries", headers=bearer)).status_code == 401


async def test_five_wrong_tries_spoil_a_code(
    sealed: str, anonymous: httpx.AsyncClient, mailer: MemoryMailer
) -> None:
    code = await code_for(anonymous, mailer, "guess@office.example")
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for _ in range(5):
        answer = await anonymous.post(f"{V1}/sessions", json={"email": "guess@office.example", "code": wrong})
        assert answer.status_code == 401
    right = await anonymous.post(f"{V1}/sessions", json={"email": "guess@office.example", "code": code})
    assert right.status_code == 401


async def test_a_code_ends_after_ten_minutes_and_is_then_destroyed(
    sealed: str, anonymous: httpx.AsyncClient, mailer: MemoryMailer, intake_database: Database
) -> None:
    code = await code_for(anonymous, mailer, "late@office.example")
    async with intake_database.transaction() as session:
        await session.execute(text("UPDATE sign_in_code SET expires_at = expires_at - interval '10 minutes'"))
    answer = await anonymous.post(f"{V1}/sessions", json={"email": "late@office.example", "code": code})
    assert answer.status_code == 401
    async with intake_database.transaction() as session:
        await session.execute(text("UPDATE sign_in_code SET expires_at = expires_at - interval '2 days'"))
    await forget_old_codes(intake_database)
    async with intake_database.transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM sign_in_code"))).scalar_one() == 0


async def test_codes_are_limited_per_address_and_neither_code_nor_address_is_stored(
    sealed: str, anonymous: httpx.AsyncClient, mailer: MemoryMailer, intake_database: Database
) -> None:
    code = await code_for(anonymous, mailer, "many@office.example")
    for _ in range(4):
        await code_for(anonymous, mailer, "many@office.example")
    sixth = await anonymous.post(f"{V1}/session-codes", json={"email": "many@office.example"})
    assert sixth.status_code == 429
    assert int(sixth.headers["retry-after"]) > 0
    async with intake_database.transaction() as session:
        stored = (
            (await session.execute(text("SELECT row_to_json(c)::text FROM sign_in_code c"))).scalars().all()
        )
    assert len(stored) == 5
    assert not any("office" in row or code in row.replace("-", "") for row in stored)


async def test_an_erased_person_leaves_a_tombstone_and_cannot_go_on(
    sealed: str, signed_in: SignedIn, intake_database: Database
) -> None:
    admin, person = await signed_in(Role.ADMIN), await signed_in(Role.APPLICANT, email="gone@office.example")
    listed = (await admin.get(f"{API}/people?q=gone")).json()
    contact_id = listed["people"][0]["contact_id"]
    assert (await person.get(f"{API}/entries")).status_code == 200
    assert (await admin.delete(f"{API}/people/{contact_id}")).status_code == 204
    assert (await person.get(f"{API}/entries")).status_code == 401
    assert (await admin.get(f"{API}/people?q=gone")).json() == {"people": [], "total": 0}
    async with intake_database.transaction() as session:
        left = await session.execute(
            text("SELECT count(*) FROM outbox WHERE convert_from(value, 'UTF8') LIKE '%gone@office%'")
        )
        assert left.scalar_one() == 0
    events = await outbox(intake_database, "intake.contact.v1")
    assert events == [("ContactUpserted", False), ("ContactUpserted", True)]


async def test_revoking_ends_sessions_everywhere(sealed: str, signed_in: SignedIn) -> None:
    admin, judge = await signed_in(Role.ADMIN), await signed_in(Role.JUDGE)
    people = (await admin.get(f"{API}/people?role=judge")).json()["people"]
    path = f"{API}/people/{people[0]['contact_id']}/sessions"
    assert (await judge.get(f"{API}/entries")).status_code == 200
    assert (await admin.delete(path)).status_code == 204
    assert (await judge.get(f"{API}/entries")).status_code == 401


async def test_roles_are_added_changed_and_checked(sealed: str, signed_in: SignedIn) -> None:
    admin, staff = await signed_in(Role.ADMIN), await signed_in(Role.STAFF)
    body = {"email": "Judge@Uni.example", "name": "กรรมการ", "roles": ["judge"]}
    first = await admin.post(f"{API}/people", json=body)
    assert (first.status_code, first.json()["email"], first.json()["revision"]) == (
        201,
        "judge@uni.example",
        1,
    )
    second = await admin.post(f"{API}/people", json={**body, "name": "", "roles": ["auditor"]})
    assert (second.json()["contact_id"], second.json()["roles"]) == (
        first.json()["contact_id"],
        ["judge", "auditor"],
    )
    path = f"{API}/people/{first.json()['contact_id']}"
    changed = await admin.put(path, json={**body, "roles": ["approver"]})
    assert (changed.json()["roles"], changed.json()["revision"]) == (["approver"], 3)
    assert (await staff.put(path, json=body)).status_code == 403
    assert (await admin.put(path, json={**body, "email": "staff@office.example"})).status_code == 409
    assert (await admin.post(f"{API}/people", json={"email": "no address"})).status_code == 422


async def test_the_last_administrator_stays(sealed: str, signed_in: SignedIn) -> None:
    admin = await signed_in(Role.ADMIN)
    people = (await admin.get(f"{API}/people?role=admin")).json()["people"]
    path = f"{API}/people/{people[0]['contact_id']}"
    assert (await admin.delete(path)).status_code == 409
    assert (await admin.put(path, json={"email": people[0]["email"], "roles": []})).status_code == 409


async def test_the_briefing_takes_oneself_or_a_representative(
    sealed: str,
    anonymous: httpx.AsyncClient,
    signed_in: SignedIn,
    clock: FixedClock,
    intake_database: Database,
) -> None:
    clock.instant = datetime(2022, 6, 25, 9, 0, tzinfo=BANGKOK)
    path = f"{API}/briefing-registrations"
    nobody = await anonymous.post(path, json={"organisation": "อบต. ตัวอย่าง"})
    assert (nobody.status_code, nobody.json()["errors"][0]["field"]) == (422, "email")
    body = {"organisation": "อบต. ตัวอย่าง", "attends_as": "representative", "email": "a@b.example"}
    unnamed = await anonymous.post(path, json=body)
    assert (unnamed.status_code, unnamed.json()["errors"][0]["field"]) == (422, "representative")
    made = await anonymous.post(path, json={**body, "representative": "ผู้แทน"})
    assert (made.status_code, made.json()["attends_as"], "ผู้แทน" in made.text) == (
        201,
        "representative",
        False,
    )
    again = await anonymous.post(path, json={**body, "attends_as": "self"})
    assert (again.json()["registration_id"], again.json()["revision"]) == (made.json()["registration_id"], 2)

    person, staff = await signed_in(Role.APPLICANT, email="a@b.example"), await signed_in(Role.STAFF)
    other = await signed_in(Role.APPLICANT)
    own = f"{path}/{made.json()['registration_id']}"
    assert (await other.get(own)).status_code == 403
    assert (await person.post(f"{own}/attendance")).status_code == 409
    assert (await person.post(f"{own}/cancellation")).json()["state"] == "cancelled"
    assert (await person.post(f"{own}/cancellation")).status_code == 409
    await anonymous.post(path, json={**body, "representative": "ผู้แทน"})
    clock.instant = datetime(2022, 7, 1, 13, 30, tzinfo=BANGKOK)
    attended = (await staff.post(f"{own}/attendance")).json()
    assert datetime.fromisoformat(attended["attended_at"]) == clock.instant
    clock.instant = datetime(2022, 7, 1, 15, 0, tzinfo=BANGKOK)
    assert (await anonymous.post(path, json=body)).status_code == 410
    events = await outbox(intake_database, "intake.briefing.v1")
    assert [name for name, _ in events] == ["BriefingRegistered"] * 2 + [
        "BriefingCancelled",
        "BriefingRegistered",
    ]


async def test_a_province_code_that_is_none_is_refused(
    sealed: str,
    anonymous: httpx.AsyncClient,
    signed_in: SignedIn,
    clock: FixedClock,
    intake_database: Database,
) -> None:
    clock.instant -= timedelta(days=10)
    body = {"organisation": "อบต. ตัวอย่าง", "attends_as": "self", "email": "a@b.example"}
    api = await anonymous.post(f"{API}/briefing-registrations", json={**body, "province_code": "99"})
    assert (api.status_code, api.json()["errors"][0]["field"]) == (422, "province_code")
    page = await submit(anonymous, "/briefing", {**body, "name": "ผู้สมัคร", "province_code": "๙๙"})
    assert (page.status_code, "ไม่มีจังหวัดที่ใช้รหัสนี้" in page.text) == (422, True)
    admin = await signed_in(Role.ADMIN)
    person = {"email": "c@d.example", "province_code": "99", "roles": ["staff"]}
    added = await admin.post(f"{API}/people", json=person)
    assert (added.status_code, added.json()["errors"][0]["field"]) == (422, "province_code")
    made = (await admin.post(f"{API}/people", json={**person, "province_code": "96"})).json()
    assert (await admin.put(f"{API}/people/{made['contact_id']}", json=person)).status_code == 422
    assert await outbox(intake_database, "intake.briefing.v1") == []


async def test_sign_ups_are_limited_per_network(sealed: str, service: Service, clock: FixedClock) -> None:
    clock.instant -= timedelta(days=10)
    for network, most in (("203.0.113.9", briefing.SIGN_UPS_PER_NETWORK), ("127.0.0.1", 200)):
        transport = httpx.ASGITransport(service.http, client=(network, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://showcase.test") as client:
            codes = [
                (
                    await client.post(
                        f"{API}/briefing-registrations",
                        json={"organisation": "x", "email": f"{network}-{number}@b.example"},
                    )
                ).status_code
                for number in range(62)
            ]
        assert codes.count(201) == min(62, most)


@pytest.mark.parametrize(("rehearsal", "allowed"), [(True, 2), (False, 1)])
async def test_a_rehearsal_s_people_may_sit_on_one_machine(
    rehearsal: bool, allowed: int, sealed: str, resources: Resources, intake_database: Database
) -> None:
    async with intake_database.transaction() as session:
        change = """
            UPDATE known_rulebook
            SET rulebook = jsonb_set(rulebook, '{rehearsal}', CAST(:is AS jsonb)), sha256 = :is
        """
        await session.execute(text(change), {"is": str(rehearsal).lower()})
    settings = resources.settings.model_copy(update={"rehearsal_limit_factor": 2})
    app = build(replace(resources, settings=settings)).http
    transport = httpx.ASGITransport(app, client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://showcase.test") as client:
        codes = []
        for number in range(sign_in.CODES_PER_NETWORK * 2 + 1):
            body = {"email": f"n{number}@office.example"}
            codes.append((await client.post("/api/intake/v1/session-codes", json=body)).status_code)
    assert codes.count(202) == sign_in.CODES_PER_NETWORK * allowed


async def test_the_first_administrator_is_made_by_a_command(intake_database: Database) -> None:
    environment = {"SHOWCASE_INTAKE_DATABASE_URL": intake_database.dsn}
    run = CliRunner().invoke
    made = await asyncio.to_thread(run, cli, ["admin", "Boss@Office.example"], env=environment)
    assert made.exit_code == 0, made.output
    async with intake_database.transaction() as session:
        contact = await repository.contact_by_email(session, "boss@office.example")
    assert contact is not None
    assert contact.roles == ["staff", "admin"]
    wrong = await asyncio.to_thread(run, cli, ["admin", "boss"], env=environment)
    assert (wrong.exit_code, "no e-mail address" in wrong.output) == (2, True)


async def test_two_sign_ups_of_one_address_at_once_make_one_person(
    sealed: str, intake_database: Database
) -> None:
    async def add() -> str:
        async with intake_database.transaction() as session:
            return (await add_person(session, CONTEST, Person(email="twin@office.example"))).contact_id

    assert len(set(await asyncio.gather(*(add() for _ in range(6))))) == 1
