"""Which records of the vote topic say something: the wire format, written down a second time.

CloudEvents attributes lie in the headers, JSON in the value (``docs/events.md``). What is refused here
the tally and the trees refuse too, so it is a vote to nobody; the recount says how many there are.
"""

from datetime import datetime
from typing import Annotated

import msgspec
from aiokafka import ConsumerRecord

_LARGEST = 1_200
_NEVER_SENT_BACK = "showcase-only-group"
_BRACKETS = 300
"""So many no parser minds. A value with more is not asked for its contest: whether it could be read would
hang on how deep the parser was called."""
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_Integer = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]


class Signals(msgspec.Struct, frozen=True):
    """What the detectors were told of a vote."""

    subnet24: str = ""
    subnet48: str = ""
    prefix: str = ""
    mail_domain_class: str = ""
    mail_domain: str = ""
    agent: str = ""
    agent_class: str = ""
    code_age_seconds: _Integer | None = None


class Vote(msgspec.Struct):
    """A ballot as it was received."""

    contest_id: str
    receipt_id: str
    voter_id: str
    slot: str
    entry_id: str
    commitment: str
    key_id: str
    cast_at: _Instant
    signals: Signals = Signals()


class Seal(msgspec.Struct):
    """The end of the vote in a partition."""

    contest_id: str
    partition: Annotated[int, msgspec.Meta(ge=0)]
    sealed_at: _Instant


class Unread(msgspec.Struct):
    """What nobody can read."""

    contest_id: str | None = None
    """As far as it is JSON that names one."""


_VALUES: dict[str, msgspec.json.Decoder[Vote] | msgspec.json.Decoder[Seal]] = {
    "showcase.voting.VoteCast.v1": msgspec.json.Decoder(Vote),
    "showcase.voting.VotingSealed.v1": msgspec.json.Decoder(Seal),
}
_UNREAD = msgspec.json.Decoder(Unread)


def read(record: "ConsumerRecord[bytes, bytes]") -> Vote | Seal | Unread:
    """What a record says."""
    value = record.value or b""
    kind = _kind(record)
    if kind in _VALUES and len(value) <= _LARGEST and b"\\u0000" not in value:
        try:
            value.decode()
            said = _VALUES[kind].decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return _unread(value)
        if isinstance(said, Seal) or 2 <= said.cast_at.year <= 9998:
            return said
    return _unread(value)


def _unread(value: bytes) -> Unread:
    if value.count(b"[") + value.count(b"{") > _BRACKETS:
        return Unread()
    try:
        return _UNREAD.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Unread()


def _kind(record: "ConsumerRecord[bytes, bytes]") -> str:
    """The type of an event; empty where it is none, or one that was sent back, as no vote ever is."""
    if any(name == _NEVER_SENT_BACK for name, _ in record.headers):
        return ""
    try:
        (record.key or b"").decode()
        told = {name: (value or b"").decode() for name, value in record.headers if name.startswith("ce_")}
    except UnicodeDecodeError:
        return ""
    is_event = told.get("ce_specversion") == "1.0" and told.get("ce_id") and _is_instant(told.get("ce_time"))
    return told.get("ce_type", "") if is_event else ""


def _is_instant(told: str | None) -> bool:
    try:
        return datetime.fromisoformat(told or "").tzinfo is not None
    except ValueError:
        return False
