"""All figures of one contest from its facts."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from shared.recount.log import Fact, once
from shared.recount.scores import decide
from shared.recount.votes import count_votes


def recount(facts: Iterable[Fact]) -> dict[str, Any]:
    """Counts of everything that happened, and ``findings``: what does not hang together.

    The vote log is counted record by record; everything else event by event, so that a repeat of the
    relay counts once.
    """
    facts = list(facts)
    events = [*once(fact for fact in facts if fact.topic != "voting.vote.v1")]
    votes, findings = count_votes([*events, *(f for f in facts if f.topic == "voting.vote.v1")])
    rulebooks = [fact.data for fact in events if fact.topic == "intake.contest.v1"]
    findings += [f for data in rulebooks for f in check_rulebook(data)]
    result: dict[str, Any] = {
        "contest": {"rulebooks": len(rulebooks)},
        "briefing": _briefing(events),
        "entries": _entries(events),
        "judges": _judges(events),
        "votes": votes,
        "delivery": _delivery(events),
    }
    if rulebooks:
        newest = max(rulebooks, key=lambda data: data["revision"])["rulebook"]
        result["contest"] |= {"rehearsal": newest["rehearsal"], "categories": len(newest["categories"])}
        decided = decide(events, newest)
        result["scores"] = decided.figures
        findings += decided.findings
    result["decisions"] = _decisions(events)
    result["findings"] = findings
    return result


def check_rulebook(data: Mapping[str, Any]) -> list[str]:
    """A finding where a published rulebook's SHA-256 is not the one that was published with it."""
    canonical = json.dumps(data["rulebook"], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if hashlib.sha256(canonical.encode()).hexdigest() != data["rulebook_sha256"]:
        return [f"rulebook {data['rulebook']['number']}: its hash is not the one that was published"]
    return []


def _names(events: Iterable[Fact], topic: str) -> Counter[str]:
    return Counter(fact.kind for fact in events if fact.topic == topic)


def _latest(events: Iterable[Fact], topic: str, id_name: str) -> dict[str, Fact]:
    """The highest revision of every aggregate of a topic."""
    newest: dict[str, Fact] = {}
    for fact in events:
        if fact.topic == topic:
            held = newest.get(fact.data[id_name])
            if held is None or fact.data["revision"] > held.data["revision"]:
                newest[fact.data[id_name]] = fact
    return newest


def _briefing(events: list[Fact]) -> dict[str, int]:
    latest = _latest(events, "intake.briefing.v1", "registration_id").values()
    standing = [fact for fact in latest if fact.kind == "BriefingRegistered"]
    return {
        "registered": len(standing),
        "representatives": sum(fact.data["attends_as"] == "representative" for fact in standing),
        "cancelled": sum(fact.kind == "BriefingCancelled" for fact in latest),
    }


def _entries(events: list[Fact]) -> dict[str, Any]:
    mine = [fact for fact in events if fact.topic == "intake.entry.v1"]

    def entries(kind: str) -> set[str]:
        return {fact.data["entry_id"] for fact in mine if fact.kind == kind}

    screened = {f.data["entry_id"]: f.data["accepted"] for f in mine if f.kind == "EntryScreened"}
    category = {
        f.data["entry_id"]: f.data["category_id"]
        for f in mine
        if f.kind in ("EntrySubmitted", "EntryAmended")
    }
    return {
        "started": len(entries("EntryStarted")),
        "submitted": len(entries("EntrySubmitted")),
        "amended": len(entries("EntryAmended")),
        "returned": len(entries("EntryReturned")),
        "withdrawn": len(entries("EntryWithdrawn")),
        "accepted": sum(screened.values()),
        "refused": sum(not accepted for accepted in screened.values()),
        "by_category": dict(sorted(Counter(category.values()).items())),
    }


def _judges(events: list[Fact]) -> dict[str, int]:
    names = _names(events, "scoring.judge.v1")
    newest: dict[tuple[str, str], Fact] = {}
    for fact in events:
        if fact.kind == "JudgeAssigned":
            key = (fact.data["judge_id"], fact.data["round"])
            if key not in newest or fact.data["revision"] > newest[key].data["revision"]:
                newest[key] = fact
    assigned: Counter[str] = Counter()
    for (_, scoring_round), fact in newest.items():
        assigned[scoring_round] += len(fact.data["entry_ids"])
    return {
        "invited": names["JudgeInvited"],
        "accepted": names["JudgeAccepted"],
        "recused": names["JudgeRecused"],
        "assigned_first": assigned["first"],
        "assigned_second": assigned["second"],
    }


def _decisions(events: list[Fact]) -> dict[str, Any]:
    told = {fact.kind: fact.data for fact in events if fact.topic.endswith(".decision.v1")}
    awards = told.get("ResultsPublished", {}).get("awards", ())
    return {
        "finalists": len(told.get("ShortlistPublished", {}).get("finalists", ())),
        "not_selected": len(told.get("ShortlistPublished", {}).get("not_selected", ())),
        "presentations": len({f.data["slot_id"] for f in events if f.kind == "PresentationScheduled"}),
        "judged_awards": sum(award["kind"] == "judged" for award in awards),
        "awards_given": sum(award["entry_id"] is not None for award in awards),
        "popular_winner": told.get("PopularVoteCertified", {}).get("winner_entry_id"),
        "certified_by": len(told.get("WinnersCertified", {}).get("certified_by", ())),
        "vote_certified_by": len(told.get("PopularVoteCertified", {}).get("certified_by", ())),
    }


def _delivery(events: list[Fact]) -> dict[str, Any]:
    mine = [fact for fact in events if fact.topic == "notify.delivery.v1"]
    letters = [fact.data for fact in mine if fact.kind == "LetterIssued"]
    sent = [fact.data for fact in mine if fact.kind == "NoticeSent"]
    return {
        "letters": dict(sorted(Counter(letter["kind"] for letter in letters).items())),
        "letters_by_template": dict(sorted(Counter(letter["template"] for letter in letters).items())),
        "dispatches": sum(letter["dispatches"] for letter in letters if letter["kind"] == "circular"),
        "acknowledged": sum(fact.kind == "LetterAcknowledged" for fact in mine),
        "notices_sent": len({notice["notice_id"] for notice in sent}),
        "notices_failed": sum(fact.kind == "NoticeFailed" for fact in mine),
        "notices_by_template": dict(sorted(Counter(notice["template"] for notice in sent).items())),
    }
