"""A province's clerk enrols a telephone, signs, numbers, sends and posts the province's letter."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyotp
import pytest

from services.notify.register_tables import Officer
from shared.contracts.intake import Role
from shared.db import Database
from shared.testing.browser import DESKTOP, PHONE, OpenPage, Visit, serve
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import client_for, publish_contest
from tests.component.notify.notify_kit import Notify, a_contact
from tests.component.notify.test_clerk_letters import approved_cover, number_by_registry

pytestmark = [pytest.mark.browser]
PICTURES = Path(os.environ.get("NOTIFY_PICTURES", "/tmp/notify-pictures"))
WORDS = {
    "th": {
        "begin": "เริ่มลงทะเบียน",
        "confirm": "ยืนยัน",
        "waits": "รอท่านลงนาม",
        "number": "ออกเลขทะเบียน",
        "send": "ส่งออก",
        "sent": "ส่งออกแล้ว",
        "posted": "บันทึกว่าส่งไปรษณีย์แล้ว",
    },
    "en": {
        "begin": "Begin",
        "confirm": "Confirm",
        "waits": "Waits for your signature",
        "number": "Give the number",
        "send": "Dispatch",
        "sent": "It is on its way.",
        "posted": "Note what is ticked as posted",
    },
}


async def _province(notify: Notify) -> str:
    """Narathiwat has one clerk, who signs and keeps the registry; its letter waits for the signature."""
    await notify.enrol("approver")
    await notify.consume(a_contact("clerk-1", roles=(Role.CLERK,), name="เจ้าหน้าที่สารบรรณตัวอย่าง"))
    async with client_for(notify.service()) as client:
        letter_id = await approved_cover(notify, client)
    async with notify.database.transaction() as session:
        for duty in ("signer", "registry"):
            session.add(
                Officer(
                    contest_id=CONTEST_ID,
                    agency="narathiwat",
                    contact_id="clerk-1",
                    duty=duty,
                    lines=[],
                    authorised_by="",
                    valid_from=date(2022, 1, 1),
                    appointed_by="test",
                    appointed_at=datetime(2022, 1, 1, tzinfo=UTC),
                )
            )
    await number_by_registry(notify)
    return letter_id


async def _look(clerk: Visit, name: str) -> None:
    await clerk.screenshot(PICTURES / f"province-{name}.png")
    assert await clerk.found_wrong() == [], name


def _next_code(key: str) -> str:
    """The code of the next half minute, which is taken early: this one's may have been used to enrol."""
    return pyotp.TOTP(key).at(datetime.now(UTC) + timedelta(seconds=30))


async def _sign(clerk: Visit) -> None:
    """Press the letter's own button: "Sign out" has its name too."""
    async with clerk.page.expect_navigation(wait_until="load"):
        await clerk.page.locator('form[action$="/signing"] button').click()


@pytest.mark.parametrize(("width", "language"), [(PHONE, "th"), (DESKTOP, "en")])
async def test_a_clerk_signs_numbers_and_sends_the_province_s_letter(
    notify_database: Database, open_page: OpenPage, width: int, language: str
) -> None:
    await publish_contest(notify_database)
    notify = Notify(notify_database)
    letter_id = await _province(notify)
    words, here, shown = WORDS[language], f"/letters/{letter_id}", f"{width}-{language}"
    async with serve(notify.service().http) as base:
        clerk = await open_page(
            base,
            "/letters/second-factor",
            width=width,
            roles=(Role.CLERK,),
            contact_id="clerk-1",
            language=language,
        )
        await clerk.submit(words["begin"])
        key = (await clerk.page.locator("code.key").inner_text()).replace(" ", "")
        await clerk.page.fill("#field-code", pyotp.TOTP(key).now())
        await clerk.submit(words["confirm"])
        await clerk.go("/letters")
        assert words["waits"] in await clerk.text()
        await _look(clerk, f"list-{shown}")
        await clerk.page.locator(f'a[href="{here}"]').first.click()
        await clerk.page.wait_for_url(base + here)
        await _look(clerk, f"to-sign-{shown}")
        await clerk.page.fill("#field-code", "000000")
        await _sign(clerk)
        assert await clerk.page.locator("#error-code, .error-summary, .field.wrong").count() > 0
        clerk.complaints.clear()  # the browser's own word for the 422
        await clerk.page.fill("#field-code", _next_code(key))
        await _sign(clerk)
        await _look(clerk, f"to-number-{shown}")
        await clerk.submit(words["number"])
        assert "นธ ๐๐๑๗.๒/ว ๒๕๖๕" in await clerk.text()
        await clerk.submit(words["send"])
        assert words["sent"] in await clerk.text()
        await _look(clerk, f"sent-{shown}")
        await clerk.page.locator('main a[href="/letters/print"]').last.click()
        await clerk.page.wait_for_url(base + "/letters/print")
        await clerk.page.locator('input[name="dispatch"]').check()
        await _look(clerk, f"queue-{shown}")
        await clerk.submit(words["posted"])
        assert await clerk.page.locator('input[name="dispatch"]').count() == 0
        await clerk.go("/letters/books/out")
        assert "นธ ๐๐๑๗.๒/ว ๒๕๖๕" in await clerk.text() or "นธ 0017.2/ว 2565" in await clerk.text()
        await _look(clerk, f"book-{shown}")
        await clerk.go("/documents/registers")
        assert await clerk.page.locator("code.key").count() == 2, "the province's book and depa's"
        await _look(clerk, f"heads-{shown}")
