"""Open data: the shortlist and the results, once published; and an applicant's own result."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.scoring.handlers.openness import (
    OwnResult,
    own_result,
    published_results,
    published_shortlist,
)
from services.scoring.http.fields import PREFIX, ContestPath, EntryPath
from services.scoring.open_data import results_csv, shortlist_csv
from services.scoring.repository import entries
from shared import known
from shared.contracts.ids import ContestId, DimensionId, EntryId
from shared.contracts.scoring import AwardGiven, Finalist
from shared.service import Resources
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, current_account

CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "UTF-8 with BOM"}
}


class PublishedShortlist(BaseModel):
    contest_id: str
    published_at: AwareDatetime
    finalists: list[Finalist]


class PublishedResults(BaseModel):
    contest_id: str
    published_at: AwareDatetime
    awards: list[AwardGiven]


class DimensionResult(BaseModel):
    dimension_id: DimensionId
    maximum: int
    mean: str
    comments: list[str] = Field(description="empty unless the rulebook releases comments")


class EntryResult(BaseModel):
    entry_id: EntryId
    shortlisted: bool
    awards: list[str]
    judges: int
    mean_total: str
    dimensions: list[DimensionResult]
    appeal_until: AwareDatetime

    @classmethod
    def of(cls, result: OwnResult) -> "EntryResult":
        """The result as the API shows it."""
        return cls(
            entry_id=EntryId(result.entry.entry_id),
            shortlisted=result.shortlisted,
            awards=[award.award_id for award in result.awards],
            judges=result.judges,
            mean_total=result.mean_total,
            dimensions=[
                DimensionResult(
                    dimension_id=each.dimension.id,
                    maximum=each.dimension.points,
                    mean=each.mean,
                    comments=list(each.comments),
                )
                for each in result.dimensions
            ],
            appeal_until=result.appeal_until,
        )


def router(resources: Resources) -> APIRouter:
    """Routes without roles, but for the owner's result."""
    api = APIRouter(prefix=f"{PREFIX}/contests/{{contest_id}}", responses=PROBLEMS)

    @api.get("/shortlist", tags=["open data"])
    async def shortlist(contest_id: ContestPath) -> PublishedShortlist:
        """The finalists, once published."""
        async with resources.database.transaction() as session:
            await known.rulebook(session, contest_id)
            found = await published_shortlist(session, ContestId(contest_id))
        return PublishedShortlist(
            contest_id=contest_id, published_at=found.published_at, finalists=list(found.finalists)
        )

    @api.get("/shortlist.csv", tags=["open data"], responses=CSV, response_class=Response)
    async def shortlist_as_csv(contest_id: ContestPath) -> Response:
        """The finalists as CSV."""
        async with resources.database.transaction() as session:
            rulebook = await known.rulebook(session, contest_id)
            found = await published_shortlist(session, ContestId(contest_id))
            rows = await entries.entries(session, contest_id)
        return shortlist_csv(rulebook, found, rows)

    @api.get("/results", tags=["open data"])
    async def results(contest_id: ContestPath) -> PublishedResults:
        """All awards, once published."""
        async with resources.database.transaction() as session:
            await known.rulebook(session, contest_id)
            found = await published_results(session, ContestId(contest_id))
        return PublishedResults(
            contest_id=contest_id, published_at=found.published_at, awards=list(found.awards)
        )

    @api.get("/results.csv", tags=["open data"], responses=CSV, response_class=Response)
    async def results_as_csv(contest_id: ContestPath) -> Response:
        """All awards as CSV."""
        async with resources.database.transaction() as session:
            rulebook = await known.rulebook(session, contest_id)
            found = await published_results(session, ContestId(contest_id))
            rows = await entries.entries(session, contest_id)
        return results_csv(rulebook, found, rows)

    @api.get("/entries/{entry_id}/result", tags=["applicant"])
    async def result(
        contest_id: ContestPath,
        entry_id: EntryPath,
        account: Annotated[Account, Depends(current_account)],
    ) -> EntryResult:
        """The scores of one's own entry, after the results, as far as the rulebook releases them."""
        async with resources.database.transaction() as session:
            rulebook = await known.rulebook(session, contest_id)
            return EntryResult.of(await own_result(session, rulebook, EntryId(entry_id), account.contact_id))

    return api
