"""The applicant's and the staff's way in a real browser, at phone and desktop width."""

import pytest

from services.intake.handlers.contacts import Person, add_person
from shared.contracts.intake import Role
from shared.db import Database
from shared.service import Service
from shared.testing.browser import DESKTOP, PHONE, OpenPage, serve
from tests.component.intake.conftest import CONTEST, SignedIn
from tests.component.intake.test_intake_entries import submitted

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def _contact(database: Database, role: Role) -> str:
    async with database.transaction() as session:
        person = Person(email=f"{role}@browser.example", roles=frozenset({role}))
        return (await add_person(session, CONTEST, person)).contact_id


@pytest.mark.parametrize("javascript", [True, False])
async def test_an_applicant_sends_an_entry_on_a_phone(
    sealed: str, service: Service, intake_database: Database, open_page: OpenPage, javascript: bool
) -> None:
    contact_id = await _contact(intake_database, Role.APPLICANT)
    async with serve(service.http) as url:
        visit = await open_page(
            url,
            "/apply",
            width=PHONE,
            roles=[Role.APPLICANT],
            contact_id=contact_id,
            contest_id=CONTEST,
            javascript=javascript,
        )
        page = visit.page
        wrong = await visit.found_wrong() if javascript else []
        await visit.go("/apply/eligibility")
        await page.get_by_label("1. ผู้สมัคร").select_option("municipality")
        for name in ("interest", "service"):
            await page.locator(f"input[name={name}][value=yes]").check()
        await page.get_by_label("4. เริ่มให้บริการเมื่อใด").fill("2021-06-01")
        await page.get_by_label("5. สมัครด้านใด").select_option("mobility")
        await visit.submit("ตรวจคุณสมบัติและเริ่ม")
        entry = page.url.removeprefix(url)

        await visit.go(f"{entry}/applicant")
        await page.get_by_label("ชื่อหน่วยงาน").fill("อบจ. ตัวอย่าง")
        await page.get_by_label("จังหวัด").select_option("96")
        await visit.submit("บันทึกและไปต่อ")
        await visit.go(f"{entry}/project")
        await page.get_by_label("ชื่อผลงาน (ไทย)").fill("รถเมล์ตรงเวลา")
        await page.get_by_label("บทสรุป (ไทย)").fill("บอกเวลารถเมล์ให้ประชาชน")
        await visit.submit("บันทึกและไปต่อ")
        for section in ("origin", "solution", "evidence", "sustainability"):
            await visit.go(f"{entry}/section/{section}")
            await page.get_by_label("คำตอบของคุณ").fill("ข้อความ")
            await visit.submit("บันทึกและไปต่อ")
        await visit.go(f"{entry}/check")
        wrong += await visit.found_wrong() if javascript else []
        await visit.submit("ส่งผลงาน")
        assert "SC65-0001" in await visit.text()
        wrong += await visit.found_wrong() if javascript else []
        assert wrong == []


async def test_staff_screen_an_entry(
    sealed: str, service: Service, intake_database: Database, open_page: OpenPage, signed_in: SignedIn
) -> None:
    await submitted(await signed_in(Role.APPLICANT))
    contact_id = await _contact(intake_database, Role.STAFF)
    async with serve(service.http) as url:
        visit = await open_page(
            url,
            "/staff/entries",
            width=DESKTOP,
            roles=[Role.STAFF],
            contact_id=contact_id,
            contest_id=CONTEST,
        )
        wrong = await visit.found_wrong()
        await visit.page.get_by_role("link", name="SC65-0001").click()
        await visit.page.get_by_label("ไม่ผ่านคุณสมบัติ").check()
        await visit.submit("บันทึกผล")
        assert "เลือกเหตุผลอย่างน้อยหนึ่งข้อ" in await visit.text()
        visit.complaints.clear()  # the browser notes the 422 that was asked for
        wrong += await visit.found_wrong()
        await visit.page.get_by_label("ขอให้แก้ไข").check()
        await visit.page.get_by_label("ข้อมูลไม่ครบถ้วน").check()
        await visit.submit("บันทึกผล")
        await visit.go("/staff/entries?status=returned")
        assert "ขอให้แก้ไข" in await visit.text()
        assert wrong == []


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
async def test_public_and_staff_pages_hold_up(
    sealed: str, service: Service, intake_database: Database, open_page: OpenPage, width: int
) -> None:
    contact_id = await _contact(intake_database, Role.ADMIN)
    async with serve(service.http) as url:
        visit = await open_page(
            url, width=width, roles=[Role.ADMIN], contact_id=contact_id, contest_id=CONTEST, language="en"
        )
        wrong: dict[str, list[str]] = {}
        for path in (
            "/",
            "/contest",
            "/rules",
            "/briefing",
            "/staff/clock",
            "/staff/contest",
            "/staff/people",
            "/staff/people/new",
        ):
            await visit.go(path)
            wrong[path] = await visit.found_wrong()
        assert {path: found for path, found in wrong.items() if found} == {}
