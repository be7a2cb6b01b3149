"""The way of the circular down to the districts, as a tree by region: phone, desktop, without script."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from services.notify.tables import Dispatch
from shared.contracts.ids import new_id
from shared.contracts.intake import Role
from shared.db import Database
from shared.testing.browser import DESKTOP, PHONE, OpenPage, serve
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import client_for, publish_contest
from shared.thai.districts import districts
from tests.component.notify.notify_kit import Notify
from tests.component.notify.test_cascade import dispatched

pytestmark = [pytest.mark.browser]
PICTURES = Path(os.environ.get("NOTIFY_PICTURES", "/tmp/notify-pictures"))


async def _on_its_way(notify: Notify) -> str:
    """The circular to 77 governors, ten working days ago: some sleep, and Narathiwat passed it on."""
    await notify.enrol("approver")
    async with client_for(notify.service()) as client:
        letter_id = await dispatched(notify, client, recipients="")
    sent = notify.clock.instant
    async with notify.database.transaction() as session:
        for place, row in enumerate((await session.exec(select(Dispatch).order_by(Dispatch.code))).all()):
            row.opened_at = sent + timedelta(hours=3) if place % 3 else None
            if place % 5:
                row.state = "acknowledged"
                row.opened_at = sent + timedelta(hours=3)
                row.acknowledged_at, row.receive_number = sent + timedelta(hours=26), f"{1000 + place}/2565"
            if row.code == "96":
                row.state, row.passed_on_at = "passed_on", sent + timedelta(days=3)
                row.acknowledged_at = sent + timedelta(hours=20)
                row.passed_on = {"number": "นธ 0017.2/ว 2565"}
                above = row
        for each in districts("96"):
            below = {
                "parent_id": above.dispatch_id,
                "level": 2,
                "state": "sent",
                "sent_at": above.passed_on_at,
            }
            office = {"code": each.code, "place": above.place, "post": each.head}
            session.add(
                Dispatch(contest_id=CONTEST_ID, dispatch_id=new_id(), letter_id=letter_id, **office, **below)
            )
    notify.clock.advance(timedelta(days=14))
    return letter_id


async def test_staff_see_the_way_of_a_letter_as_a_tree(
    notify_database: Database, open_page: OpenPage
) -> None:
    await publish_contest(notify_database)
    notify = Notify(notify_database)
    here = f"/letters/{await _on_its_way(notify)}/cascade"
    async with serve(notify.service().http) as base:
        for width, language in ((PHONE, "th"), (DESKTOP, "en")):
            staff = await open_page(base, here, width=width, roles=(Role.STAFF,), language=language)
            assert await staff.page.locator("details.region").count() == 6
            assert await staff.page.locator("details.branch:visible").count() == 0, "branches are folded"
            assert await staff.found_wrong() == []
            await staff.screenshot(PICTURES / f"tree-{width}-{language}.png")
            await staff.page.locator("details.region > summary").last.click()
            assert await staff.page.locator("details.region[open] > .branch").count() == 14
            province = staff.page.locator("details.region[open] > .branch", has_text="นราธิวาส").last
            await province.locator("summary").first.click()
            assert await province.locator(".branch:visible").count() == 13
            assert await staff.found_wrong() == []
            await staff.screenshot(PICTURES / f"tree-open-{width}-{language}.png")
            await staff.go(f"{here}?view=asleep")
            await staff.screenshot(PICTURES / f"tree-asleep-{width}-{language}.png")
            assert await staff.found_wrong() == []
        plain = await open_page(base, here, roles=(Role.STAFF,), javascript=False)
        await plain.page.locator("details.region > summary").last.click()
        assert await plain.page.locator("details.region[open] > .branch:visible").count() == 14
        await plain.page.select_option('select[name="view"]', "passed_on")
        await plain.submit("กรอง")
        assert await plain.page.locator("details.branch:visible .who").all_inner_texts() == [
            "ผู้ว่าราชการจังหวัดนราธิวาส"
        ]
