"""The print queue: what waits in it, its labels, and what follows when a letter was posted."""

import asyncio
import re
from asyncio.subprocess import PIPE
from datetime import timedelta
from io import BytesIO
from typing import Any

import httpx
import pypdf
import pytest
from sqlmodel import select

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import Addressee, DispatchState
from services.notify.domain.notices import NoticeState
from services.notify.handlers import review
from services.notify.handlers.bounces import take_report
from services.notify.handlers.delivery import undelivered
from services.notify.handlers.rendering import addressee_of
from services.notify.handlers.sleepers import Sleepers
from services.notify.mail.transport import Refused
from services.notify.tables import Dispatch, Notice
from shared.contracts.intake import Role
from shared.errors import Conflict
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import client_for, csrf_of, sign_in
from shared.web import csrf
from tests.component.notify.notify_kit import Notify, a_code, a_contact, an_entry
from tests.component.notify.test_cascade import API, dispatched
from tests.component.notify.test_composing import results
from tests.component.notify.test_delivery import REPORT

OFFICES = """code,place,post,email
96,จังหวัดนราธิวาส,ผู้ว่าราชการจังหวัดนราธิวาส,{0}
95,จังหวัดยะลา,ผู้ว่าราชการจังหวัดยะลา,
"""
ONE_BY_MAIL, ALL_BY_POST = OFFICES.format("a@n.example"), OFFICES.format("")


async def _staff(client: httpx.AsyncClient) -> dict[str, str]:
    """Signed in as staff; the hidden field of the queue's form."""
    sign_in(client, [Role.STAFF], contact_id="poster")
    return {csrf.FIELD: csrf_of(await client.get("/letters/print"))}


async def _letter(client: httpx.AsyncClient, letter_id: str) -> tuple[str, list[str], list[str]]:
    """Its state, those of its addressees, and its steps."""
    found = (await client.get(f"{API}/letters/{letter_id}")).json()
    return (
        found["state"],
        [row["state"] for row in found["dispatches"]],
        [step["step"] for step in found["steps"]],
    )


async def _rows(notify: Notify) -> list[Dispatch]:
    async with notify.database.transaction() as session:
        return list((await session.exec(select(Dispatch).order_by(Dispatch.code))).all())


async def words_of_pdf(pdf: bytes) -> str:
    """What a PDF says, without its spaces."""
    read = await asyncio.create_subprocess_exec("pdftotext", "-raw", "-", "-", stdin=PIPE, stdout=PIPE)
    said, _ = await read.communicate(pdf)
    return re.sub(r"\s", "", said.decode())


async def test_what_goes_by_post_waits_in_the_print_queue_with_labels(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter_id = await dispatched(notify, client, recipients=ONE_BY_MAIL)
        form: dict[str, Any] = await _staff(client)
        page = await client.get("/letters/print")
        assert "ผู้ว่าราชการจังหวัดยะลา" in page.text
        assert "ผู้ว่าราชการจังหวัดนราธิวาส" not in page.text
        labels = await client.get("/letters/print/labels.pdf")
        assert len(pypdf.PdfReader(BytesIO(labels.content)).pages) == 1
        (waiting,) = [row for row in await _rows(notify) if row.state == DispatchState.PRINT]
        sheet = await client.get(f"/letters/print/{waiting.dispatch_id}.pdf")
        assert "ผู้ว่าราชการจังหวัดยะลา" in await words_of_pdf(sheet.content)
        refused = await client.post("/letters/print?lang=en", data=form)
        assert (refused.status_code, "Choose the addressees" in refused.text) == (422, True)
        form["dispatch"] = waiting.dispatch_id
        assert (await client.post("/letters/print", data=form)).status_code == 303
        assert (await client.post("/letters/print", data=form)).status_code == 409
        assert "Nothing waits" in (await client.get("/letters/print?lang=en")).text
        assert (await client.get("/letters/print/labels.pdf")).status_code == 409
        assert (await _letter(client, letter_id))[:2] == ("dispatched", ["sent", "sent"])


async def test_each_label_names_the_agency_that_sends_the_letter(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        await dispatched(notify, client, recipients=ALL_BY_POST)
        await dispatched(notify, client, "cover-narathiwat", ALL_BY_POST)
        await _staff(client)
        said = await words_of_pdf((await client.get("/letters/print/labels.pdf")).content)
    names = [contest_files(CONTEST_ID).profile(agency).name for agency in ("depa", "narathiwat")]
    assert [said.count(re.sub(r"\s", "", f"ส่งจาก {name}")) for name in names] == [2, 2]


async def test_a_letter_that_came_back_and_was_posted_is_no_mail_any_more(notify: Notify) -> None:
    for address in ("saraban@n.example", "saraban@bkk.example"):
        notify.transport.refuse[address] = Refused("550 unknown", address_dead=True)
    async with client_for(notify.service()) as client:
        letter_id = await dispatched(notify, client)
        form: dict[str, Any] = await _staff(client)
        assert (await _letter(client, letter_id))[:2] == ("bounced", ["failed", "failed"])
        assert (await client.post(f"{API}/letters/{letter_id}/dispatch")).status_code == 200
        assert (await _letter(client, letter_id))[:2] == ("dispatched", ["print", "print"])
        await _no_mail_is_sent_again(notify)
        form["dispatch"] = [row.dispatch_id for row in await _rows(notify)]
        assert (await client.post("/letters/print", data=form)).status_code == 303
        assert [row.posted_at for row in await _rows(notify)] == [notify.clock.instant] * 2
        assert {notice.handled_by for notice in await notify.notices()} == {"poster"}
        await _no_mail_is_sent_again(notify)
        for days in (60, 60):
            notify.clock.advance(timedelta(days=days))
            assert await Sleepers(notify.clock).run(notify.database) == 0
        await _comes_back(notify)
        assert (await _letter(client, letter_id))[:2] == ("dispatched", ["sent", "sent"])
        assert {notice.handled_by for notice in await notify.notices()} == {"poster"}
        async with notify.database.transaction() as session:
            assert await repository.notices.failed(session, CONTEST_ID) == []


@pytest.mark.parametrize("status", ["5.1.1", "4.2.2"])
async def test_a_mail_that_comes_back_after_the_letter_was_posted_asks_nobody_to_telephone(
    notify: Notify, status: str
) -> None:
    async with client_for(notify.service()) as client:
        letter_id = await dispatched(notify, client)
        await _staff(client)
        async with notify.database.transaction() as session:
            for row in (await session.exec(select(Dispatch))).all():
                row.posted_at = notify.clock.instant
        for notice in await notify.notices():
            report = REPORT.format(
                to="bounces@showcase.example",
                recipient="saraban@n.example",
                message_id=notice.message_id,
                status=status,
                words="no mailbox",
                action="failed",
            )
            verdict = await take_report(notify.database, notify.clock, notify.keys, [], report.encode())
            assert verdict == ("hard" if status.startswith("5") else "soft")
        assert {row.state for row in await notify.notices()} == {"bounced"}
        async with notify.database.transaction() as session:
            assert await repository.notices.failed(session, CONTEST_ID) == []
        notice_id = (await notify.notices())[0].notice_id
        page = await client.get(f"/notices/{notice_id}?lang=en")
        assert "posted instead" in page.text
        assert "I telephoned" not in page.text
        assert (await _letter(client, letter_id))[1] == ["sent", "sent"]


async def _no_mail_is_sent_again(notify: Notify) -> None:
    for notice in await notify.notices():
        async with notify.database.transaction() as session:
            with pytest.raises(Conflict, match="by post instead"):
                await review.retry(session, notify.clock, notice, "staff")


async def _comes_back(notify: Notify) -> None:
    """Reports on every mail that was tried, late."""
    async with notify.database.transaction() as session:
        for notice in (await session.exec(select(Notice))).all():
            await undelivered(
                session, notice, NoticeState.BOUNCED, "late", notify.clock.instant, permanent=True
            )


async def test_only_the_contests_own_addressees_are_printed_and_posted(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter_id = await dispatched(notify, client, recipients=ALL_BY_POST)
        form: dict[str, Any] = await _staff(client)
        own = (await _rows(notify))[0]
        strangers = {"other": {"contest_id": "other"}, "child": {"parent_id": own.dispatch_id}}
        async with notify.database.transaction() as session:
            for name, changes in strangers.items():
                session.add(Dispatch(**{**own.model_dump(), "dispatch_id": name, **changes}))
        for name in strangers:
            assert (await client.get(f"/letters/print/{name}.pdf")).status_code == 404
            form["dispatch"] = [own.dispatch_id, name]
            assert (await client.post("/letters/print", data=form)).status_code == 404
        assert (await _letter(client, letter_id))[1] == ["print", "print"]


def test_a_copy_further_down_the_cascade_names_nobody() -> None:
    row = {"contest_id": CONTEST_ID, "dispatch_id": "1", "letter_id": "1", "state": "print"}
    office = {"code": "9601", "place": "อำเภอตัวอย่าง", "post": "นายอำเภอตัวอย่าง"}
    assert addressee_of(Dispatch(**row, **office)) == Addressee(**office)
    assert addressee_of(Dispatch(**row, **office, parent_id="above")) is None


async def test_the_copy_for_the_file_names_the_one_addressee_of_a_letter(notify: Notify) -> None:
    await notify.consume(a_contact("winner-1", position=""))
    await notify.consume(an_entry("entry-1", "winner-1"))
    await notify.consume(results())
    async with client_for(notify.service()) as client:
        sign_in(client, [Role.STAFF], contact_id="drafter")
        each = {"template": "letter-winner"}
        letter_id = (await client.post(f"{API}/contests/{CONTEST_ID}/letters/each", json=each)).json()[0][
            "letter_id"
        ]
        drafted = await words_of_pdf((await client.get(f"{API}/letters/{letter_id}.pdf")).content)
        await client.post(f"{API}/letters/{letter_id}/review")
        sign_in(client, [Role.APPROVER], contact_id="approver")
        for step, body in (("approval", None), ("signing", {"code": a_code()}), ("dispatch", None)):
            assert (await client.post(f"{API}/letters/{letter_id}/{step}", json=body)).status_code == 200
        kept = (await client.get(f"{API}/letters/{letter_id}.pdf")).content
        (row,) = await _rows(notify)
        sent = (await client.get(f"/letters/print/{row.dispatch_id}.pdf")).content
        circular = await dispatched(notify, client, recipients=ALL_BY_POST.splitlines()[0] + "\n96,ก,ข,\n")
        sign_in(client, [Role.STAFF], contact_id="drafter")
        to_all = await words_of_pdf((await client.get(f"{API}/letters/{circular}.pdf")).content)
    assert kept == sent, "the file has what the addressee has"
    for said in (drafted, await words_of_pdf(kept)):
        assert "นายกเทศมนตรีนครตัวอย่าง" in said
        assert "หัวหน้าหน่วยงานที่ได้รับรางวัล" not in said
    assert "ผู้ว่าราชการจังหวัดทุกจังหวัด" in to_all, "a circular is one text for all"
