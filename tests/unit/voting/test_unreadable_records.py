"""Records of the vote topic that nobody can read: the recount reads as the tally does, and names them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voting.audit import decisions, recount
from services.voting.audit.votes import Seal, Unread, Vote, read
from services.voting.vote_log import read_log
from shared.contracts.examples import EXAMPLES
from shared.contracts.voting import PopularVoteCertified, VoteCast, VotingSealed
from shared.messaging.codec import ONLY_GROUP, encode
from shared.settings import Settings
from tests.unit.voting.test_vote_log import RECORDS, Record, a_record, with_header

VOTE = EXAMPLES[VoteCast.event_type()].event
SEAL = EXAMPLES[VotingSealed.event_type()].event
CERTIFICATE = EXAMPLES[PopularVoteCertified.event_type()].event
MINE = str(VOTE.contest_id)


def changed(event: Any = VOTE, **fields: Any) -> Record:
    value = json.loads(a_record(event).value or b"")
    return Record(json.dumps(value | fields).encode(), a_record(event).headers)


def with_text(more: bytes, event: Any = VOTE) -> Record:
    """A vote whose JSON begins with this member."""
    return Record(b"{" + more + b"," + (a_record(event).value or b"")[1:], a_record(event).headers)


NESTED = (1_200 - len(a_record().value or b"") - len(b'"new":,')) // 2
READ = {
    "no key": a_record(key=None),
    "a signal of tomorrow": changed(signals={"new": [1]}),
    "an instant in small letters": changed(cast_at="2022-08-05t18:00:00z"),
    "an instant in Bangkok": changed(cast_at="2022-08-05T18:00:00.25+07:00"),
    "an age below nothing": changed(signals={"code_age_seconds": -5}),
    "an age of nobody": changed(signals={"code_age_seconds": None}),
    "a number of tomorrow that is too large": with_text(b'"new":1e999'),
    "a value of tomorrow, nested": with_text(b'"new":' + b"[" * NESTED + b"]" * NESTED),
    "a backslash": changed(slot='"'),
    "a vote in Thai": changed(slot="ก"),
    "a seal of tomorrow": changed(SEAL, new=[1]),
}
UNREAD = {
    "another version of CloudEvents": with_header("ce_specversion", b"0.3"),
    "a record that was sent back": with_header(ONLY_GROUP, b"voting-tally"),
    "a record that was sent back to nobody": with_header(ONLY_GROUP, None),
    "an instant that is a number": changed(cast_at=1659700800),
    "an instant that is digits": changed(cast_at="1659700800"),
    "an instant without punctuation": changed(cast_at="20220805T180000Z"),
    "an instant without seconds": changed(cast_at="2022-08-05T18:00Z"),
    "an instant with a comma": changed(cast_at="2022-08-05T18:00:00,5Z"),
    "the first instant, elsewhere": changed(cast_at="0001-01-01T00:00:00+07:00"),
    "the last instant, elsewhere": changed(cast_at="9999-12-31T23:59:59-07:00"),
    "an age in quotes": changed(signals={"code_age_seconds": "5"}),
    "an age with a point": changed(signals={"code_age_seconds": 5.0}),
    "an age that is true": changed(signals={"code_age_seconds": True}),
    "an age that no column holds": changed(signals={"code_age_seconds": 2**31}),
    "a NUL": changed(voter_id="v\0"),
    "a NUL in Thai": with_text('"x":"ก"'.encode(), VOTE.model_copy(update={"slot": "\0"})),
    "a member of tomorrow that is not UTF-8": with_text(b'"new":"\xff"'),
    "a member that is no JSON": with_text(b'"new":NaN'),
    "a member twice, once of another kind": with_text(b'"slot":5'),
    "a value that is a little too long": with_text(b'"new":"%s"' % (b"x" * (2 * NESTED))),
    "a value too deep for a parser": with_text(b'"new":' + b"[" * 5_000 + b"]" * 5_000),
    "a seal of a partition in quotes": changed(SEAL, partition="3"),
    "a seal of a partition with a point": changed(SEAL, partition=3.0),
    "a seal at a number": changed(SEAL, sealed_at=1659700800),
    "a seal that was sent back": Record(
        a_record(SEAL).value, [*a_record(SEAL).headers, (ONLY_GROUP, b"voting-tally")]
    ),
    "a vote without an offset of its time": changed(cast_at="2022-08-05T18:00:00"),
    "a vote at no time": changed(cast_at="soon"),
    "a vote without a key id": changed(key_id=None),
    "signals that are a list": changed(signals=[]),
    "a signal that is a number": changed(signals={"agent": 7}),
    "an age that is a word": changed(signals={"code_age_seconds": "old"}),
    "a seal of no partition": changed(SEAL, partition=-1),
    "a seal at no time": changed(SEAL, sealed_at=None),
}


def to_the_tally(record: Record) -> list[Any]:
    log = read_log([record])
    votes: list[Any] = [(vote.contest_id, vote.receipt_id, vote.voter_id, vote.slot) for vote in log.votes]
    return votes or [seal.contest_id for seal in log.seals]


def to_the_auditor(record: Record) -> list[Any]:
    said = read(record)  # type: ignore[arg-type]
    if isinstance(said, Vote):
        return [(said.contest_id, said.receipt_id, said.voter_id, said.slot)]
    return [said.contest_id] if isinstance(said, Seal) else []


@pytest.fixture(params=["plain", "slow"])
def order(request: pytest.FixtureRequest) -> int:
    """The tally reads by one of two ways: headers in another order than the door's lead to the other."""
    return 1 if request.param == "plain" else -1


@pytest.mark.parametrize("what", [*RECORDS, *READ, *UNREAD])
def test_auditor_and_tally_can_read_the_same_records(what: str, order: int) -> None:
    record = (RECORDS | READ | UNREAD)[what]
    record = Record(record.value, record.headers[::order], record.key)
    assert to_the_auditor(record) == to_the_tally(record)
    assert len(to_the_auditor(record)) == (what in READ) or what in RECORDS


PIECES = [b'"', b"\\", b"\\u0000", b"5", b"5.0", b"true", b"null", b"[", b"]", b"{", b"}", b":", b",", b"Z"]
PIECES += [b"_", b" ", b"+07:00", b"\xff", "ก".encode(), b"1e999", b"9" * 400, b'"partition":"x",', b"NaN"]


@given(
    st.sampled_from([VOTE, SEAL]),
    st.lists(st.tuples(st.integers(0, 560), st.integers(0, 8), st.sampled_from(PIECES)), max_size=3),
    st.sampled_from([1, -1]),
)
def test_damage_anywhere_is_the_same_to_both(
    event: Any, damage: list[tuple[int, int, bytes]], order: int
) -> None:
    value = a_record(event).value or b""
    for at, length, piece in damage:
        value = value[:at] + piece + value[at + length :]
    record = Record(value, a_record(event).headers[::order])
    assert to_the_auditor(record) == to_the_tally(record)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (b'{"contest_id":"another"}', "another"),
        (b'{"contest_id":"another","x":"' + b"x" * 5_000 + b'"}', "another"),
        (b'{"contest_id":7}', None),
        (b"[]", None),
        (b'{"contest_id":"another","x":' + b"[" * 5_000 + b"]" * 5_000 + b"}", None),
        (None, None),
    ],
)
def test_unreadable_record_is_known_by_the_contest_that_its_json_names(
    value: bytes | None, named: str | None
) -> None:
    assert read(Record(value, [])) == Unread(named)  # type: ignore[arg-type]


def at(offset: int, record: Record) -> Record:
    return Record(record.value, record.headers, record.key, record.topic, 3, offset)


async def recounted(
    monkeypatch: pytest.MonkeyPatch,
    log: list[Record],
    told: list[Record] = [],  # noqa: B006 - read only
) -> recount.Recount:
    async def records(settings: Settings, *topics: str, **_: Any) -> AsyncIterator[Record]:
        for record in log if topics == (VoteCast.TOPIC,) else told:
            yield record

    monkeypatch.setattr(recount, "records", records)
    monkeypatch.setattr(decisions, "records", records)
    return await recount.recount_from_log(Settings(), MINE)


NO_JSON = Record(b"\x00 no JSON", [])
NAMED = "partition 3 offset 1: a record that nobody can read (and 2 more)"
LOG = [
    at(0, a_record(VOTE, key=VOTE.voter_id.encode())),
    at(1, NO_JSON),
    at(2, changed(contest_id="another", voter_id=None)),
    at(3, changed(voter_id=None)),
    at(4, Record(None, [])),
    at(5, changed(SEAL, contest_id=MINE, partition=3)),
    at(6, NO_JSON),
]


async def test_recount_names_the_first_unreadable_record_and_counts_those_before_the_seal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = await recounted(monkeypatch, LOG)
    assert (found.received, found.unreadable, found.unread) == (1, 3, NAMED)
    assert NAMED in found.findings
    assert json.loads(found.as_json())["unreadable"] == 3


@pytest.mark.parametrize(
    ("accepted", "finding"),
    [
        (3, []),
        (0, [NAMED]),
        (2, [NAMED]),
    ],
)
async def test_number_that_the_certificate_names_is_no_finding_any_more(
    monkeypatch: pytest.MonkeyPatch, accepted: int, finding: list[str]
) -> None:
    certificate = CERTIFICATE.model_copy(update={"contest_id": MINE, "unreadable": accepted})
    encoded = encode(certificate)
    found = await recounted(monkeypatch, LOG, [Record(encoded.value, [*encoded.headers])])
    assert [each for each in found.findings if "read" in each] == finding
    assert found.unreadable == 3


async def test_certificate_that_accepts_more_than_there_are_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = encode(CERTIFICATE.model_copy(update={"contest_id": MINE, "unreadable": 1}))
    found = await recounted(monkeypatch, [], [Record(encoded.value, [*encoded.headers])])
    assert "PopularVoteCertified says unreadable = 1, the log says 0" in found.findings
