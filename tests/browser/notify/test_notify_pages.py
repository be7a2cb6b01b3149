"""The board, the composer, the clerk's page and verification in a real browser, phone and desktop."""

import os
import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import default as modern
from pathlib import Path

import pytest
from sqlmodel import col, select, update

from services.notify.handlers.certificate_names import settle_name
from services.notify.register_tables import PublicLetter
from services.notify.tables import Dispatch
from shared.clock import FixedClock
from shared.contracts.event import LocalizedText
from shared.contracts.ids import ContactId, ContestId
from shared.contracts.intake import EntryScreened, Role
from shared.contracts.rulebook import AwardKind, VoteScope
from shared.contracts.scoring import (
    AwardGiven,
    Finalist,
    JudgeAssigned,
    JudgeInvited,
    ResultsPublished,
    Round,
    ShortlistPublished,
)
from shared.contracts.voting import TallyChanged, VotingOpened
from shared.db import Database
from shared.testing.browser import DESKTOP, PHONE, OpenPage, serve
from shared.testing.rulebooks import CONTEST_ID, SHORTLIST, VOTE_CLOSES, a_rulebook
from shared.testing.web import publish_contest
from tests.component.notify.notify_kit import NAME_LINK, Notify, a_code, a_contact, an_entry

pytestmark = [pytest.mark.browser]
C = ContestId(CONTEST_ID)
PICTURES = Path(os.environ.get("NOTIFY_PICTURES", "/tmp/notify-pictures"))


async def _busy(database: Database) -> Notify:
    """A contest in the middle: entries, judges, a shortlist, an open vote."""
    await publish_contest(database, a_rulebook())
    notify = Notify(database, FixedClock(SHORTLIST + timedelta(hours=30)))
    await notify.consume(a_contact("staff-1", roles=(Role.STAFF,), name="เจ้าหน้าที่ตัวอย่าง"))
    await notify.consume(a_contact("approver-1", roles=(Role.APPROVER,), name="ผู้อนุมัติตัวอย่าง"))
    for number in range(1, 13):
        await notify.consume(a_contact(f"applicant-{number}"))
        category = "environment" if number % 3 else "mobility"
        await notify.consume(
            an_entry(
                f"entry-{number}", f"applicant-{number}", reference=f"SC65-{number:04}", category_id=category
            )
        )
        if number < 11:
            await notify.consume(
                EntryScreened(
                    contest_id=C,
                    entry_id=f"entry-{number}",
                    revision=3,
                    contact_id=f"applicant-{number}",
                    accepted=True,
                    screened_by=ContactId("staff-1"),
                    screened_at=SHORTLIST - timedelta(days=3),
                )
            )
    for judge in ("judge-1", "judge-2"):
        await notify.consume(a_contact(f"c-{judge}", roles=(Role.JUDGE,), name=f"กรรมการตัวอย่าง {judge[-1]}"))
        await notify.consume(
            JudgeInvited(
                contest_id=C,
                judge_id=judge,
                revision=1,
                contact_id=f"c-{judge}",
                category_ids=(),
                invited_at=SHORTLIST,
            )
        )
        await notify.consume(
            JudgeAssigned(
                contest_id=C,
                judge_id=judge,
                revision=2,
                contact_id=f"c-{judge}",
                round=Round.FIRST,
                entry_ids=("entry-1", "entry-2"),
                due_at=SHORTLIST,
                assigned_at=SHORTLIST,
            )
        )
    finalists = tuple(
        Finalist(
            entry_id=f"entry-{n}",
            category_id="environment",
            title=LocalizedText(th="คลองใส เมืองเย็น"),
            applicant_name="เทศบาลนครตัวอย่าง",
            rank=n,
        )
        for n in (1, 2)
    )
    await notify.consume(
        ShortlistPublished(
            contest_id=C,
            revision=1,
            finalists=finalists,
            not_selected=("entry-4",),
            approved_by=(),
            published_at=SHORTLIST,
        )
    )
    opened = SHORTLIST + timedelta(hours=1)
    await notify.consume(
        VotingOpened(
            contest_id=C,
            revision=1,
            ballot=("entry-1", "entry-2"),
            scope=VoteScope.CONTEST,
            closes_at=VOTE_CLOSES,
            opened_at=opened,
        )
    )
    for step in range(1, 29):
        await notify.consume(
            TallyChanged(
                contest_id=C,
                entry_id="entry-1",
                revision=step,
                counted=step * step * 3,
                changed_at=opened + timedelta(hours=step),
            )
        )
    return notify


async def test_staff_follow_a_letter_from_draft_to_acknowledgement(
    notify_database: Database, open_page: OpenPage
) -> None:
    notify = await _busy(notify_database)
    async with serve(notify.service().http) as base:
        staff = await open_page(base, "/staff", width=DESKTOP, roles=(Role.STAFF,), contact_id="staff-1")
        await staff.screenshot(PICTURES / "board-1280.png")
        assert "ต้องทำวันนี้" in await staff.text()
        await staff.go("/letters/new")
        await staff.screenshot(PICTURES / "compose-1280.png")
        await staff.submit("เริ่มร่าง หนังสือเวียนถึงผู้ว่าราชการจังหวัด")
        path = staff.page.url.removeprefix(base)
        assert await staff.found_wrong() == []
        await staff.screenshot(PICTURES / "draft-1280.png")
        approver = await open_page(
            base, path, width=DESKTOP, roles=(Role.APPROVER,), contact_id="approver-1", javascript=False
        )
        await staff.submit("ส่งตรวจร่าง")
        await approver.go(path)
        await approver.submit("อนุมัติร่าง")
        await notify.enrol("approver-1")
        await approver.page.fill("#field-code", a_code())
        await approver.submit("ลงนามและออกเลข")
        assert "สศด. ๐๓๐๑/ว ๐๑๔๖๑" in await approver.text()
        await approver.submit("ส่งออก")
        await notify.send()
        mails = [
            message_from_bytes(raw, policy=modern) for to, raw in notify.transport.sent if "narathiwat" in to
        ]
        link = re.search(r"/letters/acknowledge/\S+", mails[0].get_body(("plain",)).get_content())[0]
        clerk = await open_page(base, link, width=PHONE)
        assert await clerk.found_wrong() == []
        await clerk.screenshot(PICTURES / "clerk-360.png")
        await clerk.go(f"{link}/text")
        said = await clerk.text()
        assert "ผู้ว่าราชการจังหวัดนราธิวาส" in said
        assert "ขอแสดงความนับถือ" in said
        assert await clerk.found_wrong() == []
        await clerk.screenshot(PICTURES / "clerk-text-360.png")
        await clerk.go(link)
        await clerk.page.fill("#field-receive_number", "๑๒๓๔/๒๕๖๕")
        await clerk.submit("ลงรับ")
        assert "ลงรับแล้ว" in await clerk.text()
        assert await clerk.found_wrong() == []
        await clerk.page.locator("summary", has_text="เลือกจากอำเภอ").click()
        await clerk.submit("เพิ่มอำเภอที่เลือก")
        assert "นายอำเภอเมืองนราธิวาส" in await clerk.text()
        assert await clerk.found_wrong() == []
        await clerk.screenshot(PICTURES / "clerk-cover-360.png")
        await clerk.page.fill("#field-number", "นธ 0017.2/ว 2565")
        await clerk.page.fill("#field-issued_on", SHORTLIST.date().isoformat())
        await clerk.page.fill("#field-signer_post", "รองผู้ว่าราชการจังหวัด ปฏิบัติราชการแทน")
        signed = {"name": "cover.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\n%%EOF\n"}
        await clerk.page.set_input_files("#field-signed_file", files=[signed])
        await clerk.submit("บันทึกและส่งต่อ")
        await clerk.submit("ลิงก์และ QR")
        assert await clerk.found_wrong() == []
        await clerk.screenshot(PICTURES / "clerk-done-360.png")
        async with notify.database.transaction() as session:
            code = (await session.exec(select(PublicLetter.code))).one()
        for width in (PHONE, DESKTOP):
            reader = await open_page(base, f"/documents/{code}", width=width)
            said = await reader.text()
            for words in ("ที่ สศด. ๐๓๐๑/ว ๐๑๔๖๑", "เรียน", "ผู้ว่าราชการจังหวัดทุกจังหวัด", "ขอแสดงความนับถือ"):
                assert words in said, words
            assert await reader.found_wrong() == []
            await reader.screenshot(PICTURES / f"document-{width}.png")
        phone = await open_page(base, width=PHONE, roles=(Role.STAFF,))
        places = {
            "cascade": f"{path}/cascade",
            "book-out": "/letters/books/out",
            "book-in": "/letters/books/in",
            "agency": "/letters/agencies/depa",
            "print-queue": "/letters/print",
        }
        async with notify.database.transaction() as session:
            await session.execute(update(Dispatch).where(col(Dispatch.code) == "95").values(state="print"))
        for name, place in places.items():
            for visit, width in ((staff, DESKTOP), (phone, PHONE)):
                await visit.go(place)
                assert await visit.found_wrong() == [], place
                await visit.screenshot(PICTURES / f"{name}-{width}.png")
        await approver.go("/letters/second-factor")
        await approver.screenshot(PICTURES / "second-factor-1280.png")
        await staff.go(path)
        await staff.screenshot(PICTURES / "dispatched-1280.png")
        assert "1 / 77" in await staff.text()


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("language", ["th", "en"])
async def test_pages_are_sound(
    notify_database: Database, open_page: OpenPage, width: int, language: str
) -> None:
    notify = await _busy(notify_database)
    awards = (
        AwardGiven(
            award_id="environment",
            kind=AwardKind.JUDGED,
            name=LocalizedText(th="รางวัลดีเด่นด้านการบริการอย่างชาญฉลาด", en="Outstanding service"),
            category_id="environment",
            entry_id="entry-1",
            title=LocalizedText(th="คลองใส เมืองเย็น"),
            applicant_name="เทศบาลนครตัวอย่าง",
        ),
    )
    await notify.consume(
        ResultsPublished(contest_id=C, revision=1, awards=awards, approved_by=(), published_at=SHORTLIST)
    )
    await notify.send()
    asked = [notice for notice in await notify.notices() if notice.template == "certificate-name"]
    links = {notice.entry_id: NAME_LINK.search(notice.facts["certificate.confirm"])[0] for notice in asked}
    async with notify.database.transaction() as session:
        from services.notify import repository

        first, second = (await repository.certificates.certificates(session, CONTEST_ID))[:2]
        await settle_name(
            session,
            notify.clock,
            first.serial,
            CONTEST_ID,
            "staff-1",
            typed=first.recipient,
            reason="แจ้งทางโทรศัพท์",
        )
    await notify.send()
    paths = {
        "/staff": "board",
        "/letters": "register",
        "/letters/new": "compose",
        "/letters/certificates": "certificates",
        "/letters/papers": "papers",
        "/notices": "notices",
        "/notices/print": "notices-by-post",
        "/documents/registers": "registers",
        f"/letters/certificates/{first.serial}": "certificate",
        f"/letters/certificates/{second.serial}": "certificate-waiting",
        f"/verify/{first.code}": "verified",
        links[second.entry_id]: "certificate-name",
        "/verify": "verify",
    }
    wrong: dict[str, list[str]] = {}
    async with serve(notify.service().http) as base:
        visit = await open_page(
            base, width=width, roles=(Role.STAFF,), contact_id="staff-1", language=language
        )
        for path, name in paths.items():
            await visit.go(path)
            await visit.screenshot(PICTURES / f"{name}-{width}-{language}.png")
            if found := await visit.found_wrong():
                wrong[path] = found
        own = await open_page(
            base,
            "/notices",
            width=width,
            roles=(Role.APPLICANT,),
            contact_id="applicant-1",
            language=language,
        )
        await own.screenshot(PICTURES / f"own-notices-{width}-{language}.png")
        if found := await own.found_wrong():
            wrong["own"] = found
    assert wrong == {}
