"""Events become notices once, notices become mail, mail is delivered or someone is asked to telephone."""

import asyncio
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from typing import Any, cast

import icalendar
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import text

from services.notify.handlers.delivery import Dispatcher
from services.notify.handlers.reminders import Reminders
from services.notify.mail.transport import Refused, SmtpTransport
from shared.contracts.event import LocalizedText
from shared.contracts.ids import ContactId, ContestId, EntryId, SlotId
from shared.contracts.intake import (
    Attendance,
    BriefingRegistered,
    ContestAmended,
    EntryReason,
    EntryScreened,
    EntryStarted,
    Role,
)
from shared.contracts.rulebook import AwardKind
from shared.contracts.scoring import (
    AwardGiven,
    Finalist,
    PresentationMoved,
    PresentationScheduled,
    ResultsPublished,
    ShortlistPublished,
)
from shared.messaging.tables import OUTBOX
from shared.testing.rulebooks import CLOSING, CONTEST_ID, OPENING, PRESENTATION, RESULTS, a_rulebook
from tests.component.notify.notify_kit import Notify, a_contact, an_entry

C = ContestId(CONTEST_ID)


def parsed(raw: bytes) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(raw, policy=modern))


def words(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def calendar_of(mail: EmailMessage) -> Any:
    part = next(part for part in mail.iter_attachments() if part.get_content_type() == "text/calendar")
    return icalendar.Calendar.from_ical(part.get_content()).walk("VEVENT")[0]


async def _events(notify: Notify) -> list[str]:
    async with notify.database.transaction() as session:
        return [row.headers["ce_type"].split(".")[2] for row in await session.execute(OUTBOX.select())]


async def test_event_makes_one_notice_for_each_recipient_however_often_it_comes(notify: Notify) -> None:
    await notify.consume(a_contact("applicant-1"))
    event_id = await notify.consume(an_entry())
    await notify.consume(an_entry(), event_id)
    await notify.send()
    await notify.send()
    [notice] = await notify.notices()
    assert (notice.event_id, notice.state, notice.recipient) == (event_id, "sent", "entry:entry-1")
    [(to, raw)] = notify.transport.sent
    mail = parsed(raw)
    assert to == "applicant-1@office.example"
    assert mail["Message-ID"] == notice.message_id
    assert (mail["Auto-Submitted"], mail["Content-Language"]) == ("auto-generated", "th")
    assert "คลองใส เมืองเย็น" in words(mail)
    assert await _events(notify) == ["NoticeSent"]


async def test_notice_waits_for_a_contact_that_is_still_on_its_way(notify: Notify) -> None:
    await notify.consume(an_entry())
    await notify.send()
    assert [notice.state for notice in await notify.notices()] == ["planned"]
    await notify.consume(a_contact("applicant-1", language="en"))
    await _let_time_pass(notify)
    await notify.send()
    assert parsed(notify.transport.sent[0][1])["Subject"] == "We have received your entry SC65-0001"


async def _let_time_pass(notify: Notify) -> None:
    """Back-offs and leases end."""
    async with notify.database.transaction() as session:
        await session.execute(
            text("UPDATE notice SET next_attempt_at = clock_timestamp(), lease_until = NULL")
        )


async def test_briefing_confirmation_has_the_join_link_and_an_appointment(notify: Notify) -> None:
    await notify.consume(a_contact("guest"))
    await notify.consume(
        BriefingRegistered(
            contest_id=C,
            registration_id="reg-1",
            revision=1,
            contact_id=ContactId("guest"),
            attends_as=Attendance.REPRESENTATIVE,
            organisation="เทศบาลนครตัวอย่าง",
            registered_at=OPENING,
        )
    )
    await notify.send()
    event = calendar_of(parsed(notify.transport.sent[0][1]))
    assert (event["UID"], event["SEQUENCE"]) == ("briefing-reg-1@showcase.invalid", 0)
    assert event["DTSTART"].dt.isoformat() == "2022-07-01T13:30:00+07:00"


async def test_moved_presentation_replaces_the_appointment(notify: Notify) -> None:
    await notify.consume(a_contact("applicant-1"))
    await notify.consume(an_entry())
    slot = {
        "contest_id": C,
        "slot_id": SlotId("slot-1"),
        "entry_id": EntryId("entry-1"),
        "meeting_url": "https://meet.example/1",
    }
    later = PRESENTATION + timedelta(minutes=30)
    await notify.consume(
        PresentationScheduled(**slot, revision=1, starts_at=PRESENTATION, ends_at=later, scheduled_at=OPENING)
    )
    await notify.consume(
        PresentationMoved(
            **slot,
            revision=2,
            starts_at=later,
            ends_at=later + timedelta(minutes=10),
            previous_starts_at=PRESENTATION,
            reason="กรรมการติดภารกิจ",
            moved_at=OPENING,
        )
    )
    await notify.send()
    sent = [mail for _, raw in notify.transport.sent if b"text/calendar" in raw for mail in [parsed(raw)]]
    appointments = sorted(
        (int(event["SEQUENCE"]), str(event["UID"]), event["DTSTART"].dt) for event in map(calendar_of, sent)
    )
    uid = "slot-slot-1@showcase.invalid"
    assert appointments == [(0, uid, PRESENTATION), (1, uid, later)]
    assert any("กรรมการติดภารกิจ" in words(mail) for mail in sent)


async def test_refusal_says_why_and_shortlist_tells_both_sides(notify: Notify) -> None:
    for number in (1, 2):
        await notify.consume(a_contact(f"applicant-{number}"))
        await notify.consume(an_entry(f"entry-{number}", f"applicant-{number}"))
    reason = EntryReason(code="six-months", text=LocalizedText(th="ดำเนินการยังไม่ครบ 6 เดือน", en="Too young"))
    await notify.consume(
        EntryScreened(
            contest_id=C,
            entry_id=EntryId("entry-2"),
            revision=3,
            contact_id=ContactId("applicant-2"),
            accepted=False,
            reasons=(reason,),
            screened_by=ContactId("staff"),
            screened_at=CLOSING,
        )
    )
    await notify.consume(
        ShortlistPublished(
            contest_id=C,
            revision=1,
            finalists=(
                Finalist(
                    entry_id=EntryId("entry-1"),
                    category_id="environment",
                    title=LocalizedText(th="คลองใส เมืองเย็น"),
                    applicant_name="เทศบาลนครตัวอย่าง",
                    rank=1,
                ),
            ),
            not_selected=(EntryId("entry-2"),),
            approved_by=(),
            published_at=CLOSING,
        )
    )
    await notify.send()
    assert await notify.approve_all() == 2
    await notify.send()
    assert {(notice.template, notice.recipient) for notice in await notify.notices()} >= {
        ("entry-refused", "entry:entry-2"),
        ("shortlisted", "entry:entry-1"),
        ("not-shortlisted", "entry:entry-2"),
    }
    assert {notice.state for notice in await notify.notices()} == {"sent"}
    texts = [words(parsed(raw)) for _, raw in notify.transport.sent]
    assert sum("ดำเนินการยังไม่ครบ 6 เดือน" in each for each in texts) == 1


async def test_amendment_reaches_everyone_concerned_once(notify: Notify) -> None:
    await notify.consume(a_contact("applicant-1"))
    await notify.consume(a_contact("staff", roles=(Role.STAFF,)))
    await notify.consume(a_contact("bystander"))
    await notify.consume(an_entry())
    await notify.consume(an_entry("entry-2"))
    await notify.consume(
        ContestAmended(
            contest_id=C,
            revision=2,
            rulebook=a_rulebook(number=2),
            rulebook_sha256="x",
            changed=("milestones.briefing.ends_at",),
            reason=LocalizedText(th="แก้เวลาชี้แจง"),
            amended_at=OPENING,
        )
    )
    told = [notice.recipient for notice in await notify.notices() if notice.template == "contest-amended"]
    assert sorted(told) == ["contact:applicant-1", "contact:staff"]


async def test_results_make_certificates_that_anyone_can_verify(notify: Notify) -> None:
    from services.notify import repository
    from services.notify.http.certificates import verification

    await notify.consume(a_contact("applicant-1"))
    await notify.consume(an_entry())
    award = AwardGiven(
        award_id="environment",
        kind=AwardKind.JUDGED,
        name=LocalizedText(th="รางวัลด้านสิ่งแวดล้อมอัจฉริยะ"),
        entry_id=EntryId("entry-1"),
        title=LocalizedText(th="คลองใส 🌿 เมืองเย็น"),
        applicant_name="เทศบาลนครตัวอย่าง",
    )
    event = ResultsPublished(contest_id=C, revision=1, awards=(award,), approved_by=(), published_at=RESULTS)
    event_id = await notify.consume(event)
    await notify.consume(event, event_id)
    await notify.send()
    await notify.confirm_names()
    await notify.send()
    async with notify.database.transaction() as session:
        [certificate] = await repository.certificates.certificates(session, CONTEST_ID)
    assert certificate.serial == "SCSA-2565-0001"
    found = await verification(notify.resources, certificate.code.lower().replace("-", " "))
    assert (found.valid, found.recipient, found.rehearsal) == (True, "เทศบาลนครตัวอย่าง", True)
    ready = [parsed(raw) for _, raw in notify.transport.sent if b"SCSA" in raw]
    assert [part.get_filename() for part in ready[0].iter_attachments()] == ["SCSA-2565-0001.pdf"]
    moved = event.model_copy(
        update={"revision": 2, "awards": (award.model_copy(update={"entry_id": EntryId("entry-9")}),)}
    )
    await notify.consume(moved)
    assert (await verification(notify.resources, certificate.code)).valid is False


async def test_erasing_a_person_destroys_their_mail_and_cancels_what_waits(notify: Notify) -> None:
    await notify.consume(a_contact("applicant-1"))
    await notify.consume(an_entry())
    await notify.send()
    await notify.erase("applicant-1")
    assert await notify.mails() == []
    assert [(notice.state, notice.subject, notice.facts) for notice in await notify.notices()] == [
        ("sent", "", {})
    ]


async def test_refused_address_becomes_a_task_and_an_event_without_the_address(notify: Notify) -> None:
    await notify.consume(a_contact("applicant-1"))
    await notify.consume(an_entry())
    notify.transport.refuse["applicant-1@office.example"] = Refused(
        "550 <applicant-1@office.example> unknown"
    )
    await notify.send()
    [notice] = await notify.notices()
    assert (notice.state, notice.attempts) == ("failed", 1)
    assert await _events(notify) == ["NoticeFailed"]
    async with notify.database.transaction() as session:
        [row] = await session.execute(OUTBOX.select())
    assert b"@" not in row.value


async def test_draft_is_reminded_once_for_each_day(notify: Notify) -> None:
    await notify.consume(a_contact("applicant-1"))
    await notify.consume(
        EntryStarted(
            contest_id=C,
            entry_id=EntryId("entry-1"),
            revision=1,
            contact_id=ContactId("applicant-1"),
            started_at=OPENING,
        )
    )
    reminders = Reminders(notify.clock, notify.resources.settings)
    for days in (9, 6.9, 6.5, 2.5, 0.5, -1):
        notify.clock.instant = CLOSING - timedelta(days=days)
        await reminders.run(notify.database)
    assert [notice.facts["days"] for notice in await notify.notices()] == ["7", "3", "1"]


class Sink:
    """An SMTP server that keeps what it takes."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(str(message_from_bytes(cast("bytes", envelope.content))["Message-ID"]))
        return "250 taken"


@pytest.fixture
def sink_port(unused_tcp_port_of_mine: int) -> int:
    return unused_tcp_port_of_mine


@pytest.fixture
def unused_tcp_port_of_mine() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def test_smtp_down_then_up_delivers_each_once(notify: Notify, sink_port: int) -> None:
    settings = notify.resources.settings.model_copy(update={"smtp_port": sink_port})
    dispatcher = notify.dispatcher_over(SmtpTransport(settings))
    for number in range(12):
        await notify.consume(a_contact(f"applicant-{number}"))
        await notify.consume(an_entry(f"entry-{number}", f"applicant-{number}"))
    await dispatcher.run(notify.database)
    assert {(notice.state, notice.attempts) for notice in await notify.notices()} == {("built", 1)}
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=sink_port)
    await asyncio.to_thread(controller.start)
    try:
        await _let_time_pass(notify)
        await dispatcher.run(notify.database)
    finally:
        await asyncio.to_thread(controller.stop)
    assert {notice.state for notice in await notify.notices()} == {"sent"}
    assert sorted(sink.taken) == sorted(notice.message_id for notice in await notify.notices())


class Killed(BaseException):
    """What no handler catches. Not KeyboardInterrupt: that would end the tests' own event loop."""


async def test_killed_between_reply_and_commit_sends_the_same_mail_again(
    notify: Notify, monkeypatch: pytest.MonkeyPatch
) -> None:
    await notify.consume(a_contact("applicant-1"))
    await notify.consume(an_entry())

    async def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Dispatcher, "_settle", die)
        with pytest.raises(Killed):
            await notify.dispatcher.run(notify.database)
    assert [notice.state for notice in await notify.notices()] == ["built"]
    await notify.send()
    assert len(notify.transport.sent) == 1, "the lease still holds"
    await _let_time_pass(notify)
    await notify.send()
    first, second = (raw for _, raw in notify.transport.sent)
    assert first == second
    assert [notice.state for notice in await notify.notices()] == ["sent"]
