"""Pages without a browser: they render in both languages, refuse the wrong role, and survive bad forms."""

import re
from datetime import timedelta

import httpx
import pytest

from shared.clock import FixedClock
from shared.contracts.intake import Role
from shared.mail import MemoryMailer
from shared.testing.web import submit
from tests.component.intake.conftest import API, CONTEST, TOML, SignedIn, an_entry
from tests.component.intake.test_intake_entries import submitted

HTML = {"accept": "text/html"}
CODE = re.compile(r"\b(\d{3}) (\d{3})\b")


async def test_everything_says_what_to_do_before_a_contest_exists(
    anonymous: httpx.AsyncClient, signed_in: SignedIn
) -> None:
    home = await anonymous.get("/", headers=HTML)
    assert (home.status_code, "ยังไม่มีการประกวดที่ประกาศ" in home.text) == (200, True)
    assert (await anonymous.get("/rules", headers=HTML)).status_code == 404
    admin = await signed_in(Role.ADMIN)
    assert "contest.toml" in (await admin.get("/staff/contest", headers=HTML)).text


@pytest.mark.parametrize("language", ["th", "en"])
async def test_public_pages_render(sealed: str, anonymous: httpx.AsyncClient, language: str) -> None:
    for path in ("/", "/contest", "/rules", "/briefing", "/signin", "/events"):
        page = await anonymous.get(f"{path}?lang={language}", headers=HTML)
        assert page.status_code == 200, path
        assert f'<html lang="{language}">' in page.text
    ics = await anonymous.get("/contest/calendar.ics")
    assert ics.headers["content-type"].startswith("text/calendar")
    assert ics.text.count("BEGIN:VEVENT") == 7
    assert "DTSTART;TZID=Asia/Bangkok:20220811T100000" in ics.text


@pytest.mark.parametrize("language", ["th", "en"])
async def test_applicant_and_staff_pages_render(sealed: str, signed_in: SignedIn, language: str) -> None:
    applicant, admin = await signed_in(Role.APPLICANT), await signed_in(Role.ADMIN)
    entry = await submitted(applicant)
    parts = ("", "/applicant", "/project", "/section/origin", "/files", "/check", "/sent", "/print")
    paths = ["/apply", "/apply/eligibility", *(f"/apply/{entry['entry_id']}{part}" for part in parts)]
    for path in paths:
        assert (await applicant.get(f"{path}?lang={language}", headers=HTML)).status_code == 200, path
    for path in (
        "/staff/contest",
        "/staff/entries",
        f"/staff/entries/{entry['entry_id']}",
        "/staff/people",
        "/staff/people/new",
        f"/staff/people/{entry['contact_id']}",
        "/staff/people/briefing",
    ):
        assert (await admin.get(f"{path}?lang={language}", headers=HTML)).status_code == 200, path
        assert (await applicant.get(path, headers=HTML)).status_code == 403, path
    listed = await admin.get("/staff/entries?format=csv")
    assert listed.content.startswith(b"\xef\xbb\xbf")
    assert "SC65-0001" in listed.text


async def test_applicant_writes_and_sends_an_entry_without_script(sealed: str, signed_in: SignedIn) -> None:
    applicant = await signed_in(Role.APPLICANT)
    whole = an_entry()
    wrong = await submit(applicant, "/apply/eligibility", {"applicant_kind": "none", "interest": "no"})
    assert wrong.status_code == 422
    assert wrong.text.count('class="error"') == 5
    answers = {
        "applicant_kind": "municipality",
        "interest": "yes",
        "service": "yes",
        "operating_since": "2021-06-01",
        "category_id": "environment",
    }
    begun = await submit(applicant, "/apply/eligibility", answers)
    path = begun.headers["location"]
    assert begun.status_code == 303
    incomplete = await submit(applicant, f"{path}/check", {})
    assert incomplete.status_code == 422
    await submit(
        applicant,
        f"{path}/applicant",
        {
            "applicant_name": whole["applicant_name"],
            "applicant_kind": "municipality",
            "province_code": "96",
            "interest_declared": "yes",
        },
    )
    fields = ("category_id", "title_th", "title_en", "summary_th", "summary_en", "operating_since", "vendor")
    await submit(applicant, f"{path}/project", {name: whole[name] for name in fields})
    sections = ("origin", "solution", "evidence", "sustainability")
    behind = (*(f"{path}/section/{section}" for section in sections[1:]), f"{path}/files")
    for section, after in zip(sections, behind, strict=True):
        saved = await submit(applicant, f"{path}/section/{section}", {"text": "ข้อความ"})
        assert saved.headers["location"] == after
    later = await submit(applicant, f"{path}/section/origin", {"text": "ข้อความ", "go": "later"})
    assert later.headers["location"] == path
    assert "ตรวจคำตอบและส่ง" in (await applicant.get(path, headers=HTML)).text
    files = {"file": ("แผน.pdf", b"%PDF-1.7", "application/pdf")}
    attached = await submit(applicant, f"{path}/files", {}, files=files)
    assert attached.headers["location"] == f"{path}/files"
    sent = await submit(applicant, f"{path}/check", {})
    assert sent.headers["location"] == f"{path}/sent"
    assert "SC65-0001" in (await applicant.get(f"{path}/sent", headers=HTML)).text
    assert (
        f'class="button quiet" href="{path}/check">แก้ไขและส่งใหม่'
        in (await applicant.get(path, headers=HTML)).text
    )
    unsure = {"confirm": "x", "reason": "เปลี่ยนผู้รับผิดชอบ"}
    unconfirmed = await submit(applicant, f"{path}/withdrawal", unsure, form_page=path)
    assert unconfirmed.status_code == 422
    assert '<details id="withdraw" open>' in unconfirmed.text
    assert 'id="error-confirm"' in unconfirmed.text
    assert 'value="เปลี่ยนผู้รับผิดชอบ"' in unconfirmed.text
    gone = await submit(applicant, f"{path}/withdrawal", {"confirm": "ถอนผลงาน"}, form_page=path)
    assert gone.headers["location"] == "/apply"
    state = (await applicant.get(f"{API}{path.removeprefix('/apply').join(['/entries', ''])}")).json()[
        "state"
    ]
    assert state == "withdrawn"
    left = (await applicant.get(f"{path}/section/origin", headers=HTML)).text
    assert ("<textarea" in left, "ข้อความ" in left, "แก้ไขไม่ได้แล้ว" in left) == (False, True, True)
    assert left.index("แก้ไขไม่ได้แล้ว") < left.index("ข้อความ")


async def test_a_question_left_open_is_asked_again_and_not_taken_for_a_no(
    sealed: str, signed_in: SignedIn
) -> None:
    applicant = await signed_in(Role.APPLICANT)
    page = await submit(applicant, "/apply/eligibility", {"service": "no"})
    errors = re.findall(r'<p class="error" id="error-(\w+)">.*?</span> ([^<]+)</p>', page.text)
    assert errors == [
        ("applicant_kind", "โปรดตอบข้อ 1"),
        ("interest", "โปรดตอบข้อ 2"),
        ("service", "ข้อ 1: ต้องเป็นโครงการ ระบบบริการ หรือกิจกรรมที่ให้บริการประชาชน"),
        ("operating_since", "โปรดตอบข้อ 4"),
        ("category_id", "โปรดตอบข้อ 5"),
    ]


async def test_the_briefing_s_errors_stand_in_the_form_s_order(
    sealed: str, clock: FixedClock, anonymous: httpx.AsyncClient, signed_in: SignedIn
) -> None:
    clock.instant -= timedelta(days=10)
    page = await submit(anonymous, "/briefing", {"attends_as": "representative"})
    summary = re.findall(r'<a href="#field-(\w+)">([^<]+)</a>', page.text)
    assert [name for name, _ in summary] == ["organisation", "name", "email", "representative"]
    assert dict(summary)["email"].startswith("กรอกอีเมล")
    added = await submit(await signed_in(Role.ADMIN), "/staff/people/new", {"name": "ผู้ทดสอบ"})
    assert (added.status_code, "กรอกอีเมล" in added.text) == (422, True)


async def test_autosave_keeps_one_section_and_answers_in_json(sealed: str, signed_in: SignedIn) -> None:
    applicant = await signed_in(Role.APPLICANT)
    entry = (await applicant.post(f"{API}/entries", json=an_entry())).json()
    path = f"/apply/{entry['entry_id']}/section/origin"
    form = await applicant.get(path, headers=HTML)
    token = re.search(r'name="_csrf" value="([0-9a-f]+)"', form.text)
    assert token
    data = {"_csrf": token[1], "text": "พิมพ์ค้างไว้"}
    saved = await applicant.post(path, data=data, headers={"accept": "application/json"})
    assert saved.json() == {"revision": 2, "saved_at": "09.00 น."}
    assert 'data-most="4000"' in form.text
    content = (await applicant.get(f"{API}/entries/{entry['entry_id']}")).json()["content"]
    assert content["sections"]["origin"] == "พิมพ์ค้างไว้"
    assert content["title_th"] == "คลองใส เมืองเย็น"
    no_token = await applicant.post(path, data={"text": "x"}, headers=HTML)
    assert no_token.status_code == 403


async def test_signing_in_by_code_leads_where_one_wanted(
    sealed: str, anonymous: httpx.AsyncClient, mailer: MemoryMailer
) -> None:
    asked = await anonymous.get("/apply", headers=HTML)
    assert (asked.status_code, asked.headers["location"]) == (303, "/signin?next=/apply")
    bad = await submit(anonymous, "/signin", {"email": "no address"})
    assert bad.status_code == 422
    sent = await submit(anonymous, "/signin", {"email": "New@Office.example", "next": "/apply"})
    assert sent.status_code == 200, sent.text
    found = CODE.search(mailer.to("new@office.example")[-1].subject)
    assert found
    fields = {"email": "new@office.example", "next": "//evil.test", "code": "000000"}
    wrong = await submit(anonymous, "/signin/code", fields, form_page="/signin")
    assert wrong.status_code == 422
    fields |= {"code": f"{found[1]} {found[2]}", "next": "/apply"}
    done = await submit(anonymous, "/signin/code", fields, form_page="/signin")
    assert (done.status_code, done.headers["location"]) == (303, "/apply")
    assert (await anonymous.get("/apply", headers=HTML)).status_code == 200
    left = await submit(anonymous, "/signout", {}, form_page="/apply")
    assert left.headers["location"] == "/"
    assert (await anonymous.get("/apply", headers=HTML)).status_code == 303


@pytest.mark.parametrize(
    ("role", "first"),
    [
        (Role.STAFF, "/staff"),
        (Role.JUDGE, "/judge"),
        (Role.CLERK, "/letters"),
        (Role.AUDITOR, "/audit"),
        (Role.APPLICANT, "/apply"),
    ],
)
async def test_signing_in_leads_to_the_first_page_of_the_role(
    sealed: str,
    signed_in: SignedIn,
    anonymous: httpx.AsyncClient,
    mailer: MemoryMailer,
    role: Role,
    first: str,
) -> None:
    await signed_in(role, email="somebody@office.example")
    await submit(anonymous, "/signin", {"email": "somebody@office.example"})
    found = CODE.search(mailer.to("somebody@office.example")[-1].subject)
    assert found
    fields = {"email": "somebody@office.example", "code": f"{found[1]}{found[2]}"}
    done = await submit(anonymous, "/signin/code", fields, form_page="/signin")
    assert (done.status_code, done.headers["location"]) == (303, first)


async def test_staff_screens_an_entry_on_the_page(sealed: str, signed_in: SignedIn) -> None:
    applicant, staff = await signed_in(Role.APPLICANT), await signed_in(Role.STAFF)
    entry = await submitted(applicant)
    path = f"/staff/entries/{entry['entry_id']}"
    nothing = await submit(staff, path, {"decision": "refuse"})
    assert (nothing.status_code, "เลือกเหตุผลอย่างน้อยหนึ่งข้อ" in nothing.text) == (422, True)
    refused = await submit(
        staff, path, {"decision": "refuse", "reasons": "duplicate", "note": "ซ้ำกับ SC65-0009"}
    )
    assert refused.status_code == 303
    shown = await applicant.get(f"/apply/{entry['entry_id']}", headers=HTML)
    assert "ซ้ำกับ SC65-0009" in shown.text
    stale = await submit(staff, path, {"decision": "accept", "revision": "1"})
    assert stale.status_code == 409


async def test_an_address_that_somebody_has_adds_and_changes_nobody(sealed: str, signed_in: SignedIn) -> None:
    admin = await signed_in(Role.ADMIN)
    person = {"email": "judge@office.example", "name": "กรรมการตัวอย่าง", "roles": ["judge"]}
    assert (await submit(admin, "/staff/people/new", person)).headers["location"] == "/staff/people"
    again = await submit(admin, "/staff/people/new", person | {"email": "Judge@Office.example", "name": "อื่น"})
    page = await admin.get(f"{again.headers['location']}?lang=en", headers=HTML)
    assert "Somebody has this address already" in page.text
    assert 'value="กรรมการตัวอย่าง"' in page.text
    wrong = await submit(admin, "/staff/people/new", person | {"email": "judge", "name": "พิมพ์แล้ว"})
    assert (wrong.status_code, 'value="พิมพ์แล้ว"' in wrong.text) == (422, True)


async def test_an_administrator_brings_seals_and_amends_a_contest(signed_in: SignedIn) -> None:
    admin, staff = await signed_in(Role.ADMIN), await signed_in(Role.STAFF)
    broken = await submit(admin, "/staff/contest", {}, files={"file": ("c.toml", b"slug = 3")})
    assert (broken.status_code, "line 1" in broken.text or "บรรทัด 1" in broken.text) == (422, True)
    brought = await submit(admin, "/staff/contest", {}, files={"file": ("c.toml", TOML.encode())})
    assert brought.headers["location"] == f"/staff/contest?contest={CONTEST}"
    page = await staff.get(brought.headers["location"], headers=HTML)
    assert "13.30 – 14.30" in page.text
    assert "๑๓.๓๐ - ๑๕.๐๐" in page.text
    seal = f"/staff/contest/{CONTEST}/seal"
    await submit(staff, seal, {"confirm": "yes", "rehearsal": "yes"}, form_page="/staff/contest")
    assert (await admin.get("/api/intake/v1/contests")).json()["contests"][0]["state"] == "draft"
    await submit(staff, seal, {"confirm": CONTEST, "rehearsal": "yes"}, form_page="/staff/contest")
    assert (await admin.get("/api/intake/v1/contests")).json()["contests"][0]["state"] == "sealed"
    later = TOML.replace(
        '[decisions."judging.slot_minutes"]\nvalue = 12', '[decisions."judging.slot_minutes"]\nvalue = 10'
    )
    amended = await submit(
        staff,
        f"/staff/contest/{CONTEST}/amendment",
        {"reason_th": "เพิ่มเวลาพัก"},
        form_page="/staff/contest",
        files={"file": ("c.toml", later.encode())},
    )
    assert amended.status_code == 303
    assert "judging.slot_minutes.value" in (await staff.get("/contest", headers=HTML)).text
