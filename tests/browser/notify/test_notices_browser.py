"""The outbox, review, suppression, webhooks and the table of notices in a real browser."""

import os
import re
from pathlib import Path

import pytest

from services.notify import repository
from services.notify.handlers import webhooks
from services.notify.mail.transport import Refused
from shared.clock import FixedClock
from shared.contracts.intake import Role
from shared.db import Database
from shared.testing.browser import DESKTOP, PHONE, OpenPage, serve
from shared.testing.rulebooks import CONTEST_ID, OPENING
from shared.testing.web import publish_contest
from tests.component.notify.notify_kit import Notify, a_contact, an_entry, words_of_mail
from tests.component.notify.test_posting import words_of_pdf
from tests.component.notify.test_review import shortlist

pytestmark = [pytest.mark.browser]
PICTURES = Path(os.environ.get("NOTIFY_PICTURES", "/tmp/notify-pictures"))
PAGES = {
    "queue": "/notices",
    "review": "/notices/review",
    "table": "/notices/table",
    "suppressed": "/notices/suppressed",
    "webhooks": "/notices/webhooks",
    "mine": "/notices/mine",
}


async def _busy(database: Database) -> Notify:
    await publish_contest(database)
    notify = Notify(database, FixedClock(OPENING), webhooks_to_this_network=True)
    await notify.consume(a_contact("staff-1", roles=(Role.STAFF,), name="เจ้าหน้าที่ตัวอย่าง"))
    notify.transport.refuse["gone@office.example"] = Refused("550 5.1.1 unknown user", address_dead=True)
    await notify.consume(a_contact("gone", email="gone@office.example", name="ผู้ติดต่อที่ย้ายแล้ว"))
    await notify.consume(an_entry("entry-gone", "gone", reference="SC65-0099"))
    await shortlist(notify, 4)
    async with notify.database.transaction() as session:
        hook, _ = await webhooks.add_webhook(
            session,
            notify.clock,
            notify.resources.settings,
            notify.keys,
            contest_id=CONTEST_ID,
            name="เว็บไซต์ของหน่วยงาน",
            url="http://127.0.0.1:9/hook",
            events=[],
            by="staff-1",
        )
        await webhooks.try_out(session, notify.clock, hook)
    await notify.send()
    return notify


async def test_staff_review_and_follow_what_is_sent(notify_database: Database, open_page: OpenPage) -> None:
    notify = await _busy(notify_database)
    wrong: dict[str, list[str]] = {}
    async with serve(notify.service().http) as base:
        for width, script in ((DESKTOP, True), (PHONE, False)):
            for name, path in PAGES.items():
                visit = await open_page(
                    base, path, width=width, roles=(Role.STAFF,), contact_id="staff-1", javascript=script
                )
                await visit.screenshot(PICTURES / f"notices-{name}-{width}.png")
                if script and (found := await visit.found_wrong()):
                    wrong[name] = found
        staff = await open_page(
            base, "/notices/review", width=DESKTOP, roles=(Role.STAFF,), contact_id="staff-1"
        )
        await staff.page.get_by_role("link", name="เปิดดู").first.click()
        await staff.page.wait_for_load_state("load")
        await staff.screenshot(PICTURES / "notices-batch-1280.png")
        await staff.submit("อนุมัติให้ส่งทั้งชุด")
        assert "ไม่มีรายการรอตรวจ" in await staff.text()
        await notify.send()
        await staff.go("/notices?state=sent")
        await staff.page.locator("table.data a").last.click()
        await staff.page.wait_for_load_state("load")
        await staff.screenshot(PICTURES / "notices-one-1280.png")
        frame = staff.page.frame_locator("iframe.mail-frame")
        assert await frame.locator("body").inner_text()
        await staff.go("/notices/webhooks")
        await staff.page.get_by_role("link", name="เว็บไซต์ของหน่วยงาน").click()
        await staff.page.wait_for_load_state("load")
        await staff.screenshot(PICTURES / "notices-webhook-1280.png")
        if found := await staff.found_wrong():
            wrong["webhook"] = found
    assert wrong == {}


async def test_a_notice_on_paper_is_its_text_in_full_and_nothing_else(
    notify_database: Database, open_page: OpenPage
) -> None:
    notify = await _busy(notify_database)
    (row,) = [each for each in await notify.notices() if each.contact_id == "gone"]
    async with notify.database.transaction() as session:
        mail = await repository.people.mail_of(session, row)
    assert mail is not None
    async with serve(notify.service().http) as base:
        staff = await open_page(
            base, f"/notices/{row.notice_id}", width=DESKTOP, roles=(Role.STAFF,), contact_id="staff-1"
        )
        paper = PICTURES / "notice-on-paper.pdf"
        paper.parent.mkdir(parents=True, exist_ok=True)
        said = await words_of_pdf(await staff.page.pdf(path=paper, format="A4"))
    subject, text = (re.sub(r"\s", "", words) for words in (row.subject, words_of_mail(mail.message)))
    assert (said.count(subject), said.count(text)) == (1, 1)
    assert [word in said for word in ("ตีกลับ", "ส่งไม่สำเร็จ", "550", "Message-ID", "gone@office")] == [False] * 5
