"""Staff look at the mails of a decision and let them leave: nothing of it goes out by itself."""

from typing import Any

from services.demo.api import until
from services.demo.stage import Stage


async def review_shortlist(stage: Stage) -> None:
    """The mails to the finalists and to the others."""
    finalists = len(stage.plan.finalists)
    others = stage.plan.fates()["accepted"] - finalists
    await _review(stage, "the shortlist", {"shortlisted": finalists, "not-shortlisted": others})


async def review_results(stage: Stage) -> None:
    """The mails with the results."""
    await _review(stage, "the results", {"results": stage.plan.fates()["accepted"]})


async def _review(stage: Stage, what: str, expected: dict[str, int]) -> None:
    """Wait until every mail of ``expected`` can be seen, then approve each batch as one."""
    address = stage.path("notify", "/notice-reviews")
    with stage.progress.act(f"Mails of {what}, reviewed before sending", len(expected)) as progress:

        async def all_built() -> Any:
            batches = await stage.staff.get(address)
            found = {batch["template"]: len(batch["notice_ids"]) for batch in batches}
            return batches if found == expected else None

        for batch in await until(all_built, f"the mails of {what} to be built"):
            key = {"event_id": batch["event_id"], "template": batch["template"]}
            await stage.staff.post(f"{address}/approval", key)
            progress.advance()
