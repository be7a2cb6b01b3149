"""For everyone: the shortlist and the winners; for applicants: their own result."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.scoring.handlers.openness import own_result, published_results, published_shortlist
from services.scoring.open_data import results_csv, shortlist_csv
from services.scoring.pages.common import contest_of, render
from services.scoring.pages.picture import picture
from services.scoring.repository import entries
from shared.contracts.ids import EntryId
from shared.contracts.rulebook import MilestoneKind
from shared.errors import NotFound
from shared.service import Resources
from shared.web.sessions import Account, current_account


def router(resources: Resources) -> APIRouter:
    """``/shortlist``, ``/winners`` and ``/apply/result``."""
    pages = APIRouter()

    @pages.get("/shortlist")
    async def shortlist(request: Request) -> Response:
        """The finalists by category."""
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            try:
                found = await published_shortlist(session, contest.id)
            except NotFound:
                found = None
            rows = (
                await entries.entries(session, contest.id, [f.entry_id for f in found.finalists])
                if found
                else []
            )
        if found and request.query_params.get("format") == "csv":
            return shortlist_csv(contest.rulebook, found, rows)
        references = {entry.entry_id: entry.reference for entry in rows}
        milestones = {milestone.kind: milestone for milestone in contest.rulebook.milestones}
        groups = (
            [
                (
                    category,
                    sorted(
                        (f for f in found.finalists if f.category_id == category.id),
                        key=lambda finalist: references.get(finalist.entry_id, ""),
                    ),
                )
                for category in contest.rulebook.categories
            ]
            if found
            else []
        )
        context = {
            "shortlist": found,
            "groups": groups,
            "references": references,
            "voting": milestones.get(MilestoneKind.VOTING),
            "due": milestones.get(MilestoneKind.SHORTLIST),
            "picture": picture,
        }
        return await render(request, "public/shortlist.html", contest, context)

    @pages.get("/winners")
    async def winners(request: Request) -> Response:
        """The winners' gallery."""
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            try:
                found = await published_results(session, contest.id)
            except NotFound:
                found = None
            rows = await entries.entries(session, contest.id)
        if found and request.query_params.get("format") == "csv":
            return results_csv(contest.rulebook, found, rows)
        milestones = {milestone.kind: milestone for milestone in contest.rulebook.milestones}
        context = {
            "results": found,
            "entries_by_id": {entry.entry_id: entry for entry in rows},
            "due": milestones.get(MilestoneKind.RESULTS),
            "picture": picture,
        }
        return await render(request, "public/winners.html", contest, context)

    @pages.get("/apply/result")
    async def result(
        request: Request, account: Annotated[Account, Depends(current_account)], entry: str | None = None
    ) -> Response:
        """The scores of one's own entries, as far as the rulebook releases them."""
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            mine = await entries.entries_of(session, contest.id, account.contact_id)
            try:
                await published_results(session, contest.id)
                chosen = entry or (mine[0].entry_id if mine else None)
                outcome = (
                    await own_result(session, contest.rulebook, EntryId(chosen), account.contact_id)
                    if chosen
                    else None
                )
                published = True
            except NotFound:
                outcome, published = None, False
        milestones = {milestone.kind: milestone for milestone in contest.rulebook.milestones}
        context = {
            "mine": mine,
            "outcome": outcome,
            "published": published,
            "due": milestones.get(MilestoneKind.RESULTS),
        }
        return await render(request, "public/result.html", contest, context)

    return pages
