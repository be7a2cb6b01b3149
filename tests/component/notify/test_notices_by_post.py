"""Notices on paper: whom mail did not reach, one label for each, and that they were posted."""

import io

import pypdf

from services.notify import repository
from services.notify.mail.transport import Refused
from shared.contracts.intake import Role
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import client_for, sign_in, submit
from tests.component.notify.notify_kit import Notify, a_contact, an_entry
from tests.component.notify.test_posting import words_of_pdf

HERE = "/notices/print"


async def _two_unreached(notify: Notify) -> None:
    """Two applicants whose mails are refused, one of them twice, and one who is reached."""
    people = {
        "far": {"name": "", "position": "", "organisation": "เทศบาลนครตัวอย่าง", "province_code": "96"},
        "odd": {"name": "ชื่อ 😀 ตัวอย่าง", "position": "นายกเทศมนตรี", "organisation": "เทศบาลเมืองตัวอย่าง"},
        "near": {},
    }
    for name, changes in people.items():
        await notify.consume(a_contact(name, **changes))
        await notify.consume(an_entry(f"entry-{name}", name))
        if name != "near":
            notify.transport.refuse[f"{name}@office.example"] = Refused("550 unknown")
    await notify.consume(an_entry("entry-second", "far", reference="SC65-0002"))
    await notify.send()


async def test_whom_no_mail_reached_waits_with_one_label_each_until_posted(notify: Notify) -> None:
    await _two_unreached(notify)
    async with client_for(notify.service()) as client:
        sign_in(client, [Role.STAFF], contact_id="poster")
        page = (await client.get(HERE)).text
        assert [page.count(f'value="{name}"') for name in ("far", "odd", "near")] == [1, 1, 0]
        labels = await client.get(f"{HERE}/labels.pdf")
        said = await words_of_pdf(labels.content)
        assert len(pypdf.PdfReader(io.BytesIO(labels.content)).pages) == 1
        assert said.count("ส่งจาก") == 2
        assert "เรียนเทศบาลนครตัวอย่างจังหวัดนราธิวาส" in said
        assert "เรียนนายกเทศมนตรีเทศบาลเมืองตัวอย่าง" in said
        nobody = await submit(client, f"{HERE}?lang=en", {}, form_page=HERE)
        assert (nobody.status_code, "Choose whom" in nobody.text) == (422, True)
        assert (await submit(client, HERE, {"contact": ["far", "near"]})).status_code == 409
        assert (await submit(client, HERE, {"contact": ["far", "odd"]})).status_code == 303
        assert (await client.get(f"{HERE}/labels.pdf")).status_code == 409
        assert "No notice waits" in (await client.get(f"{HERE}?lang=en")).text
    async with notify.database.transaction() as session:
        assert await repository.notices.failed(session, CONTEST_ID) == []
    posted = [row for row in await notify.notices() if row.contact_id in ("far", "odd")]
    assert {row.handled_by for row in posted} == {"poster"}
    assert len(posted) >= 3
