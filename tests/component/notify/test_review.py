"""Review, digests, reminders and their end, webhooks: each through the running service."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
import standardwebhooks
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.notify import repository
from services.notify.channels.line import LineSender
from services.notify.channels.sms import LONGEST, SmsSender
from services.notify.domain.delivery import Result
from services.notify.handlers import review, webhooks
from services.notify.handlers.digests import Digests
from services.notify.handlers.reminders import Reminders
from shared.clock import FixedClock
from shared.contracts.event import LocalizedText
from shared.contracts.ids import ContactId, ContestId, EntryId
from shared.contracts.intake import (
    Attendance,
    BriefingRegistered,
    ContestAmended,
    EntryStarted,
    EntryWithdrawn,
    Role,
)
from shared.contracts.scoring import Finalist, ShortlistPublished
from shared.db import Database
from shared.errors import Conflict, Invalid
from shared.sms import SmsGateway
from shared.testing.browser import serve
from shared.testing.rulebooks import CLOSING, CONTEST_ID, OPENING, a_rulebook
from shared.testing.sms_gateway import TOKEN, gateway
from shared.testing.web import client_for, publish_contest, submit
from tests.component.notify.notify_kit import Notify, a_contact, an_entry
from tests.component.notify.test_delivery import let_time_pass
from tests.component.notify.test_notices import calendar_of, parsed, words

C = ContestId(CONTEST_ID)


async def shortlist(notify: Notify, count: int = 2) -> None:
    for number in range(count):
        await notify.consume(a_contact(f"applicant-{number}"))
        await notify.consume(
            an_entry(f"entry-{number}", f"applicant-{number}", reference=f"SC65-{number:04}")
        )
    finalists = tuple(
        Finalist(
            entry_id=EntryId(f"entry-{number}"),
            category_id="environment",
            title=LocalizedText(th="คลองใส"),
            applicant_name="เทศบาล",
            rank=number + 1,
        )
        for number in range(count)
    )
    event = ShortlistPublished(
        contest_id=C, revision=1, finalists=finalists, not_selected=(), approved_by=(), published_at=CLOSING
    )
    await notify.consume(event)
    await notify.send()
    notify.transport.sent.clear()


async def test_nothing_leaves_before_staff_have_seen_edited_and_approved_it(notify: Notify) -> None:
    await shortlist(notify)
    app = notify.service().http
    async with client_for(app, [Role.STAFF], contact_id="staff-1") as staff:
        page = await staff.get("/notices/review")
        assert page.status_code == 200
        async with notify.database.transaction() as session:
            [batch] = await review.batches(session, CONTEST_ID)
        where = f"/notices/review/batch?event={batch.event_id}&template={batch.template}"
        await notify.send()
        assert notify.transport.sent == []
        wrong = {"do": "edit", "subject": "{votes.held}", "heading": "h", "paragraphs": "p"}
        assert (await submit(staff, where, wrong)).status_code in (400, 422)
        good = wrong | {
            "subject": "ยินดีด้วย {entry.reference}",
            "paragraphs": "เรียน {person.name}\n\nโปรดเตรียมตัว",
        }
        assert (await submit(staff, where, good)).status_code == 303
        one, other = batch.notices
        await submit(
            staff,
            f"/notices/review/one/{other.notice_id}?contest={CONTEST_ID}",
            {"do": "discard", "reason": "แจ้งด้วยตนเองแล้ว"},
            form_page=f"/notices/{other.notice_id}",
        )
        assert (await submit(staff, where, {"do": "approve"})).status_code == 303
    await notify.send()
    [(_, raw)] = notify.transport.sent
    assert str(parsed(raw)["Subject"]).startswith("ยินดีด้วย SC65-")
    assert "โปรดเตรียมตัว" in words(parsed(raw))
    states = {row.notice_id: (row.state, row.reviewed_by) for row in await notify.notices()}
    assert states[one.notice_id] == ("sent", "staff-1")
    assert states[other.notice_id] == ("discarded", "staff-1")
    async with notify.database.transaction() as session:
        steps = await repository.steps.steps(session, CONTEST_ID, one.notice_id)
        assert [(step.step, step.by) for step in steps] == [("edited", "staff-1"), ("approved", "staff-1")]
        with pytest.raises(Conflict):
            await review.approve(session, notify.clock, batch.notices, "staff-2")
        with pytest.raises(Invalid):
            await review.discard(session, notify.clock, batch.notices, "staff-2", " ")


async def test_digest_is_told_once_a_day_and_not_when_empty(notify: Notify) -> None:
    await notify.consume(a_contact("staff-1", roles=(Role.STAFF,)))
    digests = Digests(notify.clock, notify.resources.settings)
    notify.clock.instant = OPENING.replace(hour=9)
    await digests.run(notify.database)
    assert await notify.notices() == []
    await notify.consume(a_contact("applicant-1"))
    await notify.consume(an_entry())
    await notify.consume(
        EntryWithdrawn(
            contest_id=C,
            entry_id=EntryId("entry-1"),
            revision=3,
            contact_id=ContactId("applicant-1"),
            withdrawn_at=OPENING,
        )
    )
    await digests.run(notify.database)
    assert [row.state for row in await notify.notices() if row.template == "daily-digest"] == []
    notify.clock.advance(timedelta(days=1))
    for _ in range(2):
        await digests.run(notify.database)
    await notify.send()
    [digest] = [row for row in await notify.notices() if row.template == "daily-digest"]
    assert (digest.state, digest.recipient) == ("sent", "contact:staff-1")
    [mail] = [parsed(raw) for _, raw in notify.transport.sent if "รอท่าน" in str(parsed(raw)["Subject"])]
    assert "ถอนผลงาน SC65-0001" in words(mail)


async def test_one_click_stops_reminders_and_nothing_else(notify: Notify) -> None:
    await notify.consume(a_contact("applicant-1"))
    started = EntryStarted(
        contest_id=C,
        entry_id=EntryId("draft-1"),
        revision=1,
        contact_id=ContactId("applicant-1"),
        started_at=OPENING,
    )
    await notify.consume(started)
    reminders = Reminders(notify.clock, notify.resources.settings)
    notify.clock.instant = CLOSING - timedelta(days=6.9)
    await reminders.run(notify.database)
    await notify.send()
    mail = parsed(notify.transport.sent[-1][1])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = httpx.URL(str(mail["List-Unsubscribe"]).strip("<>")).raw_path.decode()
    async with client_for(notify.service().http) as provider:
        assert (await provider.post(path[:-1] + "x")).status_code == 404
        assert (await provider.get(path)).status_code == 200
        body = {"List-Unsubscribe": "One-Click"}
        assert (await provider.post(path, data=body)).status_code == 200
    notify.clock.instant = CLOSING - timedelta(days=2.5)
    await reminders.run(notify.database)
    await notify.consume(an_entry("entry-2", "applicant-1"))
    await notify.send()
    states = {(row.template, row.facts.get("days", "")): row.state for row in await notify.notices()}
    assert states["draft-reminder", "7"] == "sent"
    assert states["draft-reminder", "3"] == "cancelled"
    assert states["entry-received", ""] == "sent"
    assert parsed(notify.transport.sent[-1][1])["List-Unsubscribe"] is None


async def test_changed_briefing_replaces_the_appointment_of_every_guest(notify: Notify) -> None:
    await notify.consume(a_contact("guest"))
    registered = BriefingRegistered(
        contest_id=C,
        registration_id="reg-1",
        revision=1,
        contact_id=ContactId("guest"),
        attends_as=Attendance.REPRESENTATIVE,
        organisation="เทศบาลนครตัวอย่าง",
        registered_at=OPENING,
    )
    await notify.consume(registered)
    await notify.send()
    amended = ContestAmended(
        contest_id=C,
        revision=2,
        rulebook=a_rulebook(number=2),
        rulebook_sha256="x",
        changed=("milestones.briefing.ends_at",),
        reason=LocalizedText(th="ห้องประชุมไม่ว่าง"),
        amended_at=OPENING,
    )
    await notify.consume(amended)
    await notify.send()
    events = [calendar_of(parsed(raw)) for _, raw in notify.transport.sent if b"text/calendar" in raw]
    assert [(event["UID"], int(event["SEQUENCE"])) for event in events] == [
        ("briefing-reg-1@showcase.invalid", 0),
        ("briefing-reg-1@showcase.invalid", 1),
    ]


class Endpoint:
    """Another system: remembers what it was sent; ``answers`` says what it says."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []

    async def take(self, request: Request) -> Response:
        self.got.append((dict(request.headers), await request.body()))
        return Response(status_code=self.answers.pop(0) if self.answers else 200)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = Starlette(routes=[Route("/{path:path}", self.take, methods=["POST"])])
        async with serve(app) as base:
            yield base


async def test_webhook_is_signed_retried_replayed_and_its_secret_changed(notify_database: Database) -> None:
    await publish_contest(notify_database)
    notify = Notify(notify_database, FixedClock(OPENING), webhooks_to_this_network=True)
    endpoint = Endpoint()
    async with endpoint.listening() as base:
        async with notify.database.transaction() as session:
            hook, secret = await hooked(session, notify, f"{base}/hook")
        endpoint.answers = [503]
        await shortlist(notify)
        await let_time_pass(notify)
        await notify.send()
        (first, body), (second, again) = endpoint.got
        assert (first["webhook-id"], body) == (second["webhook-id"], again)
        content = standardwebhooks.Webhook(secret).verify(again, second)
        assert (content["type"], content["data"]["finalists"][0]["entry_id"]) == (
            "ShortlistPublished",
            "entry-0",
        )
        assert "approved_by" not in json.dumps(content)
        async with notify.database.transaction() as session:
            row = await repository.sending.webhook(session, CONTEST_ID, hook.webhook_id, lock=True)
            newer = await webhooks.change_secret(session, notify.keys, row)
            [sent] = await webhooks.deliveries(session, CONTEST_ID)
            await review.retry(session, notify.clock, sent, "staff")
        await notify.send()
        headers, replayed = endpoint.got[-1]
        assert headers["webhook-id"] == first["webhook-id"]
        for key in (secret, newer):  # both sign for a day
            standardwebhooks.Webhook(key).verify(replayed, headers)
        endpoint.answers = [410]
        async with notify.database.transaction() as session:
            await webhooks.try_out(session, notify.clock, hook)
        await notify.send()
        async with notify.database.transaction() as session:
            row = await repository.sending.webhook(session, CONTEST_ID, hook.webhook_id)
            assert (row.paused_reason, secret.encode() in row.secret) == ("410 Gone", False)


async def hooked(session: AsyncSession, notify: Notify, url: str) -> Any:
    return await webhooks.add_webhook(
        session,
        notify.clock,
        notify.resources.settings,
        notify.keys,
        contest_id=CONTEST_ID,
        name="ระบบตัวอย่าง",
        url=url,
        events=["ShortlistPublished"],
        by="staff-1",
    )


async def test_line_adapter_speaks_the_public_api() -> None:
    endpoint = Endpoint()
    endpoint.answers = [200, 409, 429, 400]
    async with endpoint.listening() as base:
        sender = LineSender(base, "channel-token")
        results = [(await sender.push("U123", "สวัสดี", "018f-key")).result for _ in range(4)]
    assert results == [Result.DELIVERED, Result.DELIVERED, Result.POSTPONED, Result.REFUSED]
    headers, body = endpoint.got[0]
    assert headers["authorization"] == "Bearer channel-token"
    assert headers["x-line-retry-key"] == "018f-key"
    assert json.loads(body) == {"to": "U123", "messages": [{"type": "text", "text": "สวัสดี"}]}


async def test_sms_adapter_speaks_the_gateway_s_contract() -> None:
    """The fake takes nothing that is not in docs/operate/voter-identity.md."""
    async with gateway() as (fake, url):
        sender = SmsSender(SmsGateway(url, TOKEN, "Showcase"))
        fake.answers = [202, 202, 503, 429, 404]
        sent = [await sender.push("081-234 5678", "ประกาศผลแล้ว", "018f-one") for _ in range(5)]
        long = await sender.push("+66 81 234 5678", "ก" * 700, "018f-long")
        fixed_line = await sender.push("0 2026 2333", "ประกาศผลแล้ว", "018f-none")
        stranger = await SmsSender(SmsGateway(url, "wrong", "Showcase")).push("0812345678", "x", "018f-who")
    away = await sender.push("0812345678", "x", "018f-away")
    nowhere = await SmsSender(SmsGateway("", "", "")).push("0812345678", "x", "018f-nowhere")
    assert [outcome.result for outcome in sent] == [
        Result.DELIVERED,
        Result.DELIVERED,
        Result.POSTPONED,
        Result.POSTPONED,
        Result.REFUSED,
    ]
    assert fake.taken["018f-one"] == {
        "to": "+66812345678",
        "text": "ประกาศผลแล้ว",
        "sender": "Showcase",
        "reference": "018f-one",
    }
    assert (long.result, len(fake.taken["018f-long"]["text"])) == (Result.DELIVERED, LONGEST)
    assert (fixed_line.result, stranger.result) == (Result.REFUSED, Result.POSTPONED)
    assert (away.result, nowhere.result) == (Result.POSTPONED, Result.POSTPONED)
    assert set(fake.taken) == {"018f-one", "018f-long"}
