"""CloudEvents 1.0 in Kafka's binary mode: attributes in ``ce_*`` headers, the event's JSON as value.

Reading never raises: whatever bytes a record has, :func:`decode_record` says what it is.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from pydantic import ValidationError

from shared.contracts.catalogue import TOPICS
from shared.contracts.event import Event
from shared.contracts.ids import new_id
from shared.messaging.envelope import Envelope
from shared.observability.context import current_correlation_id, current_traceparent

RawHeaders = Sequence[tuple[str, bytes | None]]
MAX_EVENT_BYTES = 1_000_000
"""The largest value of an event; below the broker's own limit of 1 MiB for a record with its headers."""
ONLY_GROUP = "showcase-only-group"
"""Header of a dead letter that was sent back: only the group that it names reads it."""
_CONTENT_TYPE = "application/json"


class RawRecord(Protocol):
    """What the codec needs of aiokafka's ``ConsumerRecord``."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> RawHeaders: ...


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """A record as a producer takes it: ``producer.send(r.topic, r.value, key=r.key, headers=r.headers)``."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    event_id: str


@dataclass(frozen=True, slots=True)
class Good:
    """A known event that can be read."""

    event: Event
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Bad:
    """A record that can never be read; ``reason`` holds nothing of its value on topics with personal data."""

    reason: str


@dataclass(frozen=True, slots=True)
class Skip:
    """An event of a type that this reader does not use; counted, then passed over."""

    event_type: str


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A key without a value: what was told under this key is erased."""

    key: str
    envelope: Envelope


Decoded = Good | Bad | Skip | Tombstone


def headers_for(
    event: Event, event_id: str, *, cause: Envelope | None = None, at: datetime | None = None
) -> dict[str, str]:
    """The headers of ``event``'s record."""
    return attributes(
        event_id=event_id,
        event_type=event.event_type(),
        service=event.SERVICE,
        subject=event.key(),
        cause=cause,
        at=at,
    ) | {"content-type": _CONTENT_TYPE}


def attributes(
    *,
    event_id: str,
    event_type: str,
    service: str,
    subject: str,
    cause: Envelope | None = None,
    at: datetime | None = None,
) -> dict[str, str]:
    """CloudEvents attributes as headers, with the correlation and the trace of the task at hand."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_type": event_type,
        "ce_source": f"/showcase/{service}",
        "ce_subject": subject,
        "ce_time": (at or datetime.now(UTC)).isoformat(),
        "ce_correlationid": cause.correlation_id if cause else current_correlation_id() or event_id,
    }
    if cause:
        headers["ce_causationid"] = cause.id
    if traceparent := current_traceparent():
        headers["traceparent"] = traceparent
    return headers


def encode(event: Event, *, event_id: str = "", cause: Envelope | None = None) -> OutgoingRecord:
    """``event`` as a record, for the one path that does not go through the outbox: the vote's."""
    event_id = event_id or new_id()
    return OutgoingRecord(
        topic=event.TOPIC,
        key=event.key().encode(),
        value=event.model_dump_json().encode(),
        headers=wire_headers(headers_for(event, event_id, cause=cause)),
        event_id=event_id,
    )


def wire_headers(headers: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """Headers as Kafka carries them."""
    return [(name, value.encode()) for name, value in headers.items()]


def decode_record(record: RawRecord, events: Mapping[str, type[Event]]) -> Decoded:
    """What ``record`` is to a reader of ``events`` (by CloudEvents type). Never raises."""
    found = read_attributes(record, events)
    if not isinstance(found, tuple):
        return found
    event_class, headers = found
    try:
        event = event_class.model_validate_json(record.value or b"")
    except ValidationError as error:
        return Bad(_reason(error, private=is_private(record.topic)))
    return Good(event, _envelope(record, headers, fallback_time=_timestamp(record)))


def read_attributes(
    record: RawRecord, events: Mapping[str, type[Event]]
) -> tuple[type[Event], dict[str, str]] | Bad | Skip | Tombstone:
    """What ``record`` says it is, and its headers; its value is not looked into. Never raises."""
    headers = readable_headers(record.headers)
    if isinstance(headers, Bad):
        return headers
    key = _text(record.key)
    if key is None:
        return Bad("the key is not UTF-8")
    if record.value is None:
        return Tombstone(key, _envelope(record, headers, fallback_time=_timestamp(record)))
    event_type = headers.get("ce_type", "")
    if not event_type:
        return Bad("not a CloudEvent: there is no header ce_type")
    event_class = events.get(event_type)
    if event_class is None:
        return Skip(event_type)
    if fault := _attribute_fault(headers):
        return Bad(fault)
    if len(record.value) > MAX_EVENT_BYTES:
        return Bad(f"the value has {len(record.value)} bytes, more than {MAX_EVENT_BYTES}")
    return event_class, headers


def readable_headers(headers: RawHeaders) -> dict[str, str] | Bad:
    """Headers as text; of a repeated name the last counts. One that is not UTF-8 makes the record bad
    only if it is one of ours: other people's headers are not our business."""
    readable: dict[str, str] = {}
    for name, value in headers:
        text = _text(value)
        if text is not None:
            readable[name] = text
        elif name.startswith("ce_"):
            return Bad(f"the header {name} is not UTF-8")
    return readable


def is_for_another_group(record: RawRecord, group: str) -> bool:
    """Whether ``record`` was sent back to a group that is not ``group``."""
    return any(name == ONLY_GROUP and value != group.encode() for name, value in record.headers)


def identity(record: RawRecord) -> str:
    """What tells this record from one that later lies at the same offset: its ``ce_id``, else a hash."""
    for name, value in record.headers:
        if name == "ce_id" and value and (text := _text(value)):
            return text
    digest = hashlib.sha256(b"%d|" % record.timestamp)
    digest.update(record.key or b"")
    digest.update(record.value or b"")
    return f"sha256:{digest.hexdigest()}"


def is_private(topic: str) -> bool:
    """Whether a topic's values must not be copied elsewhere: it is marked so, or nobody knows it."""
    declared = TOPICS.get(topic)
    return declared is None or declared.personal_data


def _attribute_fault(headers: Mapping[str, str]) -> str:
    if headers.get("ce_specversion") != "1.0":
        return "not CloudEvents 1.0: the header ce_specversion is not 1.0"
    if not headers.get("ce_id"):
        return "not a CloudEvent: there is no header ce_id"
    if _instant(headers.get("ce_time", "")) is None:
        return "the header ce_time is not a time with an offset"
    return ""


def _envelope(record: RawRecord, headers: Mapping[str, str], *, fallback_time: datetime) -> Envelope:
    event_id = headers.get("ce_id") or identity(record)
    return Envelope(
        id=event_id,
        type=headers.get("ce_type", ""),
        source=headers.get("ce_source", ""),
        subject=headers.get("ce_subject", ""),
        time=_instant(headers.get("ce_time", "")) or fallback_time,
        correlation_id=headers.get("ce_correlationid") or event_id,
        causation_id=headers.get("ce_causationid", ""),
        traceparent=headers.get("traceparent", ""),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
    )


def _reason(error: ValidationError, *, private: bool) -> str:
    first, *others = error.errors(include_url=False, include_input=False, include_context=False)
    where = ".".join(str(part) for part in first["loc"]) or "the value"
    what = first["type"] if private else f"{first['type']}: {first['msg']}"
    more = f" (and {len(others)} more)" if others else ""
    return f"{where}: {what}{more}"[:500]


def _instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else None


def _timestamp(record: RawRecord) -> datetime:
    try:
        return datetime.fromtimestamp(record.timestamp / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _text(value: bytes | None) -> str | None:
    try:
        return (value or b"").decode()
    except UnicodeDecodeError:
        return None
