"""The public vote, counted from its log.

In exactly are the votes whose offset is below their partition's first seal; of one voter's ballots for
one slot the first counts; what was held or struck is a decision beside the log.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from shared.recount.log import Fact


def count_votes(facts: Iterable[Fact]) -> tuple[dict[str, Any], list[str]]:
    """The figures of the vote, and what an honest log would not show."""
    facts = list(facts)
    fate = _decided(facts)
    sealed: set[int] = set()
    seals: dict[int, int] = {}
    taken: set[tuple[str, str]] = set()
    outcome: Counter[str] = Counter()
    by_entry: Counter[str] = Counter()
    findings: list[str] = []
    votes = [fact for fact in facts if fact.topic == "voting.vote.v1"]
    for fact in sorted(votes, key=lambda fact: (fact.partition, fact.offset)):
        if fact.kind == "VotingSealed":
            seals.setdefault(fact.partition, fact.offset)
            sealed.add(fact.partition)
            continue
        outcome["received"] += 1
        voter, slot = fact.data["voter_id"], fact.data["slot"]
        if fact.key != voter:
            findings.append(f"vote {fact.partition}@{fact.offset}: the key is not the voter")
        if fact.partition in sealed:
            outcome["late"] += 1
        elif (voter, slot) in taken:
            outcome["duplicate"] += 1
        else:
            taken.add((voter, slot))
            what = fate.get(fact.data["receipt_id"], "counted")
            outcome[what] += 1
            if what == "counted":
                by_entry[fact.data["entry_id"]] += 1
    figures: dict[str, Any] = {
        name: outcome[name] for name in ("received", "counted", "duplicate", "late", "held", "struck")
    }
    figures["voters"] = len({voter for voter, _ in taken})
    figures["partitions_sealed"] = len(seals)
    figures["by_entry"] = dict(sorted(by_entry.items()))
    findings += _compare(facts, figures, seals)
    return figures, findings


def _decided(facts: Iterable[Fact]) -> dict[str, str]:
    fate: dict[str, str] = {}
    words = {"VotesHeld": "held", "VotesStruck": "struck", "VotesReleased": "counted"}
    for fact in sorted(facts, key=lambda fact: fact.offset):
        if fact.topic == "voting.decision.v1" and fact.kind in words:
            fate |= dict.fromkeys(fact.data["receipt_ids"], words[fact.kind])
    return fate


def _compare(facts: Iterable[Fact], figures: dict[str, Any], seals: dict[int, int]) -> list[str]:
    findings = []
    told = {fact.kind: fact.data for fact in facts if fact.topic == "voting.decision.v1"}
    if closed := told.get("VotingClosed"):
        said = {seal["partition"]: seal["offset"] for seal in closed["seals"]}
        if said != seals:
            findings.append("VotingClosed names other seals than the log has")
    if certified := told.get("PopularVoteCertified"):
        totals = {each["entry_id"]: each["counted"] for each in certified["totals"] if each["counted"]}
        if totals != figures["by_entry"]:
            findings.append("PopularVoteCertified has other totals than the log")
        for name in ("counted", "duplicate", "held", "struck"):
            if certified[name] != figures[name]:
                findings.append(f"PopularVoteCertified says {name} {certified[name]}, not {figures[name]}")
    if figures["received"] != sum(figures[n] for n in ("counted", "duplicate", "late", "held", "struck")):
        findings.append("received is not the sum of its parts")
    return findings
