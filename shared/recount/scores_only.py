"""The scores alone: shortlist and winners worked out again, and what does not follow from them."""

from collections.abc import Iterable
from typing import Any

from shared.recount.figures import check_rulebook
from shared.recount.log import Fact, once
from shared.recount.scores import decide


def recount_scores(facts: Iterable[Fact]) -> dict[str, Any]:
    """``scores``: what the judges' scores give; ``findings``: where the log differs from it."""
    events = once(facts)
    rulebooks = [fact.data for fact in events if fact.topic == "intake.contest.v1"]
    if not rulebooks:
        return {"scores": {}, "findings": ["the log has no rulebook of this contest"]}
    newest = max(rulebooks, key=lambda data: data["revision"])["rulebook"]
    decided = decide(events, newest)
    findings = [finding for data in rulebooks for finding in check_rulebook(data)]
    return {"scores": decided.figures, "findings": findings + decided.findings}
