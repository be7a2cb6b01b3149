"""Mail over real SMTP into the sink, and the pages that show it."""

import asyncio
import socket
from pathlib import Path

import httpx
import pytest

from shared.mail import MailRefused, SmtpMailer, compose
from shared.mail.mailbox import Mailbox
from shared.mail.pages import mailbox_app
from shared.mail.sink import MailSink
from shared.testing.web import BASE_URL, settings_for_tests

SENDER = "no-reply@showcase.invalid"


async def test_a_sent_mail_is_caught_whole(tmp_path: Path) -> None:
    async with MailSink(tmp_path) as sink:
        mailer = SmtpMailer("127.0.0.1", sink.port, SENDER)
        body = compose("รหัสเข้าสู่ระบบ", ["ใช้ภายใน 10 นาที"], code="482913")
        sent = await mailer.send(
            to="somchai@example.org", subject="รหัสของคุณ", text=body.text, html=body.html, key="k1"
        )
        found, total = sink.mailbox.find("Somchai@example.org")
        opened = sink.mailbox.open(found[0].id)
    assert total == 1
    assert (found[0].to, found[0].sender, found[0].subject, found[0].message_id) == (
        "somchai@example.org",
        SENDER,
        "รหัสของคุณ",
        sent,
    )
    assert opened.text.replace("\r\n", "\n").strip() == body.text.strip()
    assert opened.html.replace("\r\n", "\n").strip() == body.html.strip()


async def test_a_server_that_is_away_is_an_oserror() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(OSError, match=r".*"):
        await SmtpMailer("127.0.0.1", port, SENDER).send(to="a@example.org", subject="x", text="x")


@pytest.mark.parametrize("greeting", ["554 5.7.1 you are blocked", "220 hello"])
async def test_a_server_that_refuses_this_system_is_no_refusal_of_the_mail(greeting: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{greeting}\r\n".encode())
        while await reader.readline():
            writer.write(b"550 5.7.1 go away\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(OSError, match=r"blocked|go away"):
            await SmtpMailer("127.0.0.1", port, SENDER).send(to="a@example.org", subject="x", text="x")


async def test_a_mail_that_is_too_large_is_refused_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.mail.sink.LARGEST", 2_000)
    async with MailSink(tmp_path) as sink:
        with pytest.raises(MailRefused):
            await SmtpMailer("127.0.0.1", sink.port, SENDER).send(
                to="a@example.org", subject="x", text="ก" * 5_000
            )
        assert len(sink.mailbox) == 0


def test_mailbox_reads_its_file_again_and_drops_a_half_line(tmp_path: Path) -> None:
    box = Mailbox(tmp_path)
    for number in range(3):
        box.add(SENDER, ["a@example.org", "b@example.org"], f"Subject: {number}\r\n\r\nx\r\n".encode())
    with box.path.open("ab") as file:
        file.write(b'{"id": 7, "to"')
    again = Mailbox(tmp_path)
    again.add(SENDER, ["a@example.org"], b"Subject: 3\r\n\r\ny\r\n")
    assert [mail.subject for mail in again.find("a@example.org")[0]] == ["3", "2", "1", "0"]
    assert [mail.id for mail in Mailbox(tmp_path).find()[0]] == [7, 6, 5, 4, 3, 2, 1]
    assert again.open(7).text.strip() == "y"


def test_mailbox_holds_twenty_thousand(tmp_path: Path) -> None:
    box = Mailbox(tmp_path)
    raw = b"Subject: x\r\n\r\n" + b"y" * 500
    box.add(SENDER, [f"p{number}@example.org" for number in range(20_000)], raw)
    assert Mailbox(tmp_path).find("p19999@example.org")[0][0].id == 20_000
    assert box.find(limit=2, offset=1)[0][0].id == 19_999
    assert box.find()[1] == 20_000


def test_a_mail_that_came_twice_under_one_message_id_counts_once(tmp_path: Path) -> None:
    box = Mailbox(tmp_path)
    for message_id in ("<1@x>", "<2@x>", "<1@x>"):
        box.add(SENDER, ["a@example.org"], f"Message-ID: {message_id}\r\n\r\nx\r\n".encode())
    for _ in range(2):
        box.add(SENDER, ["a@example.org"], b"Subject: no id\r\n\r\nx\r\n")
    assert (len(box), box.distinct, Mailbox(tmp_path).distinct) == (5, 4, 4)


async def test_pages_and_api_show_caught_mail(tmp_path: Path) -> None:
    box = Mailbox(tmp_path)
    raw = (
        b"Subject: =?utf-8?b?4Lij4Lir4Lix4Liq?=\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/html; charset=utf-8\r\n\r\n<script>alert(1)</script><p>482913</p>\r\n"
    )
    box.add(SENDER, ["a@example.org"], b"Subject: first\r\n\r\ncode 111111\r\n")
    box.add(SENDER, ["b@example.org"], raw)
    app = mailbox_app(box, settings_for_tests())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL) as client:
        listing = await client.get("/mail")
        one = await client.get("/mail/2")
        html = await client.get("/mail/2/html")
        missing = await client.get("/mail/99")
        nobody = await client.get("/mail?to=nobody@example.org&lang=en")
        assert "No mail to this address" in nobody.text
        found = (await client.get("/mail/api/messages", params={"to": "a@example.org"})).json()
    assert (listing.status_code, one.status_code, missing.status_code) == (200, 200, 404)
    assert "รหัส" in listing.text
    assert "<script>alert" not in one.text
    assert html.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert (found["total"], found["distinct"], found["messages"][0]["text"].strip()) == (1, 2, "code 111111")
