"""Erasure looks for a person by name in what others typed: lists, notes, words of what is not signed."""

import csv
import io
import json

import httpx
import pytest
from sqlalchemy import text

from services.notify import repository
from services.notify.handlers.erasing import NOTE
from services.notify.sending_tables import NoticeStep
from services.notify.tables import Letter
from shared.contracts.intake import Role
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import client_for, sign_in, submit
from tests.component.notify.notify_kit import Notify, a_contact
from tests.component.notify.test_cascade import dispatched, link_in, mail_to
from tests.component.notify.test_erasing import ADDRESS, API, ISSUE, NAME, knows, shown_letter, walk


@pytest.mark.parametrize("name", [NAME, 'สมมติ "เล่น" นามสกุลเดียว', "Assumed O'Name"])
async def test_a_name_that_staff_typed_goes_from_what_is_not_signed(notify: Notify, name: str) -> None:
    await notify.consume(a_contact("guest-1", email=ADDRESS, name=name))
    path = f"{API}/contests/{CONTEST_ID}/letters"
    typed = {
        "template": "memorandum-shortlist",
        "subject": f"ขออนุมัติเชิญ {name.upper()}",
        "paragraphs": ["วรรคแรก", f"ด้วย {name} จะมาบรรยาย"],
        "enclosures": [{"text": f"ประวัติของ {name}", "copies": "๑ ฉบับ"}],
        "references": ["หนังสือที่ไม่ระบุชื่อใคร"],
    }
    async with client_for(notify.service()) as client:
        sign_in(client, [Role.STAFF], contact_id="drafter")
        untouched = (await client.post(path, json={"template": "minutes-judging", "subject": "อื่น"})).json()
        letter_id = (await client.post(path, json=typed)).json()["letter_id"]
        await walk(client, letter_id, "review")
        await notify.erase("guest-1")
        assert await knows(notify.database, ADDRESS, name, json.dumps(name)[1:-1]) == set()
        after = (await client.get(f"{API}/letters/{letter_id}")).json()
        assert (await client.get(f"{API}/letters/{untouched['letter_id']}")).json() == untouched
    assert (after["state"], after["steps"][-1]["step"]) == ("draft", "return")
    assert after["subject"] == "ขออนุมัติประกาศรายชื่อผู้ผ่านการคัดเลือกรอบแรก"
    async with notify.database.transaction() as session:
        letter = await session.get(Letter, (CONTEST_ID, letter_id))
    assert letter.overrides == {"references": ["หนังสือที่ไม่ระบุชื่อใคร"]}


@pytest.mark.parametrize("name", [NAME, 'สมมติ (เล่น) "นามสกุล" + เดียว', "Assumed O'Name"])
async def test_a_name_in_a_pasted_list_or_a_note_goes_from_what_is_not_signed(
    notify: Notify, name: str
) -> None:
    await notify.consume(a_contact("guest-1", email=ADDRESS, name=name))
    pasted = io.StringIO()
    csv.writer(pasted).writerows(
        [
            ("code", "place", "post", "email"),
            ("1", "จังหวัดนราธิวาส", "ผู้ว่าราชการจังหวัดนราธิวาส", "a@n.example"),
            ("2", "จังหวัดยะลา", f"เรียน {name.upper()} ผู้ประสานงาน", ""),
            ("3", f"บ้านของ {name}", "ผู้ประสานงาน", ""),
        ]
    )
    drafting = {"template": "circular-governors", "recipients_csv": pasted.getvalue()}
    async with client_for(notify.service()) as client:
        sign_in(client, [Role.STAFF], contact_id="drafter")
        drafted = await client.post(f"{API}/contests/{CONTEST_ID}/letters", json=drafting)
        letter_id = drafted.json()["letter_id"]
        await walk(client, letter_id, "review")
        reason = {"reason": f"{name} โทรมาขอแก้ และ {name.lower()} ยืนยัน"}
        assert (await client.post(f"{API}/letters/{letter_id}/return", json=reason)).status_code == 200
        await walk(client, letter_id, "review")
        await _noted(notify, f"คุยกับ {name} แล้ว")
        found = await knows(notify.database, name, json.dumps(name)[1:-1])
        assert found >= {"letter.recipients", "letter_step.note", "notice_step.note", "suppression.detail"}
        await notify.erase("guest-1")
        assert await knows(notify.database, ADDRESS, name, json.dumps(name)[1:-1]) == set()
        after = (await client.get(f"{API}/letters/{letter_id}")).json()
    assert after["state"] == "draft"
    assert [step["note"] for step in after["steps"] if step["step"] == "return"] == [
        "… โทรมาขอแก้ และ … ยืนยัน",
        NOTE,
    ]
    async with notify.database.transaction() as session:
        letter = await session.get(Letter, (CONTEST_ID, letter_id))
        assert [one["code"] for one in letter.recipients] == ["1"]


async def _noted(notify: Notify, words: str) -> None:
    """Somebody's words beside a notice and beside a suppressed address."""
    now = notify.clock.instant
    async with notify.database.transaction() as session:
        session.add(
            NoticeStep(
                contest_id=CONTEST_ID,
                step_id="s-1",
                notice_id="n-1",
                step="discarded",
                by="staff",
                at=now,
                note=words,
            )
        )
        row = {"contest_id": CONTEST_ID, "address": "office@n.example", "reason": "staff", "status": ""}
        await repository.sending.suppress(session, **row, detail=words, notice_id="", now=now)


async def test_a_name_goes_from_a_cover_letter_that_an_office_still_writes(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        await dispatched(notify, client)
        here = link_in(mail_to(notify, "saraban@n.example"))
        await submit(client, here, {"receive_number": "1"})
        lines = f"code,place,post\nx-1,อำเภอเมือง,นายอำเภอเมือง\nx-2,อำเภอตากใบ,{NAME}\n"
        assert (
            await submit(client, f"{here}/recipients", {"recipients": lines}, form_page=here)
        ).status_code == 303
        words = {"cover_subject": f"เชิญ {NAME}", "cover_text": f"ด้วย {NAME} แจ้งว่า\n\nจึงเรียนมาเพื่อทราบ"}
        assert (await submit(client, f"{here}/cover", words, form_page=here)).status_code == 303
        await notify.consume(a_contact("guest-1", email=ADDRESS, name=NAME))
        await notify.erase("guest-1")
        assert await knows(notify.database, ADDRESS, NAME) == set()
        page = (await client.get(here)).text
    assert "นายอำเภอเมือง" in page
    assert "ด้วย จังหวัดนราธิวาส ได้รับหนังสือ" in page
    assert "ลบข้อมูลของบุคคลแล้ว" in page, "the office is told why its draft shrank"


_LIST = "code,place,post\n1,จังหวัดนราธิวาส,นายอำเภอเมืองนราธิวาส\n2,โรงเรียนสมศรีวิทยา,ผู้อำนวยการ\n3,บ้านพัก,คุณสมศรี\n"


async def _draft(client: httpx.AsyncClient, *steps: str) -> str:
    sign_in(client, [Role.STAFF], contact_id="drafter")
    body = {"template": "circular-governors", "recipients_csv": _LIST}
    drafted = await client.post(f"{API}/contests/{CONTEST_ID}/letters", json=body)
    letter_id: str = drafted.json()["letter_id"]
    if steps:
        await walk(client, letter_id, *steps)
    return letter_id


@pytest.mark.parametrize("name", ["นาย", "นายอำเภอ", "โรงเรียน", "ผู้ว่าราชการ"])
async def test_a_name_takes_no_line_that_only_holds_its_letters(notify: Notify, name: str) -> None:
    await notify.consume(a_contact("guest-1", email=ADDRESS, name=name))
    async with client_for(notify.service()) as client:
        letter_id = await _draft(client, "review", "approval")
        before = await shown_letter(client, letter_id)
        await notify.erase("guest-1")
        assert await shown_letter(client, letter_id) == before
    async with notify.database.transaction() as session:
        letter = await session.get(Letter, (CONTEST_ID, letter_id))
    assert [one["code"] for one in letter.recipients] == ["1", "2", "3"]
    assert letter.content is not None


async def test_a_draft_that_loses_a_line_says_so(notify: Notify) -> None:
    await notify.consume(a_contact("guest-1", email=ADDRESS, name="สมศรี"))
    async with client_for(notify.service()) as client:
        letter_id = await _draft(client)
        await notify.erase("guest-1")
        after = await shown_letter(client, letter_id)
        page = (await client.get(f"/letters/{letter_id}")).text
    steps = [(step["step"], step["by"], step["note"]) for step in after["steps"]]
    assert (after["state"], steps[-1]) == ("draft", ("erase", "", NOTE))
    assert "ลบข้อมูลของบุคคลแล้ว" in page
    async with notify.database.transaction() as session:
        letter = await session.get(Letter, (CONTEST_ID, letter_id))
    assert [one["code"] for one in letter.recipients] == ["1", "2"]


async def test_a_contest_that_never_knew_the_person_loses_nothing(notify: Notify) -> None:
    await notify.consume(a_contact("guest-1", email=ADDRESS, name="สมศรี"))
    async with client_for(notify.service()) as client:
        letter_id = await _draft(client)
        reason = {"reason": "คุณสมศรี โทรมาขอแก้"}
        await walk(client, letter_id, "review")
        before = (await client.post(f"{API}/letters/{letter_id}/return", json=reason)).json()
        async with notify.database.transaction() as session:
            await session.execute(text("UPDATE contact SET contest_id = 'another' WHERE name = 'สมศรี'"))
        await notify.erase("guest-1")
        assert await shown_letter(client, letter_id) == before
    async with notify.database.transaction() as session:
        letter = await session.get(Letter, (CONTEST_ID, letter_id))
    assert [one["code"] for one in letter.recipients] == ["1", "2", "3"]


async def test_a_typed_name_stays_in_what_was_signed_and_no_name_finds_nothing(notify: Notify) -> None:
    await notify.consume(a_contact("guest-1", email=ADDRESS, name=NAME))
    await notify.consume(a_contact("guest-2", name=""))
    typed = {
        "template": "memorandum-shortlist",
        "paragraphs": [f"ด้วย {NAME} จะมาบรรยาย"],
        "recipients_csv": f"code,place,post\n1,ที่นี่,{NAME}\n",
    }
    async with client_for(notify.service()) as client:
        sign_in(client, [Role.STAFF], contact_id="drafter")
        drafted = (await client.post(f"{API}/contests/{CONTEST_ID}/letters", json=typed)).json()
        await notify.erase("guest-2")
        assert (await client.get(f"{API}/letters/{drafted['letter_id']}")).json() == drafted
        signed = await walk(client, drafted["letter_id"], *ISSUE[:-1])
        await notify.erase("guest-1")
        assert (await client.get(f"{API}/letters/{drafted['letter_id']}")).json() == signed
    assert await knows(notify.database, ADDRESS, NAME) == {
        "letter.content",
        "letter.overrides",
        "letter.recipients",
    }
