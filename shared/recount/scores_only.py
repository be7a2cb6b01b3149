"""The scores alone: shortlist and winners worked out again, and what does not follow from them."""

from collections.abc import Iterable
from typing import Any

from shared.recount.figures import check_rulebook
from shared.recount.log import Fact, once
from shared.recount.scores import decide

NO_RULEBOOK = "the log has no rulebook of this contest: is its name right, and is this its Kafka?"
"""The finding where the name of the contest is mistyped, or the log is another system's."""


def recount_scores(facts: Iterable[Fact]) -> dict[str, Any]:
    """``scores``: what the judges' scores give; ``findings``: where the log differs from it."""
    events = once(facts)
    rulebooks = [fact.data for fact in events if fact.topic == "intake.contest.v1"]
    if not rulebooks:
        return {"scores": {}, "findings": [NO_RULEBOOK]}
    newest = max(rulebooks, key=lambda data: data["revision"])["rulebook"]
    decided = decide(events, newest)
    findings = [finding for data in rulebooks for finding in check_rulebook(data)]
    return {"scores": decided.figures, "findings": findings + decided.findings}
