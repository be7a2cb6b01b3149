"""From words to the bytes of one mail: mixed(alternative(plain, html), PDF, ICS)."""

import hashlib
from base64 import encodebytes
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import compat32
from email.utils import format_datetime, formataddr

from services.notify.domain.texts import fill
from services.notify.mail.look import Frame, html, link
from services.notify.notice_files import NoticeText
from shared.mail_address import mail_address

_SMTP = compat32.clone(linesep="\r\n", max_line_length=998)
"""What needs folding is folded when it is encoded; the rest is one line, as RFC 5322 allows."""


@dataclass(frozen=True, slots=True)
class File:
    """An attachment. ``method`` is of a calendar file: REQUEST or CANCEL."""

    name: str
    media_type: str
    content: bytes
    method: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a mail comes from and goes to, and what keeps it the same mail however often it is sent."""

    sender: str
    sender_name: str
    to: str
    key: str
    """Contest, event, recipient and channel of its notice."""
    language: str
    at: datetime
    reply_to: str = ""
    """Whom an answer should reach, where that is not the sender."""

    def message_id(self) -> str:
        digest = hashlib.sha256(self.key.encode()).hexdigest()[:32]
        return f"<{digest}@{self.sender.rpartition('@')[2]}>"


def one_line(text: str) -> str:
    """``text`` fit for a header: no line breaks, no control characters."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def words_of(text: NoticeText, facts: dict[str, str]) -> NoticeText:
    """The notice's words with their places filled."""
    return text.model_copy(
        update={
            "subject": one_line(fill(text.subject, facts))[:200],
            "heading": fill(text.heading, facts),
            "paragraphs": tuple(fill(paragraph, facts) for paragraph in text.paragraphs),
            "action": one_line(fill(text.action, facts)),
            "url": fill(text.url, facts),
        }
    )


def plain(words: NoticeText, frame: Frame) -> str:
    """The plain part: the same words."""
    parts = [words.heading, *words.paragraphs]
    if words.action and words.url:
        parts.append(f"{words.action}: {words.url}")
    footer = list(frame.footer)
    if frame.stop_url:
        footer.append(f"{frame.stop_text}: {frame.stop_url}")
    return "\n\n".join([*parts, "-- \n" + "\n".join(footer)]) + "\n"


def build(envelope: Envelope, words: NoticeText, frame: Frame, files: Sequence[File]) -> bytes:
    """The message, ready for SMTP; built twice it has the same bytes.

    It is put together with the older half of the standard library, which writes the same message in a
    third of the time: no header is parsed again before it is written.

    Raises:
        ValueError: the address cannot stand in a header.
    """
    text, page = (_text(plain(words, frame), "plain"), _text(html(words, frame), "html"))
    message = MIMEMultipart("alternative", None, [text, page])
    if files:
        message = MIMEMultipart("mixed", None, [message, *(_attached(file) for file in files)])
    message["From"] = _named(one_line(envelope.sender_name), _address(envelope.sender))
    message["To"] = _address(envelope.to)
    message["Subject"] = _encoded(words.subject, "Subject")
    message["Date"] = format_datetime(envelope.at)
    message["Message-ID"] = envelope.message_id()
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = envelope.language
    if envelope.reply_to:
        message["Reply-To"] = _address(envelope.reply_to)
    if frame.stop_url:  # RFC 8058: one click, without a page in between
        message["List-Unsubscribe"] = f"<{link(frame.stop_url)}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        # the boundaries follow from the mail's key, not from chance
        part.set_boundary(hashlib.sha256(f"{envelope.key}\0{number}".encode()).hexdigest()[:40])
    return message.as_bytes(policy=_SMTP)


def _encoded(text: str, name: str) -> str:
    return Header(text, "us-ascii" if text.isascii() else "utf-8", header_name=name).encode()


def _named(name: str, address: str) -> str:
    return formataddr((name, address)) if name.isascii() else f"{_encoded(name, 'From')} <{address}>"


def _text(text: str, subtype: str) -> MIMENonMultipart:
    part = MIMENonMultipart("text", subtype, charset="utf-8")
    part.set_payload(encodebytes(text.replace("\n", "\r\n").encode()).decode("ascii"))
    part["Content-Transfer-Encoding"] = "base64"
    return part


def _attached(file: File) -> MIMENonMultipart:
    main, _, sub = file.media_type.partition("/")
    part = MIMENonMultipart(main, sub)
    if main == "text":
        part.set_param("charset", "utf-8")
    if file.method:
        part.set_param("method", file.method)
    part.set_payload(encodebytes(file.content).decode("ascii"))
    part["Content-Transfer-Encoding"] = "base64"
    part.add_header("Content-Disposition", "attachment", filename=file.name)
    return part


def _address(text: str) -> str:
    if not text.isascii():  # our relay is not asked for SMTPUTF8
        raise ValueError("not an e-mail address")
    return mail_address(text).addr_spec
