"""Sending under faults: one stored notice, one Message-ID, and duplicates only where they are documented."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import text
from sqlmodel import select

from services.notify import repository
from services.notify.channels.email import SETTLE_EVERY
from services.notify.channels.receiver import BounceReceiver
from services.notify.delivery_cli import receive
from services.notify.domain.keys import return_path
from services.notify.handlers import delivery as sending
from services.notify.handlers import mailing, review, suppression
from services.notify.mail.transport import Postponed, SmtpTransport
from services.notify.sending_tables import Suppression
from shared.contracts.ids import ContactId, ContestId
from shared.contracts.intake import Role
from shared.contracts.scoring import ApprovalAwaited, DecisionName
from shared.db import Database
from shared.embedded.ports import free_port
from shared.errors import Conflict
from shared.messaging.tables import OUTBOX
from shared.testing.rulebooks import CONTEST_ID, OPENING
from tests.component.notify.notify_kit import Notify, a_contact, an_entry
from tests.load.notice_load import measure

C = ContestId(CONTEST_ID)
REPORT = """\
From: MAILER-DAEMON@mx.example
To: {to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} <{recipient}> {words}

--b
Content-Type: text/rfc822-headers

Message-ID: {message_id}

--b--
"""


async def let_time_pass(notify: Notify) -> None:
    """Back-offs, queues and leases end."""
    async with notify.database.transaction() as session:
        await session.execute(
            text("UPDATE notice SET next_attempt_at = clock_timestamp(), lease_until = NULL")
        )
        await session.execute(text("DELETE FROM sending_pace"))


async def many(notify: Notify, count: int) -> None:
    for number in range(count):
        await notify.consume(a_contact(f"applicant-{number}", email=f"p{number}@office{number % 7}.example"))
        await notify.consume(an_entry(f"entry-{number}", f"applicant-{number}"))


class Server:
    """An SMTP server that greylists some, and remembers whom it took mail for, and from which return path."""

    def __init__(self, greylisted: set[str]) -> None:
        self.greylisted = greylisted
        self.taken: list[tuple[str, str, str]] = []

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.greylisted:
            self.greylisted.discard(address)
            return "451 4.7.1 Greylisted, come back later"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        message_id = str(message_from_bytes(envelope.original_content or b"")["Message-ID"])
        self.taken.append((envelope.rcpt_tos[0], message_id, envelope.mail_from or ""))
        return "250 taken"

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[int]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(self, hostname="mx"), "127.0.0.1", port)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()


class Killed(BaseException):
    """What no handler catches."""


def dies(original: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """A step that is killed once: before it did its work, or after."""

    async def step(*given: Any, **named: Any) -> Any:
        if after:
            await original(*given, **named)
        raise Killed

    return step


BUILDING = ((mailing, "gather_all", False), (mailing, "store", False), (mailing, "store", True))
SENDING = ((sending.Dispatcher, "_settle", False), (sending.Dispatcher, "_settle", True))


async def killed_at(
    notify: Notify, dispatcher: sending.Dispatcher, monkeypatch: pytest.MonkeyPatch, steps: Any
) -> None:
    """Let the dispatcher die at each of ``steps``, and its leases end."""
    for owner, name, after in steps:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, dies(getattr(owner, name), after=after))
            with pytest.raises(Killed):
                await dispatcher.run(notify.database)
        await let_time_pass(notify)


async def test_each_recipient_gets_one_notice_whatever_dies_is_down_bounces_or_is_greylisted(
    notify: Notify, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, chance = 100, random.Random(7)
    await many(notify, count)
    everyone = [f"p{number}@office{number % 7}.example" for number in range(count)]
    grey = set(chance.sample(everyone, 2))
    dead = set(chance.sample([one for one in everyone if one not in grey], 5))
    server = Server(set(grey))
    async with server.listening() as port:
        pass  # the server is down at first
    settings = notify.resources.settings.model_copy(update={"smtp_port": port})
    dispatcher = notify.dispatcher_over(SmtpTransport(settings))
    await killed_at(notify, dispatcher, monkeypatch, BUILDING)
    for _ in range(3):  # ten minutes and more of back-off
        await dispatcher.run(notify.database)
        await let_time_pass(notify)
    assert {row.attempts for row in await notify.notices()} == {3}
    async with server.listening(port):
        await killed_at(notify, dispatcher, monkeypatch, SENDING)
        for _ in range(4):
            await dispatcher.run(notify.database)
            await let_time_pass(notify)
    async with BounceReceiver(notify.database, notify.clock, notify.keys) as receiver:
        for to, message_id, path in {taken[0]: taken for taken in server.taken if taken[0] in dead}.values():
            await report(receiver.port, path, to, message_id, "5.1.1", "unknown user")
    notices = await notify.notices()
    assert len(notices) == count
    assert Counter(row.state for row in notices) == {"sent": count - 5, "bounced": 5}
    ids = {(to, message_id) for to, message_id, _ in server.taken}
    assert len(ids) == count, "every recipient, always under one Message-ID"
    assert {message_id for _, message_id in ids} == {row.message_id for row in notices}
    repeated = len(server.taken) - count
    assert 0 < repeated <= SETTLE_EVERY * notify.resources.settings.mail_connections
    async with notify.database.transaction() as session:
        suppressed = (await session.exec(select(Suppression))).all()
        kinds = [row.headers["ce_type"].split(".")[2] for row in await session.execute(OUTBOX.select())]
    assert {row.address for row in suppressed} == dead
    assert Counter(kinds) == {"NoticeSent": count, "NoticeFailed": 5}


async def report(port: int, path: str, to: str, message_id: str, status: str, words: str) -> None:
    """Hand a report over as a mail server does, by LMTP."""
    action = "delayed" if words == "still trying" else "failed"
    raw = REPORT.format(
        to=path, recipient=to, message_id=message_id, status=status, words=words, action=action
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for line in ("LHLO mx.example", "MAIL FROM:<>", f"RCPT TO:<{path}>", "DATA"):
            while (await reader.readline())[3:4] == b"-":
                pass
            writer.write(f"{line}\r\n".encode())
        while (answer := await reader.readline())[3:4] == b"-":
            pass
        assert answer.startswith(b"354"), answer
        writer.write(raw.replace("\n", "\r\n").encode() + b".\r\n")
        assert (await reader.readline()).startswith(b"250")
    finally:
        writer.close()


async def sent_one(notify: Notify) -> tuple[str, str]:
    """One mail that was sent: its return path and Message-ID."""
    await notify.consume(a_contact("applicant-1"))
    await notify.consume(an_entry())
    await notify.send()
    [notice] = await notify.notices()
    assert notice.state == "sent"
    return notify.transport.senders[0], notice.message_id


async def test_mail_that_comes_back_for_now_is_sent_again_then_someone_must_telephone(notify: Notify) -> None:
    path, message_id = await sent_one(notify)
    async with BounceReceiver(notify.database, notify.clock, notify.keys) as receiver:
        await report(receiver.port, path, "a@office.example", message_id, "4.4.7", "still trying")
        assert [row.state for row in await notify.notices()] == ["sent"]
        for expected in ("built", "built", "bounced"):
            await report(receiver.port, path, "a@office.example", message_id, "4.2.2", "mailbox full")
            assert [row.state for row in await notify.notices()] == [expected]
            await let_time_pass(notify)
            await notify.send()
    assert {raw for _, raw in notify.transport.sent} == {notify.transport.sent[0][1]}, "the same bytes"
    async with notify.database.transaction() as session:
        assert await repository.notices.failed(session, CONTEST_ID)
        assert await repository.sending.suppressions(session, CONTEST_ID) == []


async def test_receiver_takes_mail_only_for_return_paths_of_ours(notify: Notify) -> None:
    path, _ = await sent_one(notify)
    forged = path.replace("@", "a@") if path[-20] != "a" else path.replace("@", "b@")
    async with BounceReceiver(notify.database, notify.clock, notify.keys) as receiver:
        for address in (forged, "bounces@showcase.invalid", "someone@else.example"):
            with pytest.raises((AssertionError, ConnectionError)):
                await report(receiver.port, address, "x@y.example", "<x>", "5.1.1", "gone")
    assert [row.state for row in await notify.notices()] == ["sent"]


async def test_suppressed_address_gets_nothing_until_it_is_lifted(notify: Notify) -> None:
    async with notify.database.transaction() as session:
        await suppression.suppress(
            session, notify.clock, CONTEST_ID, "Applicant-1@office.example", "left the office", "staff"
        )
    await notify.consume(a_contact("applicant-1"))
    await notify.consume(an_entry())
    await notify.send()
    [notice] = await notify.notices()
    assert (notice.state, notify.transport.sent) == ("failed", [])
    async with notify.database.transaction() as session:
        row = await repository.notices.notice(session, CONTEST_ID, notice.notice_id, lock=True)
        with pytest.raises(Conflict):
            await review.retry(session, notify.clock, row, "staff")
        await suppression.lift(session, notify.clock, CONTEST_ID, "applicant-1@office.example", "staff")
        await review.retry(session, notify.clock, row, "staff")
    await notify.send()
    assert [to for to, _ in notify.transport.sent] == ["applicant-1@office.example"]


async def test_quiet_hours_hold_all_but_what_is_urgent(notify: Notify) -> None:
    notify.clock.instant = OPENING.replace(hour=22)
    quiet = notify.dispatcher_over(notify.transport, quiet_hours="21:00-07:00")
    await notify.consume(a_contact("applicant-1"))
    await notify.consume(a_contact("approver-1", roles=(Role.APPROVER,)))
    await notify.consume(an_entry())
    await notify.consume(
        ApprovalAwaited(
            contest_id=C,
            decision=DecisionName.RESULTS,
            proposal=1,
            signatures=0,
            waits_on_others_than=(ContactId("staff-1"),),
            awaited_at=notify.clock.instant,
        )
    )
    await quiet.run(notify.database)
    assert [to for to, _ in notify.transport.sent] == ["approver-1@office.example"]
    notify.clock.advance(timedelta(hours=10))
    await quiet.run(notify.database)
    assert len(notify.transport.sent) == 2


async def test_a_domain_s_queue_holds_back_only_its_own(notify: Notify) -> None:
    for number in range(12):
        domain = "slow.example" if number < 10 else f"other{number}.example"
        await notify.consume(a_contact(f"applicant-{number}", email=f"p{number}@{domain}"))
        await notify.consume(an_entry(f"entry-{number}", f"applicant-{number}"))
    paced = notify.dispatcher_over(notify.transport, mail_per_domain_per_second=0.001)
    await paced.run(notify.database)
    sent = Counter(to.rpartition("@")[2] for to, _ in notify.transport.sent)
    assert sent == {"slow.example": 1, "other10.example": 1, "other11.example": 1}
    assert {row.attempts for row in await notify.notices()} == {0}, "waiting in a queue is no failed attempt"


async def test_greylisting_waits_minutes_and_return_paths_name_the_notice(notify: Notify) -> None:
    await notify.consume(a_contact("applicant-1"))
    await notify.consume(an_entry())
    notify.transport.refuse["applicant-1@office.example"] = Postponed("451 grey", wait=timedelta(minutes=2))
    await notify.send()
    async with notify.database.transaction() as session:
        wait = await session.execute(text("SELECT next_attempt_at - clock_timestamp() FROM notice"))
        assert wait.scalar_one() > timedelta(seconds=100)
    notify.transport.refuse.clear()
    await let_time_pass(notify)
    await notify.send()
    [notice] = await notify.notices()
    assert notify.transport.senders == [
        return_path(notify.keys, "bounces@showcase.invalid", notice.notice_id)
    ]


async def test_results_reach_every_address_once_over_few_connections(notify_database: Database) -> None:
    found = await measure(notify_database, 300, 30)
    server = found["server"]
    assert (server["addresses"], server["ids"], server["mails"]) == (300, 300, 300)
    assert server["connections"] <= 100


async def test_the_receiver_s_process_answers_probes_and_tells_its_counts(notify: Notify) -> None:
    stopping, port = asyncio.Event(), free_port()
    own = {"http_host": "127.0.0.1", "notify_database_url": notify.database.dsn}
    settings = notify.resources.settings.model_copy(update=own)
    process = asyncio.create_task(receive(settings, "127.0.0.1", 0, port, lambda: stopping))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(100):
            with contextlib.suppress(httpx.ConnectError):
                assert (await client.get("/readyz")).json()["status"] == "ready"
                break
            await asyncio.sleep(0.05)
        assert "showcase_notice_reports_total" in (await client.get("/metrics")).text
    stopping.set()
    await asyncio.wait_for(process, 10)
