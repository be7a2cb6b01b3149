"""Reading the vote log quickly says the same as reading it by the codec."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voting import door, vote_log
from services.voting.vote_log import LoggedSeal, logged, read_log
from shared.contracts.examples import EXAMPLES
from shared.contracts.voting import VoteCast, VotingSealed
from shared.messaging.codec import ONLY_GROUP, Bad, Good, decode_record, encode

EVENTS = {event.event_type(): event for event in (VoteCast, VotingSealed)}
VOTE = EXAMPLES[VoteCast.event_type()].event
ORDER = [name for name, _ in door._headers(b"v-1", door.Origin())]
SEAL = EXAMPLES[VotingSealed.event_type()].event


@dataclass
class Record:
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    key: bytes | None = b"k"
    topic: str = VoteCast.TOPIC
    partition: int = 3
    offset: int = 7
    timestamp: int = 0


def a_record(event: Any = VOTE, **changes: Any) -> Record:
    """``event`` with its headers as the door orders them: only those are read without the codec."""
    encoded = encode(event)
    assert sorted(ORDER) == sorted(name for name, _ in encoded.headers)
    return Record(encoded.value, [(name, dict(encoded.headers)[name]) for name in ORDER], **changes)


UNUSABLE: tuple[list[Any], list[Any], int] = ([], [], 1)


def as_the_codec_says(record: Record) -> tuple[list[Any], list[Any], int]:
    found = decode_record(record, EVENTS)
    if isinstance(found, Bad):
        return UNUSABLE
    if isinstance(found, Good) and isinstance(found.event, VoteCast):
        return [logged(found.event, record.partition, record.offset)], [], 0
    if isinstance(found, Good):
        return [], [LoggedSeal(found.event.contest_id, record.partition, record.offset)], 0
    return [], [], 0


def quickly(record: Record) -> tuple[list[Any], list[Any], int]:
    log = read_log([record])
    assert all(reason for _, reason in log.unusable)
    return log.votes, log.seals, len(log.unusable)


def without(record: Record, name: str) -> Record:
    return Record(record.value, [pair for pair in record.headers if pair[0] != name])


def with_header(name: str, value: bytes | None) -> Record:
    """A vote with this header in the place of its own, or behind the others where it has none."""
    headers = a_record().headers
    if name in ORDER:
        headers[ORDER.index(name)] = (name, value)
    else:
        headers.append((name, value))
    return Record(a_record().value, headers)


RECORDS = {
    "a vote": a_record(),
    "a seal": a_record(SEAL),
    "no value": Record(None, a_record().headers),
    "no JSON": Record(b"{", a_record().headers),
    "a list": Record(b"[]", a_record().headers),
    "not UTF-8": Record(b'{"contest_id":"\xff"}', a_record().headers),
    "no voter": Record(a_record().value.replace(b"voter_id", b"voter_xx"), a_record().headers),  # type: ignore[union-attr]
    "a number for an entry": Record(
        a_record().value.replace(b'"entry_id":"', b'"entry_id":7,"x":"'),  # type: ignore[union-attr]
        a_record().headers,
    ),
    "a field of tomorrow": Record(b'{"new":[1],' + a_record().value[1:], a_record().headers),  # type: ignore[index]
    "no type": without(a_record(), "ce_type"),
    "no id": without(a_record(), "ce_id"),
    "no time": without(a_record(), "ce_time"),
    "no version": without(a_record(), "ce_specversion"),
    "a time without an offset": with_header("ce_time", b"2022-08-05T06:00:00"),
    "a header that is not UTF-8": with_header("ce_id", b"\xff"),
    "somebody else's header that is not UTF-8": with_header("x-other", b"\xff"),
    "another type": with_header("ce_type", b"showcase.voting.VoteCast.v2"),
    "an empty header": with_header("ce_time", None),
    "an empty subject": with_header("ce_subject", None),
    "an empty id": with_header("ce_id", b""),
    "an attribute more": with_header("ce_other", b"1"),
    "an attribute more that is not UTF-8": with_header("ce_other", b"\xff"),
    "a subject that is not UTF-8": with_header("ce_subject", b"\xff"),
    "a source that is not UTF-8": with_header("ce_source", b"\xff"),
    "a correlation that is not UTF-8": with_header("ce_correlationid", b"\xff"),
    "a cause": with_header("ce_causationid", b"7"),
    "a trace": with_header("traceparent", b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01"),
    "a trace that is not UTF-8": with_header("traceparent", b"\xff"),
    "no content type": without(a_record(), "content-type"),
    "no correlation": without(a_record(), "ce_correlationid"),
    "a name twice, the first not UTF-8": Record(
        a_record().value, [("ce_subject", b"\xff"), *without(a_record(), "content-type").headers]
    ),
    "two traces": Record(
        a_record().value, [*a_record().headers, ("traceparent", b"1"), ("traceparent", b"2")]
    ),
    "headers in another order": Record(a_record().value, a_record().headers[::-1]),
    "a type twice": Record(a_record().value, [("ce_type", b"x"), *a_record().headers]),
    "a key that is not UTF-8": a_record(key=b"\xff"),
    "a key in Thai": a_record(key="ก".encode()),
    "no key": a_record(key=None),
    "an empty key": a_record(key=b""),
    "a value that is too long": Record(
        a_record().value[:-1] + b',"more":"' + b"x" * 1_000_000 + b'"}',
        a_record().headers,  # type: ignore[index]
    ),
    "a place of its own": Record(b'{"partition":1,"offset":2,' + a_record().value[1:], a_record().headers),  # type: ignore[index]
    "a place that is none": Record(b'{"partition":"x",' + a_record().value[1:], a_record().headers),  # type: ignore[index]
    "no headers": Record(a_record().value, []),
}


@pytest.mark.parametrize("what", RECORDS)
def test_record_reads_as_the_codec_reads_it(what: str) -> None:
    assert quickly(RECORDS[what]) == as_the_codec_says(RECORDS[what])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "the header showcase-only-group: a vote is never sent back"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"contest_id":"\xff"}', "the value is not UTF-8"),
        (b'{"contest_id":"\\u0000"}', "the value has a NUL"),
        (b'{"contest_id":7}', "Expected `str`, got `int` - at `$.contest_id`"),
        (b" " * 1_201, "the value has 1201 bytes, more than 1200"),
    ],
)
def test_reason_repeats_nothing_of_the_value(value: bytes | None, reason: str) -> None:
    record = a_record() if value is not None else with_header(ONLY_GROUP, b"voting-tally")
    record.value = record.value if value is None else value
    assert [why for _, why in read_log([record]).unusable] == [reason]


def test_longest_vote_of_the_door_is_far_from_too_long() -> None:
    signals = VOTE.signals.model_copy(
        update=dict.fromkeys(("subnet24", "subnet48", "prefix", "mail_domain", "agent"), "f" * 16)
        | {"code_age_seconds": -(2**31), "mail_domain_class": "government", "agent_class": "desktop"}
    )
    slug = "s" * 63
    vote = VOTE.model_copy(
        update={"contest_id": slug, "slot": slug, "voter_id": "f" * 32, "signals": signals}
        | {"cast_at": datetime(2022, 8, 5, 18, 0, 0, 123456, timezone(timedelta(hours=7)))}
    )
    assert len(a_record(vote).value or b"") <= 670 < vote_log.MOST_BYTES / 1.5


def test_deepest_nesting_is_no_fault_of_the_reader() -> None:
    value = a_record().value or b""
    depth = (vote_log.MOST_BYTES - len(value) - len(b'"new":,')) // 2
    record = Record(b'{"new":' + b"[" * depth + b"]" * depth + b"," + value[1:], a_record().headers)
    assert quickly(record) == quickly(a_record())


@given(st.binary(max_size=60), st.integers(0, 500))
def test_damage_anywhere_reads_alike(noise: bytes, at: int) -> None:
    whole = a_record()
    assert whole.value is not None
    at = min(at, len(whole.value))
    damaged = Record(whole.value[:at] + noise + whole.value[at + len(noise) :], whole.headers)
    assert quickly(damaged) in (as_the_codec_says(damaged), UNUSABLE)  # it is no stricter than we are


names = st.sampled_from(
    [name for name, _ in a_record().headers] + ["traceparent", "ce_causationid", ONLY_GROUP, "x"]
)
values = st.none() | st.binary(max_size=3) | st.sampled_from([value for _, value in a_record().headers])


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), names, values), max_size=3))
def test_headers_of_any_kind_read_alike(
    changes: list[tuple[int, bool, str, bytes | None]],
) -> None:
    headers = a_record().headers
    for at, instead, name, value in changes:
        headers[at : at + instead] = [(name, value)]
    record = Record(a_record().value, headers)
    sent_back = any(name == ONLY_GROUP for name, _ in headers)
    assert quickly(record) == (UNUSABLE if sent_back else as_the_codec_says(record))


@pytest.mark.parametrize("traced", ["", "00-" + "1" * 32 + "-" + "2" * 16 + "-01"])
def test_vote_of_the_door_is_read_without_the_codec(traced: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vote_log, "read_attributes", None)
    headers = [*door._headers(b"v-1", door.Origin(traceparent=traced))]
    log = read_log([Record(a_record().value, headers, key=b"v-1")])
    assert log.votes == [logged(VOTE, 3, 7)]
