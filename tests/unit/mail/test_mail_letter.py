"""One mail: what its headers may hold, and its two alternatives."""

from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.mail import Mail, MemoryMailer, compose

SENDER = "no-reply@showcase.invalid"


def test_message_has_both_alternatives_and_says_that_it_is_automatic() -> None:
    mail = Mail("somchai@example.org", "รหัสเข้าสู่ระบบ 123456", "ข้อความ", "<p>ข้อความ</p>", "code-1")
    message = message_from_bytes(mail.message(SENDER).as_bytes(), policy=default)
    assert {
        name: message[name] for name in ("To", "From", "Subject", "Auto-Submitted", "Content-Language")
    } == {
        "To": "somchai@example.org",
        "From": SENDER,
        "Subject": "รหัสเข้าสู่ระบบ 123456",
        "Auto-Submitted": "auto-generated",
        "Content-Language": "th",
    }
    parts = [(part.get_content_type(), part.get_content().strip()) for part in message.iter_parts()]
    assert parts == [("text/plain", "ข้อความ"), ("text/html", "<p>ข้อความ</p>")]


def test_message_id_follows_the_key_and_the_recipient() -> None:
    first = Mail("a@example.org", "เรื่อง", "หนึ่ง", key="notice-7").message_id(SENDER)
    again = Mail("A@example.org", "เรื่องอื่น", "สอง", key="notice-7").message_id(SENDER)
    other = Mail("b@example.org", "เรื่อง", "หนึ่ง", key="notice-7").message_id(SENDER)
    assert first == again
    assert first != other
    assert first.endswith("@showcase.invalid>")


@pytest.mark.parametrize(
    "to",
    [
        "",
        "nobody",
        "a@example.org\r\nBcc: victim@example.org",
        "a@example.org, b@example.org",
        "A <a@example.org>",
        "a b@example.org",
        "a@example.org\0",
        "@example.org",
    ],
)
def test_an_address_that_is_not_exactly_one_is_refused(to: str) -> None:
    with pytest.raises(ValueError, match=r"address|one line"):
        Mail(to, "เรื่อง", "ข้อความ").message(SENDER)


@given(st.text(max_size=60))
def test_no_subject_makes_another_header(subject: str) -> None:
    try:
        raw = Mail("a@example.org", subject, "x").message(SENDER).as_bytes()
    except ValueError:
        return
    head = raw.split(b"\r\n\r\n", 1)[0]
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")]
    assert sorted(names) == sorted(
        [
            b"From",
            b"To",
            b"Subject",
            b"Date",
            b"Message-ID",
            b"Auto-Submitted",
            b"Content-Language",
            b"Content-Type",
            b"Content-Transfer-Encoding",
            b"MIME-Version",
        ]
    )


def test_compose_escapes_the_html_and_keeps_the_text() -> None:
    body = compose(
        "รหัส <b>",
        ["ใช้ภายใน 10 นาที & ครั้งเดียว"],
        code="123456",
        action="เปิดหน้านี้",
        url="https://showcase.test/?a=1&b=2",
        language="en",
    )
    assert body.text == (
        "รหัส <b>\n\nใช้ภายใน 10 นาที & ครั้งเดียว\n\n123456\n\n"
        "เปิดหน้านี้: https://showcase.test/?a=1&b=2\n\n--\n"
        "This mail was sent by a program; please do not reply.\n"
    )
    assert "<b>" not in body.html
    assert 'href="https://showcase.test/?a=1&amp;b=2"' in body.html
    assert 'html lang="en"' in body.html
    assert "{{" not in body.html
    assert "{%" not in body.html


def test_compose_without_code_and_link_has_neither() -> None:
    body = compose("หัวเรื่อง", ["ย่อหน้า"])
    assert "<a " not in body.html
    assert body.text == "หัวเรื่อง\n\nย่อหน้า\n\n--\nอีเมลนี้ส่งโดยระบบอัตโนมัติ โปรดอย่าตอบกลับ\n"


def test_compose_links_to_the_web_only() -> None:
    with pytest.raises(ValueError, match="http"):
        compose("x", [], action="x", url="javascript:alert(1)")


async def test_memory_mailer_keeps_what_was_sent() -> None:
    mailer = MemoryMailer()
    await mailer.send(to="a@example.org", subject="หนึ่ง", text="x")
    await mailer.send(to="b@example.org", subject="สอง", text="y")
    assert [mail.subject for mail in mailer.to("A@example.org")] == ["หนึ่ง"]
