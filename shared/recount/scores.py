"""Shortlist and winners, worked out again from the judges' scores."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from statistics import median
from typing import Any

from shared.recount.log import Fact

Row = tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """What the scores say, and where the published decisions differ."""

    figures: dict[str, Any]
    findings: list[str]


@dataclass(frozen=True, slots=True)
class _Entry:
    category: str
    submitted_at: datetime


def decide(facts: Iterable[Fact], rulebook: Mapping[str, Any]) -> Decided:
    """Shortlist and judged winners under ``rulebook``."""
    facts = list(facts)
    entries = _eligible(facts)
    scores = _latest_scores(facts)
    rules = rulebook["judging"]
    first = _rows(scores, "first", entries, rulebook)
    shortlist = _best(first, entries, rules["shortlist_per_category"]["value"], rules)
    final_round = "first" if rules["second_round"]["value"] == "first_only" else "second"
    told = {fact.kind: fact.data for fact in facts if fact.topic == "scoring.decision.v1"}
    published = {each["entry_id"] for each in told.get("ShortlistPublished", {}).get("finalists", ())}
    final = _rows(scores, final_round, {e: entries[e] for e in published & entries.keys()}, rulebook)
    winners = _best(final, entries, 1, rules)
    findings = _compare(told, published, shortlist, winners, entries)
    rounds = [key[2] for key in scores]
    figures = {
        "first_round": rounds.count("first"),
        "second_round": rounds.count("second"),
        "shortlist": sum(len(chosen) for chosen, _ in shortlist.values()),
        "shortlist_by_category": {
            category: len(chosen) for category, (chosen, _) in sorted(shortlist.items())
        },
        "winners": {category: sorted(chosen) for category, (chosen, _) in sorted(winners.items()) if chosen},
    }
    return Decided(figures, findings)


def _eligible(facts: Iterable[Fact]) -> dict[str, _Entry]:
    """Entries that were accepted by screening and not withdrawn."""
    content: dict[str, _Entry] = {}
    accepted: dict[str, bool] = {}
    for fact in facts:
        entry_id = fact.data.get("entry_id", "")
        if fact.kind in ("EntrySubmitted", "EntryAmended"):
            submitted = datetime.fromisoformat(fact.data["submitted_at"])
            content[entry_id] = _Entry(fact.data["category_id"], submitted)
        elif fact.kind == "EntryScreened":
            accepted[entry_id] = fact.data["accepted"]
        elif fact.kind == "EntryWithdrawn":
            accepted[entry_id] = False
    return {entry_id: entry for entry_id, entry in content.items() if accepted.get(entry_id)}


def _latest_scores(facts: Iterable[Fact]) -> dict[tuple[str, str, str], dict[str, int]]:
    """Points by (entry, judge, round), the highest revision, without recused judges."""
    recused = {(f.data["entry_id"], f.data["judge_id"]) for f in facts if f.kind == "JudgeRecused"}
    newest: dict[tuple[str, str, str], tuple[int, dict[str, int]]] = {}
    for fact in facts:
        if fact.kind not in ("ScoreRecorded", "ScoreAmended"):
            continue
        data = fact.data
        key = (data["entry_id"], data["judge_id"], data["round"])
        if key[:2] not in recused and data["revision"] > newest.get(key, (0, {}))[0]:
            points = {each["dimension_id"]: each["points"] for each in data["scores"]}
            newest[key] = (data["revision"], points)
    return {key: points for key, (_, points) in newest.items()}


def _rows(
    scores: Mapping[tuple[str, str, str], dict[str, int]],
    scoring_round: str,
    entries: Mapping[str, _Entry],
    rulebook: Mapping[str, Any],
) -> dict[str, Row]:
    """What each scored entry is compared by, most important first."""
    cards: dict[str, list[dict[str, int]]] = defaultdict(list)
    for (entry_id, _, of_round), points in scores.items():
        if of_round == scoring_round and entry_id in entries:
            cards[entry_id].append(points)
    heaviest = sorted(rulebook["rubric"], key=lambda dimension: -dimension["points"])
    rows = {}
    for entry_id, given in cards.items():
        totals = [Fraction(sum(points.values())) for points in given]
        row: list[Fraction] = [sum(totals, Fraction(0)) / len(totals)]
        for step in rulebook["judging"]["tie_break"]["value"]:
            if step == "highest_dimension":
                row += [Fraction(sum(p[d["id"]] for p in given), len(given)) for d in heaviest]
            elif step == "median_total":
                row.append(Fraction(median(totals)))
            elif step == "earliest_submission":
                row.append(-Fraction(entries[entry_id].submitted_at.timestamp()))
            else:
                break
        rows[entry_id] = tuple(row)
    return rows


def _best(
    rows: Mapping[str, Row], entries: Mapping[str, _Entry], places: int, rules: Mapping[str, Any]
) -> dict[str, tuple[set[str], set[str]]]:
    """By category: who is in for certain, and between whom only the committee can choose."""
    found = {}
    minimum = rules["minimum_total"]["value"]
    for category in {entry.category for entry in entries.values()}:
        mine = [(row, e) for e, row in rows.items() if entries[e].category == category and row[0] >= minimum]
        mine.sort(reverse=True)
        inside = mine[:places]
        tied: set[str] = set()
        if len(mine) > places and inside[-1][0] == mine[places][0]:
            tied = {entry_id for row, entry_id in mine if row == inside[-1][0]}
        found[category] = ({entry_id for _, entry_id in inside} - tied, tied)
    return found


def _compare(
    told: Mapping[str, Mapping[str, Any]],
    published: set[str],
    shortlist: Mapping[str, tuple[set[str], set[str]]],
    winners: Mapping[str, tuple[set[str], set[str]]],
    entries: Mapping[str, _Entry],
) -> list[str]:
    findings = []
    if "ShortlistPublished" in told:
        for category, (certain, tied) in sorted(shortlist.items()):
            chosen = {e for e in published if e in entries and entries[e].category == category}
            if not certain <= chosen <= certain | tied:
                findings.append(f"the shortlist of {category} does not follow from the scores")
    for decision in ("WinnersCertified", "ResultsPublished"):
        for award in told.get(decision, {}).get("awards", ()):
            if award["kind"] != "judged":
                continue
            certain, tied = winners.get(award["category_id"], (set(), set()))
            allowed = certain or tied
            if award["entry_id"] not in (allowed or (None,)):
                findings.append(f"{decision}: {award['award_id']} does not follow from the scores")
    return findings
