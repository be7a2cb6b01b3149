"""The audit room: everything that a doubter needs to count the vote again."""

from fastapi import APIRouter, Request, Response

from services.voting import repository
from services.voting.standing import may_see_totals, standing
from shared import known
from shared.contracts.catalogue import TOPICS
from shared.contracts.voting import VoteCast
from shared.errors import NotFound
from shared.service import Resources
from shared.web.pages import Pages
from shared.web.sessions import account_or_none


def router(resources: Resources) -> APIRouter:
    """``/audit``."""
    routes = APIRouter(include_in_schema=False)
    pages = Pages("services.voting")

    @routes.get("/audit")
    async def show_audit(request: Request) -> Response:
        account = await account_or_none(request)
        async with resources.database.transaction() as session:
            contest_id = request.query_params.get("contest") or await known.current_contest(session)
            if contest_id is None:
                raise NotFound("ยังไม่มีการประกวดให้ตรวจสอบ", "There is no contest to audit yet.")
            found = await standing(session, resources.clock, contest_id, sees_totals=may_see_totals(account))
            seals = await repository.seals(session, contest_id)
            issued = await repository.ballots_issued(session, contest_id)
        context = {
            "vote": found,
            "rulebook": found.rulebook,
            "now": found.now,
            "seals": seals,
            "issued": issued,
            "partitions": TOPICS[VoteCast.TOPIC].partitions,
        }
        return await pages.render(request, "audit.html", context)

    return routes
