"""The codec reads whatever bytes a record has and never raises."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.catalogue import EVENT_TYPES
from shared.contracts.ids import ContestId, RegistrationId
from shared.contracts.intake import BriefingCancelled
from shared.messaging.codec import (
    ONLY_GROUP,
    Bad,
    Good,
    Skip,
    Tombstone,
    decode_record,
    encode,
    identity,
    is_for_another_group,
)
from shared.messaging.envelope import Envelope
from shared.observability.context import set_correlation_id


@dataclass(frozen=True)
class Raw:
    """A record as aiokafka gives it."""

    topic: str = "intake.briefing.v1"
    partition: int = 1
    offset: int = 5
    timestamp: int = 1_659_000_000_000
    key: bytes | None = b"r-1"
    value: bytes | None = b""
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


def cancelled() -> BriefingCancelled:
    values: dict[str, Any] = {
        "contest_id": ContestId("smart-city-2022"),
        "registration_id": RegistrationId("r-1"),
        "contact_id": "c-1",
        "revision": 2,
        "cancelled_at": datetime(2022, 7, 1, 2, 30, tzinfo=UTC),
    }
    return BriefingCancelled.model_validate(values)


def as_record(**changes: Any) -> Raw:
    outgoing = encode(cancelled(), event_id="0190-a")
    headers: list[tuple[str, bytes | None]] = list(outgoing.headers)
    return replace(Raw(key=outgoing.key, value=outgoing.value, headers=headers), **changes)


def with_header(name: str, value: bytes | None) -> list[tuple[str, bytes | None]]:
    return [(each, old) for each, old in as_record().headers if each != name] + [(name, value)]


def test_what_is_encoded_is_decoded() -> None:
    set_correlation_id("request-7")
    try:
        record = as_record()
    finally:
        set_correlation_id("")
    decoded = decode_record(record, EVENT_TYPES)
    assert isinstance(decoded, Good)
    assert decoded.event == cancelled()
    assert decoded.envelope == Envelope(
        id="0190-a",
        type="showcase.intake.BriefingCancelled.v1",
        source="/showcase/intake",
        subject="r-1",
        time=decoded.envelope.time,
        correlation_id="request-7",
        topic="intake.briefing.v1",
        partition=1,
        offset=5,
    )


def test_consequence_carries_its_causes_correlation() -> None:
    first = decode_record(as_record(), EVENT_TYPES)
    assert isinstance(first, Good)
    headers = dict(encode(cancelled(), cause=first.envelope).headers)
    assert headers["ce_causationid"] == b"0190-a"
    assert headers["ce_correlationid"] == b"0190-a"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (as_record(value=b"{"), "the value: json_invalid"),
        (as_record(value=b'{"revision": 0}'), "contest_id: missing"),
        (as_record(value=b"x" * 1_000_001), "more than 1000000"),
        (as_record(key=b"\xff"), "the key is not UTF-8"),
        (as_record(headers=[]), "there is no header ce_type"),
        (as_record(headers=with_header("ce_id", b"")), "there is no header ce_id"),
        (as_record(headers=with_header("ce_specversion", b"0.3")), "not CloudEvents 1.0"),
        (as_record(headers=with_header("ce_time", b"2022-07-01T02:30:00")), "ce_time is not a time"),
        (as_record(headers=with_header("ce_source", b"\xc3\x28")), "ce_source is not UTF-8"),
    ],
)
def test_record_that_cannot_be_read_is_bad_with_its_reason(record: Raw, expected: str) -> None:
    decoded = decode_record(record, EVENT_TYPES)
    assert isinstance(decoded, Bad)
    assert expected in decoded.reason


def test_unknown_type_is_skipped() -> None:
    record = as_record(headers=with_header("ce_type", b"showcase.intake.BriefingCancelled.v2"))
    assert decode_record(record, EVENT_TYPES) == Skip("showcase.intake.BriefingCancelled.v2")


def test_tombstone_needs_only_its_key() -> None:
    decoded = decode_record(as_record(value=None, headers=[]), EVENT_TYPES)
    assert isinstance(decoded, Tombstone)
    assert decoded.key == "r-1"
    assert decoded.envelope.time == datetime(2022, 7, 28, 9, 20, tzinfo=UTC)


def test_later_field_of_a_newer_writer_is_ignored() -> None:
    value = encode(cancelled()).value.replace(b'{"contest_id"', b'{"added_later": [1], "contest_id"')
    assert isinstance(decode_record(as_record(value=value), EVENT_TYPES), Good)


def test_reason_on_a_personal_topic_holds_nothing_of_the_value() -> None:
    record = as_record(
        topic="intake.contact.v1",
        value=b'{"contest_id": "c", "email": "somsri@example.test"}',
        headers=with_header("ce_type", b"showcase.intake.ContactUpserted.v1"),
    )
    decoded = decode_record(record, EVENT_TYPES)
    assert isinstance(decoded, Bad)
    assert "somsri" not in decoded.reason


raw_headers = st.lists(
    st.tuples(
        st.sampled_from(["ce_id", "ce_type", "ce_time", "ce_specversion", "traceparent", "x"]) | st.text(),
        st.none() | st.binary() | st.sampled_from([b"1.0", b"showcase.intake.BriefingCancelled.v1"]),
    )
)


@given(
    key=st.none() | st.binary(),
    value=st.none() | st.binary(),
    headers=raw_headers,
    timestamp=st.integers(-(2**63), 2**63 - 1),
)
def test_no_bytes_make_it_raise(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]], timestamp: int
) -> None:
    record = Raw(key=key, value=value, headers=headers, timestamp=timestamp)
    assert isinstance(decode_record(record, EVENT_TYPES), Good | Bad | Skip | Tombstone)
    assert identity(record)


def test_identity_is_the_event_id_or_else_a_hash_of_the_record() -> None:
    assert identity(as_record()) == "0190-a"
    bare = as_record(headers=[])
    assert identity(bare).startswith("sha256:")
    assert identity(bare) != identity(replace(bare, value=b"other"))
    assert identity(bare) != identity(replace(bare, timestamp=1))


def test_record_sent_back_is_for_one_group() -> None:
    record = as_record(headers=[(ONLY_GROUP, b"notify")])
    assert is_for_another_group(record, "scoring")
    assert not is_for_another_group(record, "notify")
    assert not is_for_another_group(as_record(), "scoring")
