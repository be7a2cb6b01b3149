"""Down the cascade by one-time links: acknowledge, choose whom to, draft, record; reminders and the tree."""

import html
import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import default as modern
from typing import Any

import httpx
import pytest

from services.notify import repository
from services.notify.handlers.sleepers import Sleepers
from services.notify.register_tables import Incoming
from shared.contracts.intake import Role
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import client_for, sign_in, submit
from tests.component.notify.notify_kit import Notify, a_code

API = "/api/notify/v1"
TWO = """code,place,post,email
96,จังหวัดนราธิวาส,ผู้ว่าราชการจังหวัดนราธิวาส,saraban@n.example
10,กรุงเทพมหานคร,ผู้ว่าราชการกรุงเทพมหานคร,saraban@bkk.example
"""
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
HTML = {"accept": "text/html"}


async def dispatched(
    notify: Notify, client: httpx.AsyncClient, template: str = "circular-governors", recipients: str = TWO
) -> str:
    """A letter on its way, a circular to two governors where nothing else is said."""
    sign_in(client, [Role.STAFF], contact_id="drafter")
    body = {"template": template, "recipients_csv": recipients}
    letter_id: str = (await client.post(f"{API}/contests/{CONTEST_ID}/letters", json=body)).json()[
        "letter_id"
    ]
    await client.post(f"{API}/letters/{letter_id}/review")
    sign_in(client, [Role.APPROVER], contact_id="approver")
    await client.post(f"{API}/letters/{letter_id}/approval")
    await client.post(f"{API}/letters/{letter_id}/signing", json={"code": a_code()})
    assert (await client.post(f"{API}/letters/{letter_id}/dispatch")).status_code == 200
    await notify.send()
    client.cookies.clear()
    return letter_id


def mail_to(notify: Notify, address: str) -> Any:
    """The newest mail to an office."""
    raw = [message for to, message in notify.transport.sent if to == address][-1]
    return message_from_bytes(raw, policy=modern)


def link_in(mail: Any) -> str:
    """The path of the one-time link."""
    return re.search(r"/letters/acknowledge/\S+", mail.get_body(("plain",)).get_content())[0]


async def test_a_province_passes_the_letter_on_and_a_district_acknowledges(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter_id = await dispatched(notify, client)
        here = link_in(mail_to(notify, "saraban@n.example"))
        early = await submit(client, f"{here}/recipients", {"district": "9601"}, form_page=here)
        assert early.status_code == 409
        assert (await submit(client, here, {"receive_number": "๑๒๓/๒๕๖๕"})).status_code == 303
        page = (await client.get(here, headers=HTML)).text
        assert page.count('name="district"') == 13
        assert (await submit(client, f"{here}/recipients", {"district": ["9601", "9602", "1001"]},
                             form_page=here)).status_code == 303  # fmt: skip
        csv = "code,place,post,email\nobt-1,จังหวัดนราธิวาส,นายก อบจ.นราธิวาส,obj@n.example\n"
        files = {"file": ("list.csv", csv.encode("utf-8-sig"))}
        assert (await submit(client, f"{here}/recipients", {}, form_page=here, files=files)).is_redirect
        words = {"cover_subject": "ขอเชิญส่งผลงาน", "cover_text": "ด้วยจังหวัดได้รับหนังสือ\n\nจึงเรียนมาเพื่อทราบ"}
        assert (await submit(client, f"{here}/cover", words, form_page=here)).status_code == 303
        assert (await client.get(f"{here}/draft.pdf")).content.startswith(b"%PDF")
        assert (await client.get(f"{here}/draft.png")).headers["content-type"] == "image/png"
        fields = {"number": "นธ 0017.2/ว 2565", "issued_on": "2022-06-20", "signer_post": "รองผู้ว่าราชการจังหวัด"}
        bad = await submit(client, f"{here}/passing-on", fields, form_page=here,
                           files={"signed_file": ("cover.pdf", b"PK\x03\x04 no pdf")})  # fmt: skip
        assert bad.status_code == 422
        done = await submit(client, f"{here}/passing-on", fields, form_page=here,
                            files={"signed_file": ("cover.pdf", PDF)})  # fmt: skip
        assert done.status_code == 303
        again = await client.get(here, headers=HTML)
        assert "ส่งต่อแล้ว" in again.text

        await notify.send()
        mail = mail_to(notify, "obj@n.example")
        names = [part.get_filename() for part in mail.iter_attachments()]
        assert names == ["cover-96.pdf", "circular-obt-1.pdf"]
        assert next(iter(mail.iter_attachments())).get_content() == PDF
        child = link_in(mail)
        assert (await client.get(f"{child}/cover.pdf")).content == PDF
        assert (await submit(client, child, {"receive_number": "77"})).status_code == 303

        paper = next(iter(re.findall(rf'action="({here}/links/[^"]+)"', (await client.get(here)).text)))
        shown = await submit(client, paper, {}, form_page=here)
        fresh = re.search(r"/letters/acknowledge/[A-Za-z0-9_-]{32}(?![\w/-])", shown.text)[0]
        assert "นายอำเภอ" in (await client.get(fresh, headers=HTML)).text

        sign_in(client, [Role.STAFF], contact_id="drafter")
        tree = await client.get(f"/letters/{letter_id}/cascade?format=csv")
        lines = tree.content.decode("utf-8-sig").splitlines()
        assert len(lines) == 1 + 2 + 3
        assert "นธ 0017.2/ว 2565" in tree.text
        letter = (await client.get(f"{API}/letters/{letter_id}")).json()
        assert [row["code"] for row in letter["dispatches"]] == ["10", "96"]
        book = await client.get("/letters/books/in?format=csv")
        assert [line.split(",")[0] for line in book.text.splitlines()[1:]] == ["2", "1"]
        printed = await client.get("/letters/books/in.pdf")
        assert printed.content.startswith(b"%PDF")
    async with notify.database.transaction() as session:
        rows = await repository.register.incoming(session, CONTEST_ID, "depa", 2022)
    assert [(row.number, row.source) for row in rows] == [(1, "acknowledgement"), (2, "passed_on")]


async def test_recording_the_signed_letter_names_every_fault_at_its_field(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        await dispatched(notify, client)
        here = link_in(mail_to(notify, "saraban@n.example"))
        await submit(client, here, {"receive_number": "1"})
        empty = await submit(client, f"{here}/passing-on", {}, form_page=here)
        wrong = {name: f'href="#field-{name}"' in empty.text for name in
                 ("recipients", "number", "issued_on", "signer_post", "signed_file")}  # fmt: skip
        assert (empty.status_code, wrong) == (422, dict.fromkeys(wrong, True))
        typed = {"number": "นธ 1", "issued_on": "2099-01-01", "signer_post": "รองผู้ว่าราชการจังหวัด"}
        later = await submit(client, f"{here}/passing-on", typed, form_page=here)
        assert later.status_code == 422
        assert "วันที่ของหนังสืออยู่ในอนาคต" in later.text
        assert all(f'value="{value}"' in later.text for value in typed.values())


async def test_what_a_clerk_typed_stays_after_an_error(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        await dispatched(notify, client)
        here = link_in(mail_to(notify, "saraban@n.example"))
        long = await submit(client, here, {"receive_number": "9" * 41})
        assert (long.status_code, f'value="{"9" * 41}"' in long.text) == (422, True)
        done = await submit(client, here, {"receive_number": "1"})
        assert "เลขผิด? แจ้ง" in (await client.get(done.headers["location"], headers=HTML)).text
        pasted = {"recipients": "code,post\n1,นายก\n2,=1+1"}
        wrong = await submit(client, f"{here}/recipients", pasted, form_page=here)
        assert (wrong.status_code, "1,นายก\n2,=1+1</textarea>" in wrong.text) == (422, True)
        empty = await submit(client, f"{here}/recipients", {"recipients": " "}, form_page=here)
        assert (empty.status_code, "วางรายชื่อหรือเลือกไฟล์ CSV" in empty.text) == (422, True)
        words = {"cover_subject": "", "cover_text": "เนื้อความของจังหวัด"}
        refused = await submit(client, f"{here}/cover", words, form_page=here)
        assert (refused.status_code, "เนื้อความของจังหวัด</textarea>" in refused.text) == (422, True)


async def test_bangkok_passes_nothing_on(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        await dispatched(notify, client)
        here = link_in(mail_to(notify, "saraban@bkk.example"))
        await submit(client, here, {"receive_number": "1"})
        assert 'name="district"' not in (await client.get(here, headers=HTML)).text
        answer = await client.get(f"{here}/draft.pdf")
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04" + b"\0" * 100, "CSV UTF-8"),
        ("code,post\n1,นาย".encode("cp874"), "UTF-8"),
        ("code,post\n1,นายก".encode("utf-16"), "UTF-8"),
        ("code,post,email\n1,นายก,a@b.example\n2,=1+1,\n3,,x\n4,นายก,no-address".encode(), "บรรทัด 3"),
        (b"x" * 2_000_002, "2 MB"),
        (b"name\nx", "code, post"),
    ],
)
async def test_a_faulty_list_is_refused_with_its_lines(notify: Notify, content: bytes, says: str) -> None:
    async with client_for(notify.service()) as client:
        await dispatched(notify, client)
        here = link_in(mail_to(notify, "saraban@n.example"))
        await submit(client, here, {"receive_number": "1"})
        answer = await submit(client, f"{here}/recipients", {}, form_page=here,
                              files={"file": ("list.csv", content)})  # fmt: skip
        assert (answer.status_code, says in answer.text) == (422, True)
        if "บรรทัด" in says:
            assert all(f"บรรทัด {line}" in answer.text for line in (3, 4, 5))
    async with notify.database.transaction() as session:
        assert not await repository.cascade.passings(session, CONTEST_ID, "")


async def test_offices_that_sleep_are_reminded_by_working_days(notify: Notify) -> None:
    sleepers = Sleepers(notify.clock)
    async with client_for(notify.service()) as client:
        letter_id = await dispatched(notify, client)
        planned = []
        for _ in range(24):
            notify.clock.advance(timedelta(days=1))
            planned.append(await sleepers.run(notify.database))
            assert await sleepers.run(notify.database) == 0
            await notify.send()
        # sent Monday 20 June 2022: Thursday, then every second working day, three times in all
        assert [day for day, count in enumerate(planned, 1) if count] == [3, 7, 9]
        assert {count for count in planned if count} == {2}
        mail = mail_to(notify, "saraban@n.example")
        assert "ยังไม่ได้รับเลขรับ" in mail.get_body(("plain",)).get_content()
        await submit(client, link_in(mail), {"receive_number": "1"})
        sign_in(client, [Role.STAFF], contact_id="drafter")
        page = await client.get(f"/letters/{letter_id}/cascade?view=asleep", headers=HTML)
        assert "ผู้ว่าราชการกรุงเทพมหานคร" in page.text, re.sub(r"\s*<[^>]*>\s*", " ", page.text)
        assert "ผู้ว่าราชการจังหวัดนราธิวาส" not in page.text


async def test_the_registry_stamps_what_comes_in(notify: Notify) -> None:
    async with client_for(notify.service(), [Role.STAFF], contact_id="registry") as client:
        fields = {
            "sender": "จังหวัดยะลา",
            "subject": "=HYPERLINK(1)",
            "number_text": "ยล 0017/1",
            "dated": "19/6/2565",
        }
        answer = await submit(client, "/letters/books/in", fields, files={"file": ("scan.pdf", PDF)})
        assert answer.status_code == 303
        assert (await submit(client, "/letters/books/in", {"sender": "x", "subject": ""})).status_code == 422
        late = {**fields, "dated": "2022-07-20"}
        assert (await submit(client, "/letters/books/in", late)).status_code == 422
        csv = (await client.get("/letters/books/in?format=csv")).content
        assert csv.startswith(b"\xef\xbb\xbf")
        assert "'=HYPERLINK(1)" in csv.decode("utf-8-sig")
    async with notify.database.transaction() as session:
        (row,) = await repository.register.incoming(session, CONTEST_ID, "depa", 2022)
        file = await repository.register.stored_file(session, CONTEST_ID, row.file_id)
    assert isinstance(row, Incoming)
    assert (row.number, row.received_at, file.content) == (1, notify.clock.instant, PDF)


async def test_a_clerk_opens_the_book_of_his_own_agency_and_stays_in_it(notify: Notify) -> None:
    await notify.enrol("clerk")
    async with client_for(notify.service(), [Role.CLERK], contact_id="clerk") as client:
        page = await client.get("/letters/books/out", headers=HTML)
        assert page.status_code == 200, page.text[:300]
        assert re.findall(r'<option value="([a-z]+)"', page.text) == ["narathiwat"]
        followed = await client.get("/letters/books/out?agency=narathiwat&year=2564", headers=HTML)
        tabs = re.findall(r'href="(/letters/books/(?:in|out)\?[^"]*)"', followed.text)
        assert [html.unescape(tab) for tab in tabs] == [
            "/letters/books/out?agency=narathiwat&year=2564",
            "/letters/books/in?agency=narathiwat&year=2564",
        ]
        for tab in tabs:
            opened = await client.get(html.unescape(tab), headers=HTML)
            assert opened.status_code == 200
            assert "ปี พ.ศ. 2564" in opened.text
            assert f'href="{tab}" aria-current="page"' in opened.text
        assert (await client.get("/letters/books/in?agency=depa", headers=HTML)).status_code == 403
        sign_in(client, [Role.CLERK], contact_id="nobody")
        assert (await client.get("/letters/books/out", headers=HTML)).status_code == 403
        sign_in(client, [Role.STAFF], contact_id="drafter")
        page = await client.get("/letters/books/out", headers=HTML)
        assert re.findall(r'<option value="([a-z]+)"( selected)?', page.text) == [
            ("depa", " selected"),
            ("narathiwat", ""),
        ]
