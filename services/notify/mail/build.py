"""From words to the bytes of one mail: mixed(alternative(plain, html), PDF, ICS)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from services.notify.domain.texts import fill
from services.notify.mail.look import Frame, html, link
from services.notify.notice_files import NoticeText
from shared.mail_address import mail_address


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


def build(envelope: Envelope, words: NoticeText, frame: Frame, files: Sequence[File]) -> EmailMessage:
    """The message, ready for SMTP.

    Raises:
        ValueError: the address cannot stand in a header.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(one_line(envelope.sender_name), addr_spec=envelope.sender)
    message["To"] = mail_address(envelope.to)
    message["Subject"] = words.subject
    message["Date"] = format_datetime(envelope.at)
    message["Message-ID"] = envelope.message_id()
    message["Auto-Submitted"] = "auto-generated"
    if envelope.reply_to:
        message["Reply-To"] = mail_address(envelope.reply_to)
    if frame.stop_url:  # RFC 8058: one click, without a page in between
        message["List-Unsubscribe"] = f"<{link(frame.stop_url)}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(plain(words, frame), cte="base64")
    message.add_alternative(html(words, frame), subtype="html", cte="base64")
    for file in files:
        main, _, sub = file.media_type.partition("/")
        parameters = {"method": file.method} if file.method else {}
        message.add_attachment(
            file.content, maintype=main, subtype=sub, filename=file.name, params=parameters
        )
    message["Content-Language"] = envelope.language  # last: what moves into the parts takes Content-* along
    # A mail that is built twice has the same bytes: the boundaries follow from its key, not from chance.
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(hashlib.sha256(f"{envelope.key}\0{number}".encode()).hexdigest()[:40])
    return message
