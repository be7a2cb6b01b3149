"""One-time codes: six digits, ten minutes, five tries, three an hour, once."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.voting.domain.keys import ContestKeys, keyed_hash

DIGITS = 6
LIFETIME = timedelta(minutes=10)
MAX_TRIES = 5
MAX_SENDS = 3
SEND_WINDOW = timedelta(hours=1)


class CodeAnswer(StrEnum):
    """What came of a typed code."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    EXPIRED = "expired"
    """Never sent, too old, or already used."""
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True)
class SentCode:
    """A code as the database remembers it: never the digits."""

    digest: bytes
    sent_at: datetime
    tries: int
    used: bool


def new_code() -> str:
    """Six digits from the system's randomness."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"


def code_digest(keys: ContestKeys, subject: bytes, code: str) -> bytes:
    """The keyed hash by which a code is kept and compared."""
    return keyed_hash(keys.codes, subject.hex(), code)


def check_code(
    keys: ContestKeys, subject: bytes, sent: SentCode | None, typed: str, now: datetime
) -> CodeAnswer:
    """Whether ``typed`` is the code that was sent; compares in constant time, and compares even when
    nothing was sent, so that the time taken tells nothing."""
    digest = code_digest(keys, subject, "".join(typed.split()))
    equal = hmac.compare_digest(digest, sent.digest if sent else bytes(len(digest)))
    if sent is None or sent.used or now >= sent.sent_at + LIFETIME:
        return CodeAnswer.EXPIRED
    if sent.tries >= MAX_TRIES:
        return CodeAnswer.EXHAUSTED
    if equal:
        return CodeAnswer.ACCEPTED
    return CodeAnswer.EXHAUSTED if sent.tries + 1 >= MAX_TRIES else CodeAnswer.WRONG


def wait_before_next(sent: list[datetime], now: datetime) -> timedelta | None:
    """How long until another code may be sent; None when it may be sent at once."""
    recent = sorted(instant for instant in sent if instant > now - SEND_WINDOW)
    if len(recent) < MAX_SENDS:
        return None
    return recent[-MAX_SENDS] + SEND_WINDOW - now
