"""``/documents/registers``: the heads of the registers' chains, and whether one that was kept still holds."""

from fastapi import APIRouter, Request, Response

from services.notify.contest_files import contest_files
from services.notify.domain.register import Book
from services.notify.handlers import register_heads
from services.notify.pages.common import PAGES, contest_of
from shared.errors import Invalid
from shared.service import Resources
from shared.web.pages import field_errors, language_of

BOOKS = {Book.OUT: ("หนังสือส่ง", "Outgoing"), Book.IN: ("หนังสือรับ", "Incoming")}
HEADERS = {"Cache-Control": "no-store"}


def router(resources: Resources) -> APIRouter:
    """The public page of the heads."""
    pages = APIRouter()

    @pages.get(register_heads.ADDRESS)
    async def heads(request: Request) -> Response:
        asked = {name: request.query_params.get(name, "")[:100] for name in ("book", "position", "sha256")}
        agency, _, book = asked["book"].partition("/")
        holds, error = None, None
        async with resources.database.transaction() as session:
            contest_id = await contest_of(request, session)
            found = await register_heads.published_heads(session, contest_id)
            if asked["sha256"] or asked["position"]:
                try:
                    kept = (agency, book, asked["position"], asked["sha256"])
                    holds = await register_heads.still_holds(session, contest_id, kept)
                except Invalid as problem:
                    error = problem
        context = {
            "heads": found,
            "contest_id": contest_id,
            "agencies": contest_files(contest_id).agency_names(),
            "books": BOOKS,
            "asked": asked,
            "holds": holds,
            "errors": field_errors(error, language_of(request)) if error else {},
        }
        status = error.status if error else 200
        return await PAGES.render(request, "registers.html", context, status_code=status, headers=HEADERS)

    return pages
