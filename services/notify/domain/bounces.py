"""What a delivery status notification says (RFC 3464, 3463), and what follows from it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import EmailMessage, Message
from enum import StrEnum

_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_DEAD = frozenset({"0.0", "1.0", "1.1", "1.2", "1.3", "1.6", "1.10", "2.1"})
"""Subject and detail of 5.x.y that mean: nobody is there. 5.2.2 (full) and 5.7.x (policy) do not."""


class Verdict(StrEnum):
    HARD = "hard"
    """It will never arrive."""
    SOFT = "soft"
    """The server gave up for now (4.x.x): another try may arrive."""
    DELAYED = "delayed"
    """It still tries; nothing to do."""
    ARRIVED = "arrived"


@dataclass(frozen=True, slots=True)
class Report:
    """What one report says of one recipient."""

    verdict: Verdict
    recipient: str
    status: str
    diagnostic: str
    message_id: str = ""
    """Of the mail that came back, where the report quotes it."""

    @property
    def address_dead(self) -> bool:
        """Whether nothing should be sent there any more."""
        return self.verdict is Verdict.HARD and is_dead(self.status)


def status_in(text: str) -> str:
    """The first enhanced status code in an answer: ``5.1.1``; empty without one."""
    found = _STATUS.search(text)
    return found[0] if found else ""


def is_dead(status: str) -> bool:
    """Whether a permanent status is about the address, not about this mail."""
    return status.startswith("5.") and status[2:] in _DEAD


def reports_in(message: EmailMessage) -> tuple[Report, ...]:
    """Every recipient's report of a DSN; empty where the mail is none (an absence note, a reply)."""
    if message.get_content_type() != "multipart/report":
        return ()
    parts = list(message.walk())
    status = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
    if status is None:
        return ()
    message_id = _returned_id(parts)
    blocks = status.get_payload()
    found = []
    for block in blocks if isinstance(blocks, list) else []:
        if not isinstance(block, Message) or "Action" not in block:
            continue  # the first block is about the message, not about a recipient
        code = status_in(_text(block, "Status"))
        verdict = _verdict(_text(block, "Action").casefold(), code)
        if verdict is not None:
            found.append(
                Report(
                    verdict,
                    _address(_text(block, "Original-Recipient") or _text(block, "Final-Recipient")),
                    code,
                    _diagnostic(_text(block, "Diagnostic-Code")),
                    message_id,
                )
            )
    return tuple(found)


def _verdict(action: str, status: str) -> Verdict | None:
    match action:
        case "failed":
            return Verdict.SOFT if status.startswith("4.") else Verdict.HARD
        case "delayed":
            return Verdict.DELAYED
        case "delivered" | "relayed" | "expanded":
            return Verdict.ARRIVED
    return None


def _returned_id(parts: Iterable[Message]) -> str:
    for part in parts:
        if part.get_content_type() in ("message/rfc822", "message/rfc822-headers", "message/global-headers"):
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], Message):
                return _text(inner[0], "Message-ID")
        if part.get_content_type() == "text/rfc822-headers":
            found = re.search(r"(?im)^message-id:\s*(<[^>\s]+>)", str(part.get_payload()))
            if found:
                return found[1]
    return ""


def _text(message: Message, name: str) -> str:
    return " ".join(str(message.get(name, "")).split())


def _address(text: str) -> str:
    """``rfc822;someone@office.example`` → the address."""
    return text.partition(";")[2].strip() or text


def _diagnostic(text: str) -> str:
    return (text.partition(";")[2].strip() or text)[:300]
