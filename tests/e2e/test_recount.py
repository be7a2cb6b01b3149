"""The recount on logs made by hand: what counts, what is found out."""

import ast
from pathlib import Path
from typing import Any

import shared.recount
from shared.contracts.examples import EXAMPLES
from shared.recount.figures import recount
from shared.recount.log import Fact
from shared.recount.scores_only import NO_RULEBOOK, recount_scores


def fact(event_type: str, offset: int, *, partition: int = 0, key: str | None = None, **changes: Any) -> Fact:
    """The example of ``event_type`` at a place of the log, with ``changes`` to its value."""
    event = EXAMPLES[f"showcase.{event_type}.v1"].event
    data = event.model_dump(mode="json") | changes
    own_key = str(data[event.KEY]) if key is None else key
    name = event_type.partition(".")[2]
    return Fact(event.TOPIC, partition, offset, own_key, name, f"{event.TOPIC}/{partition}/{offset}", data)


def vote(offset: int, voter: str, entry: str, **more: Any) -> Fact:
    receipt = more.pop("receipt_id", f"{voter}-{offset}")
    return fact("voting.VoteCast", offset, voter_id=voter, entry_id=entry, receipt_id=receipt, **more)


VOTES = (
    vote(0, "a", "x"),
    vote(1, "b", "y"),
    vote(2, "a", "y"),  # a second ballot of the same voter
    vote(3, "c", "x", receipt_id="held"),
    vote(4, "d", "x", receipt_id="struck"),
    vote(5, "e", "x", receipt_id="released"),
    fact("voting.VotingSealed", 6, partition=0),
    vote(7, "f", "y"),  # behind the seal
    vote(0, "g", "y", partition=1),
    fact("voting.VotesHeld", 0, receipt_ids=["held", "struck", "released"]),
    fact("voting.VotesStruck", 1, receipt_ids=["struck"]),
    fact("voting.VotesReleased", 2, receipt_ids=["released"]),
)


def test_every_vote_has_one_fate() -> None:
    found = recount(VOTES)
    assert found["votes"] == {
        "received": 8,
        "counted": 4,
        "duplicate": 1,
        "late": 1,
        "held": 1,
        "struck": 1,
        "voters": 6,
        "partitions_sealed": 1,
        "by_entry": {"x": 2, "y": 2},
    }
    assert found["findings"] == []


def test_a_certificate_that_differs_from_the_log_is_found_out() -> None:
    certified = fact(
        "voting.PopularVoteCertified",
        3,
        totals=[{"entry_id": "x", "counted": 3}, {"entry_id": "y", "counted": 2}],
        counted=5,
        duplicate=1,
        held=1,
        struck=1,
    )
    assert recount([*VOTES, certified])["findings"] == [
        "PopularVoteCertified has other totals than the log",
        "PopularVoteCertified says counted 5, not 4",
    ]


def test_seals_that_the_log_does_not_have_are_found_out() -> None:
    closed = fact("voting.VotingClosed", 3, seals=[{"partition": 0, "offset": 7}])
    assert recount([*VOTES, closed])["findings"] == ["VotingClosed names other seals than the log has"]


def test_a_vote_under_another_key_is_found_out() -> None:
    assert recount([vote(0, "a", "x", key="b")])["findings"] == ["vote 0@0: the key is not the voter"]


def contest(**judging: Any) -> Fact:
    published = fact("intake.ContestPublished", 0)
    rulebook = published.data["rulebook"]
    for name, value in judging.items():
        rulebook["judging"][name]["value"] = value
    return published


def entry(number: int, **changes: Any) -> list[Fact]:
    about = {"entry_id": f"e{number}", "category_id": "smart-mobility"} | changes
    return [
        fact("intake.EntrySubmitted", 2 * number, **about),
        fact("intake.EntryScreened", 2 * number + 1, entry_id=f"e{number}"),
    ]


def score(number: int, judge: str, evidence: int, *, revision: int = 1, offset: int = 0) -> Fact:
    points = {"origin": 8, "solution": 24, "evidence": evidence, "sustain": 16}
    scores = [{"dimension_id": name, "points": value} for name, value in points.items()]
    return fact(
        "scoring.ScoreRecorded",
        100 * number + 10 * revision + ord(judge) + offset,
        entry_id=f"e{number}",
        judge_id=judge,
        revision=revision,
        scores=scores,
        total=sum(points.values()),
    )


def judged() -> list[Fact]:
    """Three entries; the second is first, by means of 80, 84 and 76."""
    return [
        contest(second_round="first_only", shortlist_per_category=2),
        *entry(1),
        *entry(2),
        *entry(3),
        *(score(1, judge, 32) for judge in "ab"),
        *(score(2, judge, 36) for judge in "ab"),
        *(score(3, judge, 28) for judge in "ab"),
    ]


def shortlist(*numbers: int) -> Fact:
    finalist = EXAMPLES["showcase.scoring.ShortlistPublished.v1"].event.model_dump(mode="json")["finalists"][
        0
    ]
    return fact(
        "scoring.ShortlistPublished",
        0,
        finalists=[finalist | {"entry_id": f"e{number}"} for number in numbers],
    )


def winners(number: int) -> Fact:
    award = EXAMPLES["showcase.scoring.WinnersCertified.v1"].event.model_dump(mode="json")["awards"][0]
    return fact("scoring.WinnersCertified", 1, awards=[award | {"entry_id": f"e{number}"}])


def hash_alone(findings: list[str]) -> list[str]:
    """Without the finding that the rulebook of these logs was changed by hand."""
    return [finding for finding in findings if "its hash" not in finding]


def test_shortlist_and_winner_follow_from_the_scores() -> None:
    found = recount([*judged(), shortlist(1, 2), winners(2)])
    assert found["scores"]["winners"] == {"smart-mobility": ["e2"]}
    assert found["scores"]["shortlist"] == 2
    assert hash_alone(found["findings"]) == []


def test_a_wrong_shortlist_and_a_wrong_winner_are_found_out() -> None:
    found = recount([*judged(), shortlist(2, 3), winners(3)])
    assert hash_alone(found["findings"]) == [
        "the shortlist of smart-mobility does not follow from the scores",
        "WinnersCertified: smart-mobility does not follow from the scores",
    ]


def test_scores_are_recounted_alone() -> None:
    found = recount_scores([*judged(), shortlist(1, 2), winners(2)])
    assert found["scores"]["winners"] == {"smart-mobility": ["e2"]}
    assert hash_alone(found["findings"]) == []
    wrong = recount_scores([*judged(), shortlist(2, 3), winners(3)])
    assert hash_alone(wrong["findings"]) == [
        "the shortlist of smart-mobility does not follow from the scores",
        "WinnersCertified: smart-mobility does not follow from the scores",
    ]
    assert recount_scores([])["findings"] == [NO_RULEBOOK]


def test_only_the_highest_revision_of_a_score_counts_and_a_recused_judge_s_does_not() -> None:
    amended = score(3, "a", 40, revision=2)
    found = recount([*judged(), amended, score(3, "b", 40, revision=2)])
    assert found["scores"]["winners"] == {}
    assert found["scores"]["first_round"] == 6
    recused = fact("scoring.JudgeRecused", 0, judge_id="b", entry_id="e2")
    assert recount([*judged(), recused])["scores"]["first_round"] == 5


def test_a_changed_rulebook_is_found_out() -> None:
    untouched = recount([fact("intake.ContestPublished", 0)])
    assert untouched["findings"] == []
    changed = recount([contest(minimum_total=50)])
    assert changed["findings"] == ["rulebook 1: its hash is not the one that was published"]


def test_the_recount_imports_nothing_of_the_house_but_itself() -> None:
    modules: set[str] = set()
    for file in Path(shared.recount.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add(node.module or "")
    house = {name for name in modules if name.split(".")[0] in ("services", "shared")}
    assert {name for name in house if not name.startswith("shared.recount")} == set()
