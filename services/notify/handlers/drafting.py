"""Letters that an event drafts by itself: the announcements of the shortlist and of the results."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.certificates import winners
from services.notify.domain.letters import LetterState
from services.notify.handlers.composing import DraftLetter, draft_letter
from shared import known
from shared.clock import Clock
from shared.contracts.rulebook import Rulebook
from shared.contracts.scoring import ResultsPublished, ShortlistPublished
from shared.errors import NotFound

Json = dict[str, Any]
SYSTEM = "system"
"""Who drafted what an event drafted."""


async def draft_announcements(
    session: AsyncSession, clock: Clock, event: ShortlistPublished | ResultsPublished
) -> None:
    """Draft every letter whose template names the event; staff approve and sign it."""
    files = contest_files(event.contest_id)
    for name in files.template_names():
        if files.template(name).event == type(event).__name__:
            facts = await facts_of(session, event)
            existing = await repository.letters.newest_of_template(session, event.contest_id, name)
            if existing is not None:
                if existing.state == LetterState.DRAFT:
                    existing.facts = facts
                continue
            await _draft(session, clock, event, name, facts)


async def _draft(session: AsyncSession, clock: Clock, event: Any, name: str, facts: Json) -> None:
    command = DraftLetter(
        contest_id=event.contest_id, template=name, by=SYSTEM, overrides={}, facts=facts, public_url=""
    )
    try:
        await known.rulebook(session, event.contest_id)
    except NotFound:
        return  # the composer drafts it from the same facts when it is asked for
    await draft_letter(session, clock, command)


async def facts_of(session: AsyncSession, event: ShortlistPublished | ResultsPublished) -> Json:
    """The rows of the announcement's table."""
    if isinstance(event, ShortlistPublished):
        return {"finalists": await _finalists(session, event.contest_id, event.model_dump()["finalists"])}
    awards = [award.model_dump() for award in winners(event.awards)]
    return {"awards": _awards(awards)}


async def known_facts(session: AsyncSession, contest_id: str, source: str) -> Json:
    """The same rows from what notify keeps, for a letter that staff start themselves."""
    if source == "finalists":
        decision = await repository.progress.decision(session, contest_id, "shortlist")
        rows = decision.facts["finalists"] if decision else []
        return {"finalists": await _finalists(session, contest_id, rows)}
    if source == "awards":
        decision = await repository.progress.decision(session, contest_id, "results")
        rows = [row for row in (decision.facts["awards"] if decision else []) if row["entry_id"]]
        return {"awards": _awards(rows)}
    return {}


async def _finalists(session: AsyncSession, contest_id: str, finalists: list[Json]) -> list[Json]:
    rows = []
    for finalist in finalists:
        entry = await repository.progress.entry(session, contest_id, finalist["entry_id"])
        rows.append(
            {
                "reference": entry.reference if entry and entry.reference else finalist["entry_id"][:8],
                "title": finalist["title"]["th"],
                "applicant": finalist["applicant_name"],
            }
        )
    return sorted(rows, key=lambda row: row["reference"])


def _awards(awards: list[Json]) -> list[Json]:
    return [
        {
            "award": award["name"]["th"],
            "title": award["title"]["th"] if award["title"] else "",
            "applicant": award["applicant_name"],
        }
        for award in awards
    ]


def category_names(rulebook: Rulebook, language: str) -> dict[str, str]:
    """Category id → name."""
    return {category.id: category.name.in_language(language) for category in rulebook.categories}
