"""Letters from draft to acknowledgement, over the JSON API and on a real PostgreSQL."""

import asyncio
import hashlib
import re
from datetime import date
from email import message_from_bytes
from email.policy import default as modern
from typing import Any

import httpx
import pytest

from services.notify.handlers import approving, drafting, letters
from services.notify.register_tables import Incoming
from services.notify.tables import Letter
from shared.contracts.ids import new_id
from shared.contracts.intake import Role
from shared.messaging.tables import OUTBOX
from shared.testing.rulebooks import CONTEST_ID, OPENING
from shared.testing.web import client_for, sign_in, submit
from tests.component.notify.notify_kit import Notify, a_code

API = "/api/notify/v1"
THREE = """code,place,post,email,place_en
96,จังหวัดนราธิวาส,ผู้ว่าราชการจังหวัดนราธิวาส,a@n.example,
95,จังหวัดยะลา,ผู้ว่าราชการจังหวัดยะลา,b@y.example,
94,จังหวัดปัตตานี,ผู้ว่าราชการจังหวัดปัตตานี,,
"""


async def _draft(
    client: httpx.AsyncClient, template: str = "circular-governors", **body: Any
) -> dict[str, Any]:
    sign_in(client, [Role.STAFF], contact_id="drafter")
    answer = await client.post(f"{API}/contests/{CONTEST_ID}/letters", json={"template": template, **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _step(client: httpx.AsyncClient, letter_id: str, step: str, **body: Any) -> dict[str, Any]:
    if step == "approval":
        sign_in(client, [Role.STAFF], contact_id="drafter")
        assert (await client.post(f"{API}/letters/{letter_id}/review")).status_code == 200
    elif step == "signing":
        body = {"code": a_code()}
    sign_in(client, [Role.APPROVER], contact_id="approver")
    answer = await client.post(f"{API}/letters/{letter_id}/{step}", json=body or None)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _signed(
    client: httpx.AsyncClient, template: str = "circular-governors", **body: Any
) -> dict[str, Any]:
    letter = await _draft(client, template, **body)
    await _step(client, letter["letter_id"], "approval")
    return await _step(client, letter["letter_id"], "signing")


async def test_circular_one_number_and_a_dispatch_for_each(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter = await _signed(client, recipients_csv=THREE)
        assert (letter["number"], letter["state"], letter["recipients"]) == ("สศด. 0301/ว 01461", "signed", 3)
        letter = await _step(client, letter["letter_id"], "dispatch")
        assert [row["state"] for row in letter["dispatches"]] == ["print", "ready", "ready"]
        await notify.send()
        assert sorted(to for to, _ in notify.transport.sent) == ["a@n.example", "b@y.example"]
        mail = message_from_bytes(notify.transport.sent[0][1], policy=modern)
        assert [part.get_content_type() for part in mail.iter_attachments()] == ["application/pdf"]
        token = re.search(r"/letters/acknowledge/(\S+)", mail.get_body(("plain",)).get_content())[1]
        client.cookies.clear()
        path = f"{API}/letters/{letter['letter_id']}/acknowledgements"
        answer = await client.post(path, json={"token": token, "receive_number": "๑๒๓/๒๕๖๕"})
        assert (answer.status_code, answer.json()["state"]) == (200, "acknowledged")
        again = await client.post(path, json={"token": token, "receive_number": "9"})
        assert again.status_code == 409
        assert (await client.post(path, json={"token": "x" * 32, "receive_number": "9"})).status_code == 404
        assert (await client.post(path, json={"receive_number": "9"})).status_code == 401
    async with notify.database.transaction() as session:
        types = [row.headers["ce_type"].split(".")[2] for row in await session.execute(OUTBOX.select())]
    assert types == ["LetterIssued", "NoticeSent", "NoticeSent", "LetterAcknowledged"]


async def test_whoever_drafted_a_letter_cannot_approve_or_sign_it(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter = await _draft(client)
        await notify.enrol("drafter", "another")
        sign_in(client, [Role.STAFF, Role.APPROVER], contact_id="drafter")
        early = await client.post(f"{API}/letters/{letter['letter_id']}/approval")
        assert early.status_code == 409
        assert (await client.post(f"{API}/letters/{letter['letter_id']}/review")).status_code == 200
        refused = await client.post(f"{API}/letters/{letter['letter_id']}/approval")
        assert refused.status_code == 403
        sign_in(client, [Role.APPROVER], contact_id="approver")
        assert (await client.post(f"{API}/letters/{letter['letter_id']}/approval")).status_code == 200
        signing = f"{API}/letters/{letter['letter_id']}/signing"
        for roles, who in (([Role.STAFF, Role.APPROVER], "drafter"), ([Role.STAFF], "another")):
            sign_in(client, roles, contact_id=who)
            assert (await client.post(signing, json={"code": a_code()})).status_code == 403
        sign_in(client, [Role.CLERK], contact_id="another")  # an officer of another agency
        assert (await client.post(signing, json={"code": a_code()})).status_code == 403


async def test_lists_are_filtered_by_codes_whatever_the_language(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter = await _signed(client, recipients_csv=THREE)
        await _step(client, letter["letter_id"], "dispatch")
        address = f"/letters/{letter['letter_id']}"
        for language in ("th", "en"):
            rows = (await client.get(f"{address}?lang={language}&state=print&format=csv")).text.splitlines()
            assert [row.partition(",")[0] for row in rows[1:]] == ["ผู้ว่าราชการจังหวัดปัตตานี"]
            books = (await client.get(f"/letters?lang={language}&state=dispatched&format=csv")).text
            assert len(books.splitlines()) == 2
        assert "2 offices" not in (await client.get(f"{address}?lang=en")).text
        assert "3 offices" in (await client.get(f"{address}?lang=en")).text


async def test_changing_an_approved_letter_says_that_it_is_a_draft_again(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter = await _draft(client, recipients_csv=THREE)
        await _step(client, letter["letter_id"], "approval")
        address = f"/letters/{letter['letter_id']}"
        page = await client.get(f"{address}?lang=en")
        assert "it has to be reviewed and approved anew" in page.text
        sign_in(client, [Role.STAFF], contact_id="drafter")
        answer = await submit(client, f"{address}/edit", {"subject": "เรื่องใหม่"}, form_page=address)
        assert answer.status_code == 303
        shown = await client.get(f"{address}?lang=en")
        assert "It is a draft again, to be reviewed and approved anew." in shown.text
        assert "no number yet" in (await client.get("/letters?lang=en")).text


async def test_an_approved_letter_that_is_saved_as_it_is_stays_approved(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter = await _draft(client, recipients_csv=THREE)
        path = f"{API}/letters/{letter['letter_id']}"
        approved = await _step(client, letter["letter_id"], "approval")
        sign_in(client, [Role.STAFF], contact_id="drafter")
        address = f"/letters/{letter['letter_id']}"
        async with notify.database.transaction() as session:
            content = (await session.get(Letter, (CONTEST_ID, letter["letter_id"]))).content
        as_it_is = {
            "subject": content["subject"],
            "paragraphs": "\r\n\r\n".join(content["paragraphs"]),
            "recipients": THREE,
        }
        saved = await submit(client, f"{address}/edit", as_it_is, form_page=address)
        assert saved.is_redirect
        assert "หนังสือยังอยู่ในสถานะเดิม" in (await client.get(address)).text
        assert (await client.get(path)).json() == approved
        fewer = {"recipients": "\n".join(THREE.splitlines()[:3])}
        await submit(client, f"{address}/edit", fewer, form_page=address)
        assert (await client.get(path)).json()["state"] == "draft"


async def test_english_pages_call_agencies_and_urgency_in_english(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter = await _signed(client, recipients_csv=THREE)
        sign_in(client, [Role.STAFF], contact_id="drafter")
        address = f"/letters/{letter['letter_id']}"
        await submit(client, f"{address}/publication", {}, form_page=address)
        for page in ("/documents", "/letters/new", "/letters/agencies/depa", "/letters/books/out", address):
            main = (await client.get(f"{page}?lang=en")).text.partition("<main")[2].partition("</main>")[0]
            assert "Digital Economy Promotion Agency" in main, page
        made = (await client.get("/letters/new?lang=en")).text
        assert ("Most urgent" in made, "ด่วนที่สุด" in made) == (True, False)
        assert "เข้าคิวเมื่อส่งออก" in (await client.get("/letters/print?lang=th")).text


def _way(page: str) -> list[tuple[str, str]]:
    """The steps that a letter's page shows, each as past, here or to come."""
    steps = page.partition('<ol class="letter-way"')[2].partition("</ol>")[0]
    return re.findall(r'<li class="(\w*)"[^>]*>([^<]+)', steps)


async def test_a_step_that_is_done_is_ticked_and_the_next_one_is_here(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter = await _draft(client, recipients_csv=THREE)
        address = f"/letters/{letter['letter_id']}?lang=en"
        assert [state for state, _ in _way((await client.get(address)).text)][:2] == ["here", ""]
        await _step(client, letter["letter_id"], "approval")
        done, after = ["past"] * 3, ["here", "", ""]
        names = ["Draft", "Review", "Approved", "Signed", "Sent", "Received"]
        shown = _way((await client.get(address)).text)
        assert shown == list(zip([*done, *after], names, strict=True))


@pytest.mark.parametrize("word", ["ยกเลิก", "VOID"])
async def test_a_letter_is_voided_by_the_word_of_either_language(notify: Notify, word: str) -> None:
    async with client_for(notify.service()) as client:
        letter = await _draft(client, recipients_csv=THREE)
        address = f"/letters/{letter['letter_id']}"
        assert "พิมพ์ “ยกเลิก” เพื่อยืนยัน" in (await client.get(address)).text
        wrong = {"confirm": "void it", "reason": "ทดสอบ"}
        assert (await submit(client, f"{address}/void", wrong, form_page=address)).status_code == 422
        body = {"confirm": word, "reason": "ทดสอบ"}
        assert (await submit(client, f"{address}/void", body, form_page=address)).is_redirect


async def test_a_reference_is_looked_up_in_both_books_until_the_letter_is_signed(notify: Notify) -> None:
    numbers = {"known": "ยล ๐๐๑๗/๑", "unknown": "ยล ๐๐๑๗/๙๙"}
    async with notify.database.transaction() as session:
        session.add(
            Incoming(
                contest_id=CONTEST_ID,
                incoming_id="in-1",
                agency="depa",
                year=2022,
                number=1,
                received_at=OPENING,
                source="manual",
                number_text="ยล 0017/1",
                dated=date(2022, 6, 19),
                sender="จังหวัดยะลา",
                addressee="depa",
                subject="x",
                by="registry",
            )
        )
    async with client_for(notify.service()) as client:
        references = [f"หนังสือจังหวัดยะลา ที่ {number} ลงวันที่ ๑๙ มิถุนายน ๒๕๖๕" for number in numbers.values()]
        letter = await _draft(client, recipients_csv=THREE, references=references)
        approved = await _step(client, letter["letter_id"], "approval")
        signed = await _step(client, letter["letter_id"], "signing")
    for found in (letter, approved):
        (finding,) = [one["en"] for one in found["findings"] if "neither book" in one["en"]]
        assert numbers["unknown"] in finding
    assert signed["findings"] == []


async def test_a_letter_that_changes_while_it_is_approved_is_refused(
    notify: Notify, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_over = approving._looked_over
    async with client_for(notify.service()) as client:
        letter = await _draft(client, recipients_csv=THREE)
        path = f"{API}/letters/{letter['letter_id']}"
        await client.post(f"{path}/review")

        async def change() -> None:
            async with notify.database.transaction() as session:
                changed = {"overrides": {"subject": "เรื่องใหม่"}}
                await drafting.edit_letter(session, notify.clock, letter["letter_id"], "drafter", **changed)
                await letters.submit_letter(session, notify.clock, letter["letter_id"], "drafter")

        loop = asyncio.get_running_loop()

        def while_nothing_is_locked(*given: Any) -> Any:
            asyncio.run_coroutine_threadsafe(change(), loop).result(timeout=20)
            return look_over(*given)

        monkeypatch.setattr(approving, "_looked_over", while_nothing_is_locked)
        sign_in(client, [Role.APPROVER], contact_id="approver")
        answer = await client.post(f"{path}/approval")
        assert answer.status_code == 409
        assert "changed while you approved" in answer.json()["detail"]
        assert (await client.get(path)).json()["state"] == "review"
        monkeypatch.undo()
        approved = (await client.post(f"{path}/approval")).json()
    assert (approved["state"], approved["subject"]) == ("approved", "เรื่องใหม่")


async def test_signed_pdf_is_the_same_however_often_it_is_made(notify: Notify) -> None:
    from services.notify.handlers.rendering import render_letter

    async with client_for(notify.service()) as client:
        letter = await _signed(client, recipients_csv=THREE)
        pdf = (await client.get(f"{API}/letters/{letter['letter_id']}.pdf")).content
    assert hashlib.sha256(pdf).hexdigest() == letter["sha256"]
    async with notify.database.transaction() as session:
        row = await session.get(Letter, (CONTEST_ID, letter["letter_id"]))
    assert (await render_letter(row)).pdf == pdf


async def test_cover_letter_encloses_the_signed_circular(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        sign_in(client, [Role.STAFF], contact_id="drafter")
        early = await client.post(
            f"{API}/contests/{CONTEST_ID}/letters", json={"template": "cover-narathiwat"}
        )
        assert early.status_code == 409
        circular = await _signed(client, recipients_csv=THREE)
        cover = await _signed(client, "cover-narathiwat")
        assert (cover["number"], cover["parent_id"]) == ("นธ 0017.2/ว 2565", circular["letter_id"])
        assert cover["recipients"] == 28


async def test_numbers_are_gap_free_when_many_sign_at_once_and_void_keeps_its_number(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        first = await _draft(client, recipients_csv=THREE)
        await _step(client, first["letter_id"], "approval")
        ids = [first["letter_id"], *(await _copies(notify, first["letter_id"], 11))]
        await asyncio.gather(*(_step(client, letter_id, "signing") for letter_id in ids[:6]))
        voided = await _step(client, ids[0], "void", reason="ทดสอบ")
        assert voided["state"] == "void"
        await asyncio.gather(*(_step(client, letter_id, "signing") for letter_id in ids[6:]))
    async with notify.database.transaction() as session:
        rows = [await session.get(Letter, (CONTEST_ID, letter_id)) for letter_id in ids]
    assert sorted(row.number for row in rows) == list(range(1461, 1473))


async def _copies(notify: Notify, letter_id: str, count: int) -> list[str]:
    """Approved letters like the given one."""
    async with notify.database.transaction() as session:
        fields = (await session.get(Letter, (CONTEST_ID, letter_id))).model_dump()
        copies = [Letter(**{**fields, "letter_id": new_id()}) for _ in range(count)]
        session.add_all(copies)
    return [copy.letter_id for copy in copies]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"template": "no-such"}, "template"),
        ({"template": "circular-governors", "paragraphs": ["เรียน {to.post} โปรดทราบ"]}, "paragraphs"),
        ({"template": "circular-governors", "recipients_csv": "code,post\n1,\n"}, "recipients"),
    ],
)
async def test_drafts_that_cannot_be_are_refused(notify: Notify, body: dict[str, Any], field: str) -> None:
    async with client_for(notify.service(), [Role.STAFF]) as client:
        answer = await client.post(f"{API}/contests/{CONTEST_ID}/letters", json=body)
    assert answer.status_code in (404, 422)
    assert [error["field"] for error in answer.json()["errors"]] == [field]
