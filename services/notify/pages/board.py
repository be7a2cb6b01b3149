"""``/staff``: what is late or needs someone, then how far everything is."""

from fastapi import APIRouter, Request, Response

from services.notify.handlers.board import board_of
from services.notify.pages.common import PAGES, Staff, contest_of, names_of
from shared import known
from shared.service import Resources
from shared.thai.digits import thai_digits
from shared.web.pages import redirect


def router(resources: Resources) -> APIRouter:
    """The board."""
    pages = APIRouter()

    @pages.get("/staff")
    async def board(request: Request, account: Staff) -> Response:
        async with resources.database.transaction() as session:
            if not request.query_params.get("contest") and await known.current_contest(session) is None:
                return redirect("/staff/contest")
            contest_id = await contest_of(request, session)
        found = await board_of(resources.database, resources.clock, contest_id)
        async with resources.database.transaction() as session:
            names = await names_of(session, [judge.contact_id for judge in found.judges])
        return await PAGES.render(
            request,
            "board.html",
            {
                "board": found,
                "rulebook": found.rulebook,
                "now": found.now,
                "names": names,
                "thai_digits": thai_digits,
            },
        )

    return pages
