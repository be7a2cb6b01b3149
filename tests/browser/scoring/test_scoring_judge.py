"""A judge's way in a real browser: invitation, conflicts, queue, scorecard, summary, presentation day."""

import os
from pathlib import Path

import pytest

from services.scoring.app import build
from services.scoring.handlers.presentations import SchedulePresentations, schedule_presentations
from shared.contracts.intake import Role
from shared.contracts.scoring import Round
from shared.db import Database
from shared.testing.browser import DESKTOP, PHONE, OpenPage, Visit, serve
from shared.testing.rulebooks import PRESENTATION
from shared.testing.web import resources_for
from tests.component.scoring.scenario import Scenario

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("SHOWCASE_PICTURES", "")
JUDGE = "contact-judge-1"


async def look(visit: Visit, name: str) -> None:
    """Nothing is wrong with the page; keep a picture where one is asked for."""
    if PICTURES:
        width = (visit.page.viewport_size or {})["width"]
        await visit.screenshot(Path(PICTURES) / f"{name}-{width}.png")
    assert await visit.found_wrong() == []


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
async def test_judge_accepts_after_naming_conflicts_without_script(
    scoring_database: Database, open_page: OpenPage, width: int
) -> None:
    scenario = await Scenario.create(scoring_database, judge_count=0)
    await scenario.judge(JUDGE, ["environment"], accept=False)
    app = build(resources_for(scoring_database, clock=scenario.clock)).http
    async with serve(app) as base_url:
        visit = await open_page(
            base_url, "/judge", width=width, roles=[Role.JUDGE], contact_id=JUDGE, javascript=False
        )
        assert "ขอเชิญเป็นกรรมการตัดสิน" in await visit.text()
        if PICTURES:
            await visit.screenshot(Path(PICTURES) / f"judge-invitation-{width}.png")
        await visit.page.get_by_role("link", name="แจ้งส่วนได้เสียและตอบรับ").click()
        await visit.page.locator("#field-conflict-entry-02").select_option("vendor")
        await visit.submit("ยืนยันและตอบรับเป็นกรรมการ")
        assert "ระบุเหตุผลสั้น ๆ ของส่วนได้เสีย" in await visit.text()
        await visit.page.locator("#field-reason-entry-02").fill("เคยเป็นที่ปรึกษาของผู้พัฒนา")
        if PICTURES:
            await visit.screenshot(Path(PICTURES) / f"judge-conflicts-{width}.png")
        await visit.submit("ยืนยันและตอบรับเป็นกรรมการ")
        assert "ยังไม่มีผลงานที่มอบหมายให้คุณ" in await visit.text()
    assert [(row["entry_id"], row["conflict"]) for row in await scenario.rows("recusal")] == [
        ("entry-02", "vendor")
    ]


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
async def test_judge_scores_with_autosave_and_a_lost_connection(
    scoring_database: Database, open_page: OpenPage, width: int
) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    mine = [entry for judge, entry in await scenario.pairs() if judge == scenario.judge_ids[0]]
    app = build(resources_for(scoring_database, clock=scenario.clock)).http
    async with serve(app) as base_url:
        visit = await open_page(base_url, "/judge", width=width, roles=[Role.JUDGE], contact_id=JUDGE)
        await look(visit, "judge-queue")
        await visit.page.get_by_role("link", name="ให้คะแนนผลงานถัดไป").click()
        await look(visit, "judge-scorecard-empty")
        page = visit.page
        for dimension, points in (("background", 8), ("implementation", 25), ("impact", 33)):
            await page.locator(f"[id='field-scores.{dimension}']").fill(str(points))
        await page.locator("[id='field-comments.impact']").fill("ตัวชี้วัดชัดเจน มีข้อมูลก่อนและหลัง")
        await page.get_by_text("บันทึกแล้วเมื่อ").wait_for()
        assert await page.locator("[data-total]").inner_text() == "66"

        await page.context.set_offline(True)
        await page.locator("[id='field-scores.sustainability']").fill("15")
        await page.get_by_text("เก็บไว้ในเครื่องนี้แล้ว").wait_for()
        await page.context.set_offline(False)
        visit.complaints.clear()
        await page.get_by_text("บันทึกแล้วเมื่อ").wait_for()
        await look(visit, "judge-scorecard")
        (draft,) = await scenario.rows("score")
        assert (draft["points"], draft["comments"], draft["submitted_points"]) == (
            {"background": 8, "implementation": 25, "impact": 33, "sustainability": 15},
            {"impact": "ตัวชี้วัดชัดเจน มีข้อมูลก่อนและหลัง"},
            None,
        )
        async with page.expect_navigation():
            await page.keyboard.press("Control+Enter")
        assert "ส่งคะแนนแล้ว" in await visit.text()
        (score,) = await scenario.rows("score")
        assert score["entry_id"] == mine[0]
        assert score["submitted_points"] == score["points"]
        await visit.go("/judge/summary")
        await look(visit, "judge-summary")
        await visit.go("/judge")
        await look(visit, "judge-queue-begun")


async def test_scorecard_keeps_what_was_typed_when_it_is_refused(
    scoring_database: Database, open_page: OpenPage
) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    entry_id = next(entry for judge, entry in await scenario.pairs() if judge == scenario.judge_ids[0])
    app = build(resources_for(scoring_database, clock=scenario.clock)).http
    async with serve(app) as base_url:
        visit = await open_page(
            base_url,
            f"/judge/entries/{entry_id}",
            width=DESKTOP,
            roles=[Role.JUDGE],
            contact_id=JUDGE,
            javascript=False,
        )
        await visit.page.locator("[id='field-scores.background']").fill("9")
        await visit.page.locator("[id='field-comments.background']").fill("ที่มาชัดเจน")
        await visit.page.locator("[id='field-scores.implementation']").fill("31")
        await visit.page.locator("[id='field-scores.impact']").fill("4.5")
        await visit.submit("ส่งคะแนน")
        text = await visit.text()
        assert text.count("ยังไม่ได้ให้คะแนน") == 2  # at the top and at its field, like the next two
        assert text.count("ต้องเป็นจำนวนเต็ม 0 ถึง 30") == 2
        assert text.count("ต้องเป็นจำนวนเต็ม 0 ถึง 40") == 2
        assert await visit.page.locator("[id='field-scores.background']").input_value() == "9"
        assert await visit.page.locator("[id='field-comments.background']").input_value() == "ที่มาชัดเจน"
    assert await scenario.rows("score") == []


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
async def test_presentation_day_shows_now_and_next(
    scoring_database: Database, open_page: OpenPage, width: int
) -> None:
    scenario = await Scenario.create(scoring_database)
    await scenario.assign()
    await scenario.score_all({entry_id: 90 - place for place, entry_id in enumerate(scenario.entry_ids)})
    await scenario.publish_shortlist()
    async with scoring_database.transaction() as session:
        command = SchedulePresentations(scenario.contest_id, "https://meet.example/room")
        slots = await schedule_presentations(session, scenario.clock, command)
    await scenario.assign(Round.SECOND, PRESENTATION.replace(hour=15))
    scenario.clock.instant = slots[1].starts_at
    app = build(resources_for(scoring_database, clock=scenario.clock)).http
    async with serve(app) as base_url:
        visit = await open_page(
            base_url, "/judge/presentations", width=width, roles=[Role.JUDGE], contact_id=JUDGE
        )
        assert "ปิดรับคะแนนใน" in await visit.text()
        await look(visit, "judge-presentations")
