"""Records of the vote topic that nobody can read: the recount reads as the tally does, and names them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.voting.audit import decisions, recount
from services.voting.audit.votes import read
from services.voting.vote_log import read_log
from shared.contracts.examples import EXAMPLES
from shared.contracts.voting import PopularVoteCertified, VoteCast, VotingSealed
from shared.messaging.codec import encode
from shared.settings import Settings
from tests.unit.voting.test_vote_log import RECORDS, Record, a_record, with_header

VOTE = EXAMPLES[VoteCast.event_type()].event
SEAL = EXAMPLES[VotingSealed.event_type()].event
CERTIFICATE = EXAMPLES[PopularVoteCertified.event_type()].event
MINE = str(VOTE.contest_id)


def changed(event: Any = VOTE, **fields: Any) -> Record:
    value = json.loads(a_record(event).value or b"")
    return Record(json.dumps(value | fields).encode(), a_record(event).headers)


MORE = {
    "no key": a_record(key=None),
    "another version of CloudEvents": with_header("ce_specversion", b"0.3"),
    "a vote without an offset of its time": changed(cast_at="2022-08-05T18:00:00"),
    "a vote at no time": changed(cast_at="soon"),
    "a vote without a key id": changed(key_id=None),
    "signals that are a list": changed(signals=[]),
    "a signal that is a number": changed(signals={"agent": 7}),
    "an age that is a word": changed(signals={"code_age_seconds": "old"}),
    "a signal of tomorrow": changed(signals={"new": [1]}),
    "a seal of no partition": changed(SEAL, partition=-1),
    "a seal at no time": changed(SEAL, sealed_at=None),
}


@pytest.mark.parametrize("what", [*RECORDS, *MORE])
def test_auditor_and_tally_can_read_the_same_records(what: str) -> None:
    record = (RECORDS | MORE)[what]
    log = read_log([record], "voting-tally")
    kind, body = read(record)  # type: ignore[arg-type]
    assert [kind] == (
        [VoteCast.event_type() for _ in log.votes] or [VotingSealed.event_type() for _ in log.seals] or [""]
    )
    if log.votes:
        assert (body["receipt_id"], body["voter_id"]) == (log.votes[0].receipt_id, log.votes[0].voter_id)


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
