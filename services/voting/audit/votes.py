"""Which records of the vote topic say something: the wire format, written down a second time.

CloudEvents attributes lie in the headers, JSON in the value (``docs/events.md``). What is refused here
the tally and the trees refuse too, so it is a vote to nobody; the recount says how many there are.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from aiokafka import ConsumerRecord

VOTE = "showcase.voting.VoteCast.v1"
SEAL = "showcase.voting.VotingSealed.v1"
_TEXTS = {
    VOTE: ("contest_id", "receipt_id", "voter_id", "slot", "entry_id", "commitment", "key_id"),
    SEAL: ("contest_id",),
}
_INSTANT = {VOTE: "cast_at", SEAL: "sealed_at"}
_LARGEST = 1_000_000
_decode = msgspec.json.Decoder().decode


def read(record: "ConsumerRecord[bytes, bytes]") -> tuple[str, dict[str, Any]]:
    """The type and the body of a record. The type is empty where nobody can read it; the body is then
    what JSON there is, by which the contest may be known."""
    body = _body(record.value)
    kind = _kind(record)
    return (kind if kind and _is_whole(kind, body) else ""), body


def _body(value: bytes | None) -> dict[str, Any]:
    if not value or len(value) > _LARGEST:
        return {}
    try:
        body = _decode(value)
    except (ValueError, UnicodeDecodeError):
        return {}
    return body if isinstance(body, dict) else {}


def _kind(record: "ConsumerRecord[bytes, bytes]") -> str:
    try:
        (record.key or b"").decode()
        told = {name: (value or b"").decode() for name, value in record.headers if name.startswith("ce_")}
    except UnicodeDecodeError:
        return ""
    kind = told.get("ce_type", "")
    is_event = told.get("ce_specversion") == "1.0" and told.get("ce_id") and _is_instant(told.get("ce_time"))
    return kind if kind in _TEXTS and is_event else ""


def _is_whole(kind: str, body: Mapping[str, Any]) -> bool:
    if any(type(body.get(name)) is not str for name in _TEXTS[kind]) or not _is_instant(
        body.get(_INSTANT[kind])
    ):
        return False
    if kind == SEAL:
        return type(body.get("partition")) is int and body["partition"] >= 0
    return _are_signals(body.get("signals", {}))


def _are_signals(signals: Any) -> bool:
    if not isinstance(signals, dict):
        return False
    age = signals.get("code_age_seconds")
    texts = ("subnet24", "subnet48", "prefix", "mail_domain_class", "mail_domain", "agent", "agent_class")
    return type(age) in (int, type(None)) and all(type(signals.get(name, "")) is str for name in texts)


def _is_instant(told: Any) -> bool:
    try:
        return datetime.fromisoformat(told).tzinfo is not None
    except (TypeError, ValueError):
        return False
