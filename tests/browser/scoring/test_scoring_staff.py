"""Staff's way in a real browser: judges, shortlist, schedule, winners, results; then the public pages."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.scoring.app import build
from shared.contracts.intake import Role
from shared.contracts.scoring import Round
from shared.db import Database
from shared.testing.browser import DESKTOP, PHONE, OpenPage, Visit, serve
from shared.testing.rulebooks import PRESENTATION, a_rulebook
from shared.testing.web import resources_for
from tests.component.scoring.scenario import APPLICANT, APPROVER, STAFF, Scenario, card, judging

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("SHOWCASE_PICTURES", "")


async def look(visit: Visit, name: str) -> None:
    """Nothing is wrong with the page; keep a picture where one is asked for."""
    if PICTURES:
        width = (visit.page.viewport_size or {})["width"]
        await visit.screenshot(Path(PICTURES) / f"{name}-{width}.png")
    assert await visit.found_wrong() == []


@asynccontextmanager
async def served(scenario: Scenario) -> AsyncIterator[str]:
    """The scenario's pages under an address."""
    app = build(resources_for(scenario.database, clock=scenario.clock)).http
    async with serve(app) as base_url:
        yield base_url


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
async def test_shortlist_is_proposed_and_approved_by_two_people(
    scoring_database: Database, open_page: OpenPage, width: int
) -> None:
    scenario = await Scenario.create(scoring_database, judging(a_rulebook(), shortlist_per_category=2))
    await scenario.assign()
    totals = dict(zip(scenario.entry_ids, (88, 81, 81, 45, 90, 72, 66, 61), strict=True))
    await scenario.score_all(totals)
    async with served(scenario) as base_url:
        staff = await open_page(
            base_url,
            "/staff/judging/shortlist",
            width=width,
            roles=[Role.STAFF],
            contact_id=STAFF,
            javascript=False,
        )
        assert "เท่ากันคร่อมเส้น" in await staff.text()
        if PICTURES:
            await staff.screenshot(Path(PICTURES) / f"staff-shortlist-tie-{width}.png")
        await staff.page.locator("#field-first-environment-1").select_option("entry-03")
        await staff.page.locator("#reason-first-environment").fill("มติที่ประชุม 4 สิงหาคม: ขยายผลได้กว้างกว่า")
        await staff.submit("บันทึกมติ")
        await staff.submit("เสนอรายชื่อ")
        assert "รอผู้อนุมัติ" in await staff.text()

        approver = await open_page(
            base_url,
            "/staff/judging/shortlist",
            width=width,
            roles=[Role.STAFF, Role.APPROVER],
            contact_id=APPROVER,
        )
        await look(approver, "staff-shortlist")
        await approver.go("/staff/judging/shortlist?size=3")
        assert "ดูตัวอย่างเท่านั้น" in await approver.text()
        await approver.go("/staff/judging/shortlist")
        await approver.submit("อนุมัติและประกาศ")
        assert "ประกาศแล้ว" in await approver.text()

        anyone = await open_page(base_url, "/shortlist", width=width)
        await look(anyone, "public-shortlist")
        text = await anyone.text()
        assert [f"SC65-000{n}" in text for n in range(1, 9)] == [
            True,
            False,
            True,
            False,
            True,
            True,
            False,
            False,
        ]


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
async def test_staff_see_judges_assign_them_and_reopen(
    scoring_database: Database, open_page: OpenPage, width: int
) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.judge("contact-judge-5", ["mobility"], accept=False)
    await scenario.contact("contact-new", Role.JUDGE, name="ดร. ตัวอย่าง ทดสอบ", organisation="มหาวิทยาลัยตัวอย่าง")
    async with served(scenario) as base_url:
        visit = await open_page(base_url, "/staff/judging", width=width, roles=[Role.STAFF], contact_id=STAFF)
        assert "ยังไม่ได้มอบหมายผลงานรอบแรก" in await visit.text()
        await visit.submit("มอบหมาย")
        assert len(await scenario.pairs()) == 24
        await scenario.score_all({})
        await visit.go("/staff/judging")
        await look(visit, "staff-judging")
        await visit.submit("เชิญ")
        assert len(await scenario.rows("judge")) == 6
        await visit.go(f"/staff/judging/judges/{scenario.judge_ids[0]}")
        await look(visit, "staff-judge")


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
async def test_winners_and_results_reach_the_public(
    scoring_database: Database, open_page: OpenPage, width: int
) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    await scenario.score_all({entry_id: 90 - place for place, entry_id in enumerate(scenario.entry_ids)})
    await scenario.publish_shortlist()
    async with served(scenario) as base_url:
        staff = await open_page(
            base_url, "/staff/judging/presentations", width=width, roles=[Role.STAFF], contact_id=STAFF
        )
        await look(staff, "staff-presentations-empty")
        await staff.page.locator("#field-meeting_url").fill("https://meet.example/room")
        await staff.submit("จัดตาราง")
        await look(staff, "staff-presentations")
        await scenario.assign(Round.SECOND, PRESENTATION.replace(hour=15))
        for slot in await scenario.rows("presentation_slot"):
            scenario.clock.instant = slot["starts_at"]
            for judge_id, entry_id in await scenario.pairs(Round.SECOND):
                if entry_id == slot["entry_id"]:
                    comment = {"impact": "ผลลัพธ์เห็นชัด ควรเผยแพร่ข้อมูลเปิดเพิ่ม"}
                    points = card(95 - 2 * int(entry_id[-2:]))
                    await scenario.score(judge_id, entry_id, points, Round.SECOND, comments=comment)
        await scenario.deliver_scores()
        await staff.go("/staff/judging/winners")
        await staff.submit("เสนอผู้ชนะ")
        await look(staff, "staff-winners")
        await staff.submit("ลงนามรับรอง")
        approver = await open_page(
            base_url, "/staff/judging/winners", width=width, roles=[Role.APPROVER], contact_id=APPROVER
        )
        await approver.submit("ลงนามรับรอง")
        assert "รับรองแล้ว" in await approver.text()
        await scenario.certify_vote(
            {scenario.entry_ids[1]: 12_804, scenario.entry_ids[5]: 7_196}, scenario.entry_ids[1]
        )
        await staff.go("/staff/judging/results")
        await staff.submit("เสนอประกาศผล")
        await look(staff, "staff-results")
        await approver.go("/staff/judging/results")
        await approver.submit("อนุมัติและประกาศผล")
        await staff.go("/staff/judging")
        assert "มอบหมายผลงาน" not in await staff.text()

        anyone = await open_page(base_url, "/winners", width=width)
        await look(anyone, "public-winners")
        assert "12,804" in await anyone.text()
        owner = await open_page(
            base_url, "/apply/result", width=width, roles=[Role.APPLICANT], contact_id=APPLICANT
        )
        await look(owner, "public-result")
        assert "ผลลัพธ์เห็นชัด" in await owner.text()
