"""The auditor's recount: the public vote counted from the log alone, by code that shares nothing with
the tally.

It reads ``voting.vote.v1`` and ``voting.decision.v1`` from the first record on, takes each record apart
by itself, and applies the rule anew: of the records before a partition's first seal, the first of a
voter in a slot counts, and a receipt counts once. It imports no table, no rule and no query of voting,
and no contract either; what the events look like is written down here a second time on purpose.

    showcase audit votes --contest smart-city-2022
"""

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from shared.messaging.broker import make_reader
from shared.settings import BrokerKind, Settings

VOTES = "voting.vote.v1"
DECISIONS = "voting.decision.v1"
_QUIET_MS = 1_500
"""A partition whose end is not known is read until nothing came for so long."""


@dataclass(slots=True)
class Recount:
    """What the log says. Equal logs give equal recounts, to the last character of the JSON."""

    contest_id: str
    received: int = 0
    counted: int = 0
    duplicate: int = 0
    late: int = 0
    held: int = 0
    struck: int = 0
    by_entry: dict[str, int] = field(default_factory=dict)
    voters: int = 0
    seals: dict[int, int] = field(default_factory=dict)
    read_up_to: dict[int, int] = field(default_factory=dict)
    """The offset behind the last record that was read, by partition."""
    findings: list[str] = field(default_factory=list)
    """What an honest log would not show; empty when all is well."""

    def as_json(self) -> str:
        """Canonical JSON."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    def sha256(self) -> str:
        """Fingerprint of the canonical JSON."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()


@dataclass(slots=True)
class _Decisions:
    """What the decision topic says of one contest."""

    ballot: frozenset[str] = frozenset()
    scope: str = ""
    seals: dict[int, int] | None = None
    state_of: dict[str, str] = field(default_factory=dict)
    certified: dict[str, Any] | None = None


async def recount_from_log(
    settings: Settings, contest_id: str, up_to: Mapping[int, int] | None = None
) -> Recount:
    """Count the contest's vote from its two topics.

    Args:
        up_to: read each partition of the vote log to this offset (exclusive); without it, to its end.
    """
    decisions = await _read_decisions(settings, contest_id)
    result = Recount(contest_id)
    first_of_slot: set[tuple[str, str]] = set()
    first_of_receipt: set[str] = set()
    voters: set[str] = set()
    by_entry: Counter[str] = Counter()
    strangers: Counter[str] = Counter()
    async for record in _records(settings, VOTES, up_to):
        result.read_up_to[record.partition] = record.offset + 1
        kind, body = _opened(record)
        if body.get("contest_id") != contest_id:
            continue
        if kind == "showcase.voting.VotingSealed.v1":
            result.seals.setdefault(record.partition, record.offset)
            continue
        if kind != "showcase.voting.VoteCast.v1":
            result.findings.append(f"partition {record.partition} offset {record.offset}: unreadable record")
            continue
        result.received += 1
        voter, slot, receipt, entry = (body[n] for n in ("voter_id", "slot", "receipt_id", "entry_id"))
        if (record.key or b"").decode() != voter:
            place = f"partition {record.partition} offset {record.offset}"
            result.findings.append(f"{place}: the record's key is not its voter")
        if record.partition in result.seals:
            result.late += 1
            continue
        if (slot, voter) in first_of_slot or receipt in first_of_receipt:
            result.duplicate += 1
            continue
        first_of_slot.add((slot, voter))
        first_of_receipt.add(receipt)
        voters.add(voter)
        if decisions.ballot and entry not in decisions.ballot:
            strangers[entry] += 1
        match decisions.state_of.get(receipt):
            case "held":
                result.held += 1
            case "struck":
                result.struck += 1
            case _:
                result.counted += 1
                by_entry[entry] += 1
    result.by_entry = dict(sorted(by_entry.items()))
    result.voters = len(voters)
    for entry, votes in sorted(strangers.items()):
        result.findings.append(f"{votes} votes for {entry}, which was not on the ballot")
    _compare_with_decisions(result, decisions)
    return result


def _compare_with_decisions(result: Recount, decisions: _Decisions) -> None:
    if decisions.seals is not None and decisions.seals != result.seals:
        told_seals = decisions.seals
        every = {*told_seals, *result.seals}
        wrong = sorted(p for p in every if told_seals.get(p) != result.seals.get(p))
        result.findings.append(f"VotingClosed names other seals than the log has, in partitions {wrong}")
    certified = decisions.certified
    if certified is None:
        return
    told = {total["entry_id"]: total["counted"] for total in certified["totals"] if total["counted"]}
    if told != result.by_entry:
        entries = sorted(e for e in {*told, *result.by_entry} if told.get(e) != result.by_entry.get(e))
        result.findings.append(f"PopularVoteCertified differs from the log for {entries}")
    for name in ("counted", "duplicate", "held", "struck"):
        if certified[name] != getattr(result, name):
            result.findings.append(
                f"PopularVoteCertified says {name} = {certified[name]}, the log says {getattr(result, name)}"
            )


async def _read_decisions(settings: Settings, contest_id: str) -> _Decisions:
    found = _Decisions()
    async for record in _records(settings, DECISIONS, None):
        kind, body = _opened(record)
        if body.get("contest_id") != contest_id:
            continue
        match kind.removeprefix("showcase.voting."):
            case "VotingOpened.v1":
                found.ballot, found.scope = frozenset(body["ballot"]), body["scope"]
            case "VotingClosed.v1":
                found.seals = {seal["partition"]: seal["offset"] for seal in body["seals"]}
            case "VotesHeld.v1":
                found.state_of.update(dict.fromkeys(body["receipt_ids"], "held"))
            case "VotesStruck.v1":
                found.state_of.update(dict.fromkeys(body["receipt_ids"], "struck"))
            case "VotesReleased.v1":
                found.state_of.update(dict.fromkeys(body["receipt_ids"], "counted"))
            case "PopularVoteCertified.v1":
                found.certified = body
    return found


async def _records(
    settings: Settings, topic: str, up_to: Mapping[int, int] | None
) -> AsyncIterator["ConsumerRecord[bytes, bytes]"]:
    """Every record of ``topic`` in offset order within its partition, up to the given offsets."""
    reader = make_reader(settings, topic, client_id="showcase-audit")
    await reader.start()
    try:
        places = reader.assignment()
        if not places:
            raise LookupError(f"the broker has no topic {topic}")
        ends = await _ends(settings, reader, places, up_to)
        unread = {place for place in places if ends is None or ends[place] > 0}
        while unread:
            fetched = await reader.getmany(*unread, timeout_ms=_QUIET_MS)
            if not fetched and ends is None:
                return
            for place, records in fetched.items():
                for record in records:
                    if ends is None or record.offset < ends[place]:
                        yield record
                if ends is not None and records and records[-1].offset + 1 >= ends[place]:
                    unread.discard(place)
    finally:
        await reader.stop()


async def _ends(
    settings: Settings, reader: AIOKafkaConsumer, places: set[TopicPartition], up_to: Mapping[int, int] | None
) -> dict[TopicPartition, int] | None:
    """Where to stop; None where nothing is given and the broker's own end offsets are not true."""
    if up_to is not None:
        return {place: up_to.get(place.partition, 0) for place in places}
    if settings.broker is BrokerKind.MEMORY:
        return None
    return dict(await reader.end_offsets(list(places)))


def _opened(record: "ConsumerRecord[bytes, bytes]") -> tuple[str, dict[str, Any]]:
    """The type and the body of a record; empty where it cannot be read."""
    kind = next((value for name, value in record.headers if name == "ce_type"), b"")
    try:
        body = json.loads(record.value or b"{}")
        return kind.decode(), body if isinstance(body, dict) else {}
    except (ValueError, UnicodeDecodeError):
        return "", {}
