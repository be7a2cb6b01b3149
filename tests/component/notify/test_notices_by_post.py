"""Notices on paper: whom mail did not reach, one label for each, and that they were posted."""

import io
import re
from datetime import timedelta

import pypdf
import pytest

from services.notify import repository
from services.notify.domain.notices import NoticeState
from services.notify.handlers import notices_by_post
from services.notify.mail.transport import Refused
from shared.contracts.intake import Role
from shared.contracts.notify import Channel
from shared.errors import Conflict
from shared.testing.rulebooks import CONTEST_ID, OPENING
from shared.testing.web import client_for, sign_in, submit
from tests.component.notify.notify_kit import Notify, a_contact, an_entry
from tests.component.notify.test_posting import words_of_pdf

HERE = "/notices/print"


async def _two_unreached(notify: Notify) -> None:
    """Two applicants whose mails are refused, one of them twice, and one who is reached. One gave a province
    that is none before such codes were refused."""
    people = {
        "far": {"name": "", "position": "", "organisation": "เทศบาลนครตัวอย่าง", "province_code": "96"},
        "odd": {
            "name": "ชื่อ 😀 ตัวอย่าง",
            "position": "นายกเทศมนตรี",
            "organisation": "เทศบาลเมืองตัวอย่าง",
            "province_code": "99",
        },
        "near": {},
    }
    for name, changes in people.items():
        await notify.consume(a_contact(name, **changes))
        await notify.consume(an_entry(f"entry-{name}", name))
        if name != "near":
            notify.transport.refuse[f"{name}@office.example"] = Refused("550 unknown")
    await notify.consume(an_entry("entry-second", "far", reference="SC65-0002"))
    await notify.send()


async def _waiting(notify: Notify) -> dict[str, str]:
    """Person → the value of the box on the page."""
    async with notify.database.transaction() as session:
        people = await notices_by_post.queue(session, CONTEST_ID)
        return {one.contact.contact_id: one.notice_ids for one in people}


async def test_whom_no_mail_reached_waits_with_one_label_each_until_posted(notify: Notify) -> None:
    await _two_unreached(notify)
    boxes = await _waiting(notify)
    assert {person: len(ids.split()) for person, ids in boxes.items()} == {"far": 2, "odd": 1}
    (reached,) = [row.notice_id for row in await notify.notices() if row.contact_id == "near"]
    async with client_for(notify.service()) as client:
        sign_in(client, [Role.STAFF], contact_id="poster")
        page = (await client.get(HERE)).text
        assert [page.count(f'value="{ids}"') for ids in boxes.values()] == [1, 1]
        assert reached not in page
        labels = await client.get(f"{HERE}/labels.pdf")
        said = await words_of_pdf(labels.content)
        assert len(pypdf.PdfReader(io.BytesIO(labels.content)).pages) == 1
        assert said.count("ส่งจาก") == 2
        assert "เรียนเทศบาลนครตัวอย่างจังหวัดนราธิวาส" in said
        assert "เรียนนายกเทศมนตรีเทศบาลเมืองตัวอย่าง" in said
        nobody = await submit(client, f"{HERE}?lang=en", {}, form_page=HERE)
        assert (nobody.status_code, "Choose whom" in nobody.text) == (422, True)
        assert (await submit(client, HERE, {"notice": [boxes["far"], reached]})).status_code == 409
        assert await _waiting(notify) == boxes
        assert (await submit(client, HERE, {"notice": list(boxes.values())})).status_code == 303
        assert (await client.get(f"{HERE}/labels.pdf")).status_code == 409
        assert "No notice waits" in (await client.get(f"{HERE}?lang=en")).text
    async with notify.database.transaction() as session:
        assert await repository.notices.failed(session, CONTEST_ID) == []
    posted = [row for row in await notify.notices() if row.contact_id in ("far", "odd")]
    assert [row.handled_by for row in posted] == ["poster"] * 3


async def test_what_fails_after_the_page_was_shown_is_not_noted_as_posted(notify: Notify) -> None:
    await _two_unreached(notify)
    shown = (await _waiting(notify))["far"]
    await notify.consume(an_entry("entry-third", "far", reference="SC65-0003"))
    await notify.send()
    async with client_for(notify.service(), [Role.STAFF], contact_id="poster") as client:
        assert (await submit(client, HERE, {"notice": shown})).status_code == 303
    (later,) = (await _waiting(notify))["far"].split()
    assert later not in shown.split()


async def test_of_two_who_post_the_same_one_is_told_to_reload(notify: Notify) -> None:
    await _two_unreached(notify)
    ids = (await _waiting(notify))["far"].split()

    async def post(by: str) -> int:
        async with notify.database.transaction() as session:
            await notices_by_post.queue(session, CONTEST_ID)
            return await notices_by_post.mark_posted(session, notify.clock, CONTEST_ID, ids, by)

    async with notify.database.transaction() as session:
        await notices_by_post.queue(session, CONTEST_ID)
        assert await post("first") == 2
        with pytest.raises(Conflict):
            await notices_by_post.mark_posted(session, notify.clock, CONTEST_ID, ids, "second")
    handled = [row.handled_by for row in await notify.notices() if row.notice_id in ids]
    assert handled == ["first", "first"]


async def test_what_is_sent_again_meanwhile_is_not_noted_as_posted(notify: Notify) -> None:
    await _two_unreached(notify)
    (notice_id,) = (await _waiting(notify))["odd"].split()
    async with notify.database.transaction() as mine:
        await notices_by_post.queue(mine, CONTEST_ID)
        async with notify.database.transaction() as theirs:
            row = await repository.notices.notice(theirs, CONTEST_ID, notice_id, lock=True)
            await repository.notices.retry(theirs, row)
        with pytest.raises(Conflict):
            await notices_by_post.mark_posted(mine, notify.clock, CONTEST_ID, [notice_id], "poster")
    (row,) = [row for row in await notify.notices() if row.notice_id == notice_id]
    assert (row.state, row.handled_by) == (NoticeState.BUILT, "")


async def test_letters_and_webhooks_take_no_place_in_the_queue(notify: Notify) -> None:
    await _two_unreached(notify)
    async with notify.database.transaction() as session:
        for recipient, channel in (("dispatch:1", Channel.EMAIL), ("hook", Channel.WEBHOOK)):
            await repository.notices.plan(
                session,
                contest_id=CONTEST_ID,
                event_id=recipient,
                recipient=recipient,
                template="letter",
                facts={},
                now=OPENING - timedelta(days=1),
                contact_id="far",
                channel=channel,
                state=NoticeState.FAILED,
            )
        assert len(await repository.notices.failed(session, CONTEST_ID)) == 5
        found = await repository.unreached.oldest(session, CONTEST_ID, limit=3)
    assert sorted(row.contact_id or "" for row in found) == ["far", "far", "odd"]


async def test_the_page_keeps_its_contest_and_says_how_much_waits_for_review(notify: Notify) -> None:
    await _two_unreached(notify)
    async with notify.database.transaction() as session:
        await repository.notices.plan(
            session,
            contest_id=CONTEST_ID,
            event_id="open",
            recipient="near",
            template="decision",
            facts={},
            now=OPENING,
            state=NoticeState.REVIEW,
        )
    async with client_for(notify.service(), [Role.STAFF]) as client:
        page = (await client.get(f"{HERE}?contest={CONTEST_ID}")).text
        labels, form, tab = (
            f'href="{HERE}/labels.pdf?contest={CONTEST_ID}"',
            f'action="{HERE}?contest={CONTEST_ID}"',
            re.search(r'href="/notices/review"[^<]*(?:<[^/][^>]*>[^<]*)*1', page),
        )
        assert [labels in page, form in page, bool(tab)] == [True, True, True]
        box = {"notice": (await _waiting(notify))["odd"]}
        back = await submit(client, f"{HERE}?contest={CONTEST_ID}", box)
        assert back.headers["location"].startswith(f"{HERE}?contest={CONTEST_ID}")


async def test_a_person_of_whom_only_the_address_is_known_has_a_label_with_it(notify: Notify) -> None:
    await notify.consume(a_contact("bare", name="", position="", organisation=""))
    await notify.consume(an_entry("entry-bare", "bare"))
    notify.transport.refuse["bare@office.example"] = Refused("550 unknown")
    await notify.send()
    async with client_for(notify.service(), [Role.STAFF]) as client:
        said = await words_of_pdf((await client.get(f"{HERE}/labels.pdf")).content)
    assert "เรียนbare@office.example" in said
