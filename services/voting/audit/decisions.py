"""What people and detectors decided about the vote, as the log tells it."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.voting.audit.log import event_id, opened, records
from services.voting.audit.trees import Heads
from shared.settings import Settings

VOTES = "voting.vote.v1"
DECISIONS = "voting.decision.v1"
_CONTESTS = "intake.contest.v1"
_SHORTLISTS = "scoring.decision.v1"
_ENTRIES = "intake.entry.v1"
_FATES = {"VotesHeld": "held", "VotesStruck": "struck", "VotesReleased": "counted"}


@dataclass(slots=True)
class Decisions:
    """The decisions about one contest."""

    scope: str = ""
    ballot: frozenset[str] = frozenset()
    head_key: str = ""
    waived: tuple[str, ...] = ()
    """Requirements of a safe vote that the opening waived."""
    seals: dict[int, int] | None = None
    state_of: dict[str, str] = field(default_factory=dict)
    """What became of single receipts: held, struck, or counted again."""
    certified: dict[str, Any] | None = None
    rulebook: dict[str, Any] | None = None
    """The newest rulebook on the log."""
    rulebook_sha256: str = ""
    scopes: set[str] = field(default_factory=set)
    """Of every rulebook that was published."""
    category_of: dict[str, str] = field(default_factory=dict)
    """Of every entry that was ever on a published shortlist."""
    withdrawn: dict[str, datetime] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    heads: Heads = field(default_factory=lambda: Heads())


async def read_decisions(settings: Settings, contest_id: str, head_key: str = "") -> Decisions:
    """Everything that the log says of the contest besides its votes.

    Args:
        head_key: the public key of the heads, hexadecimal, from a place that the auditor trusts; without
            it the one that VotingOpened names.
    """
    found = Decisions(head_key=head_key)
    told: set[bytes] = set()
    heads: list[dict[str, Any]] = []
    async for record in records(settings, DECISIONS, _CONTESTS, _SHORTLISTS, _ENTRIES):
        kind, body = opened(record)
        if body.get("contest_id") != contest_id:
            continue
        name = event_id(record)
        if name in told:
            continue  # a relay may tell an event twice
        told.add(name)
        _, _, what = kind.removesuffix(".v1").rpartition(".")
        if what == "TreeHeadSigned":
            heads.append(body)
        else:
            _take(found, what, body, record.offset)
    _check_ballot(found)
    found.heads.take(heads, found.head_key)
    return found


def _take(found: Decisions, what: str, body: dict[str, Any], offset: int) -> None:
    match what:
        case "VotingOpened":
            found.ballot, found.scope = frozenset(body["ballot"]), body["scope"]
            found.waived = tuple(body.get("waived", ()))
            named = body.get("head_key", "")
            if found.head_key and named and named != found.head_key:
                found.findings.append("VotingOpened names another key for the heads than the one given")
            found.head_key = found.head_key or named
        case "VotingClosed":
            found.seals = {seal["partition"]: seal["offset"] for seal in body["seals"]}
        case "VotesHeld" | "VotesStruck" | "VotesReleased":
            _take_fate(found, what, body, offset)
        case "PopularVoteCertified":
            found.certified = body
        case "ContestPublished" | "ContestAmended":
            _take_rulebook(found, body)
        case "EntryWithdrawn":
            found.withdrawn[body["entry_id"]] = datetime.fromisoformat(body["withdrawn_at"])
        case "ShortlistPublished":
            found.category_of |= {each["entry_id"]: each["category_id"] for each in body["finalists"]}


def _take_fate(found: Decisions, what: str, body: dict[str, Any], offset: int) -> None:
    place = f"{what} at offset {offset}"
    if what != "VotesHeld":
        if len(set(body.get("approved_by", ()))) < 2:
            found.findings.append(f"{place} was not approved by two people")
        loose = [receipt for receipt in body["receipt_ids"] if found.state_of.get(receipt) != "held"]
        if loose:
            found.findings.append(f"{place} is about receipts that were not held, the first is {loose[0]}")
    found.state_of.update(dict.fromkeys(body["receipt_ids"], _FATES[what]))


def _take_rulebook(found: Decisions, body: dict[str, Any]) -> None:
    rulebook = body["rulebook"]
    canonical = json.dumps(rulebook, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if hashlib.sha256(canonical.encode()).hexdigest() != body["rulebook_sha256"]:
        found.findings.append(f"rulebook {rulebook['number']}: its SHA-256 is not the one that was published")
    found.scopes.add(rulebook["voting"]["scope"]["value"])
    if found.rulebook is None or rulebook["number"] > found.rulebook["number"]:
        found.rulebook, found.rulebook_sha256 = rulebook, body["rulebook_sha256"]


def _check_ballot(found: Decisions) -> None:
    if found.scopes and found.scope and found.scope not in found.scopes:
        found.findings.append(f"the vote was opened with the scope {found.scope}, which no rulebook has")
    strangers = sorted(found.ballot - found.category_of.keys()) if found.category_of else []
    if strangers:
        found.findings.append(f"on the ballot, but on no published shortlist: {', '.join(strangers)}")


def compare_with_certificate(
    found: Decisions, numbers: Mapping[str, int], by_entry: Mapping[str, int]
) -> list[str]:
    """Where the certificate differs from what the log gives."""
    certified = found.certified
    if certified is None:
        return []
    findings = []
    told = Counter({total["entry_id"]: total["counted"] for total in certified["totals"] if total["counted"]})
    for entry in sorted(e for e in {*told, *by_entry} if told[e] != by_entry.get(e, 0)):
        findings.append(
            f"PopularVoteCertified says {told[entry]} for {entry}, the log says {by_entry.get(entry, 0)}"
        )
    for name, number in numbers.items():
        if certified[name] != number:
            findings.append(f"PopularVoteCertified says {name} = {certified[name]}, the log says {number}")
    if tuple(certified.get("waived", ())) != found.waived:
        told_then, told_now = (
            ", ".join(names) or "nothing" for names in (found.waived, certified.get("waived", ()))
        )
        findings.append(
            f"PopularVoteCertified says that {told_now} was waived, VotingOpened says {told_then}"
        )
    gone = {e for e, at in found.withdrawn.items() if at <= datetime.fromisoformat(certified["certified_at"])}
    staying = {entry: votes for entry, votes in by_entry.items() if entry not in gone}
    best = max(staying.values(), default=0)
    first = [entry for entry, votes in staying.items() if votes == best]
    winner = first[0] if len(first) == 1 else None
    if certified["winner_entry_id"] != winner:
        findings.append(
            f"PopularVoteCertified names {certified['winner_entry_id']} as first, the log says {winner}"
        )
    return findings
