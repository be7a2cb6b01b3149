"""One-time codes: six digits, ten minutes from the mailing, five tries, three an hour, once.

A code is not kept anywhere. It follows from its id and the voter under the contest's key, so that the
courier can make it again after a crash and a repeated mail carries the same digits; what is stored is a
keyed hash to compare with.
"""

import hmac
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
    sent_at: datetime | None
    """When it was handed over for delivery; None while it waits in the queue."""
    tries: int
    used: bool


def code_for(keys: ContestKeys, subject: bytes, code_id: str) -> str:
    """The six digits of the code with that id. The id is random, so the digits are; without the key
    nobody can tell them."""
    drawn = int.from_bytes(keyed_hash(keys.codes, "digits", subject.hex(), code_id)[:16], "big")
    return f"{drawn % 10**DIGITS:0{DIGITS}d}"


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
    if sent is None or sent.used or sent.sent_at is None or now >= sent.sent_at + LIFETIME:
        return CodeAnswer.EXPIRED
    if sent.tries >= MAX_TRIES:
        return CodeAnswer.EXHAUSTED
    if equal:
        return CodeAnswer.ACCEPTED
    return CodeAnswer.EXHAUSTED if sent.tries + 1 >= MAX_TRIES else CodeAnswer.WRONG


def wait_before_next(asked: list[datetime], now: datetime) -> timedelta | None:
    """How long until another code may be asked for; None when it may be at once."""
    recent = sorted(instant for instant in asked if instant > now - SEND_WINDOW)
    if len(recent) < MAX_SENDS:
        return None
    return recent[-MAX_SENDS] + SEND_WINDOW - now
