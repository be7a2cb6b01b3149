"""Reading the vote log quickly says the same as reading it by the codec."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voting.vote_log import LoggedSeal, logged, read_log
from shared.contracts.examples import EXAMPLES
from shared.contracts.voting import VoteCast, VotingSealed
from shared.messaging.codec import ONLY_GROUP, Bad, Good, decode_record, encode

EVENTS = {event.event_type(): event for event in (VoteCast, VotingSealed)}
VOTE = EXAMPLES[VoteCast.event_type()].event
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
    encoded = encode(event)
    return Record(encoded.value, [*encoded.headers], **changes)


def as_the_codec_says(record: Record, group: str = "g") -> tuple[list[Any], list[Any], list[str]]:
    found = decode_record(record, EVENTS)
    if isinstance(found, Bad):
        return [], [], [found.reason]
    if isinstance(found, Good) and isinstance(found.event, VoteCast):
        return [logged(found.event, record.partition, record.offset)], [], []
    if isinstance(found, Good):
        return [], [LoggedSeal(found.event.contest_id, record.partition, record.offset)], []
    return [], [], []


def quickly(record: Record, group: str = "g") -> tuple[list[Any], list[Any], list[str]]:
    log = read_log([record], group)
    return log.votes, log.seals, [reason for _, reason in log.unusable]


def without(record: Record, name: str) -> Record:
    return Record(record.value, [pair for pair in record.headers if pair[0] != name])


def with_header(name: str, value: bytes | None) -> Record:
    record = without(a_record(), name)
    record.headers.append((name, value))
    return record


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
}


@pytest.mark.parametrize("what", RECORDS)
def test_record_reads_as_the_codec_reads_it(what: str) -> None:
    assert quickly(RECORDS[what]) == as_the_codec_says(RECORDS[what])


def test_record_that_was_sent_back_is_read_by_its_group_alone() -> None:
    record = with_header(ONLY_GROUP, b"voting-tally")
    assert quickly(record, "voting-tree") == ([], [], [])
    assert quickly(record, "voting-tally") == as_the_codec_says(a_record())


@given(st.binary(max_size=60), st.integers(0, 500))
def test_damage_anywhere_reads_alike(noise: bytes, at: int) -> None:
    whole = a_record()
    assert whole.value is not None
    at = min(at, len(whole.value))
    damaged = Record(whole.value[:at] + noise + whole.value[at + len(noise) :], whole.headers)
    assert quickly(damaged) == as_the_codec_says(damaged)
