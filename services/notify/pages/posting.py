"""The print queue: letters that go by post, with their labels. Staff see all of it, a clerk his agency's."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from services.notify.handlers import posting
from services.notify.pages.common import Registry, contest_of, of_staff, readable_agencies
from services.notify.pages.ticking import PRIVATE, TickedQueue
from shared.service import Resources
from shared.thai.digits import thai_digits
from shared.web.sessions import Account


def router(resources: Resources) -> APIRouter:
    """The queue, its labels, each letter for its addressee, and that they were posted."""
    pages = APIRouter()
    database = resources.database

    async def scope(request: Request, account: Account) -> tuple[str, frozenset[str] | None]:
        """The contest, and the agencies whose letters the person may print; None = all."""
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            now = await resources.clock.now(session, contest_id)
            return contest_id, await readable_agencies(session, contest_id, account, now)

    async def queue(request: Request, account: Account) -> TickedQueue:
        contest_id, own = await scope(request, account)

        async def shown() -> dict[str, Any]:
            async with database.transaction() as session:
                found = await posting.print_queue(session, contest_id, own)
            return {"queue": found, "thai_digits": thai_digits}

        async def mark(dispatch_ids: Sequence[str]) -> int:
            async with database.transaction() as session:
                return await posting.mark_posted(
                    session,
                    resources.clock,
                    contest_id,
                    dispatch_ids,
                    account.contact_id,
                    staff=of_staff(account),
                )

        return TickedQueue("print_queue.html", "dispatch", shown, mark)

    @pages.get("/letters/print")
    async def print_queue(request: Request, account: Registry) -> Response:
        return await (await queue(request, account)).page(request)

    @pages.get("/letters/print/labels.pdf")
    async def queue_labels(request: Request, account: Registry) -> Response:
        content = await posting.queue_labels(resources, *await scope(request, account))
        return Response(content, media_type="application/pdf", headers=PRIVATE)

    @pages.get("/letters/print/{dispatch_id}.pdf")
    async def printed_letter(request: Request, dispatch_id: str, account: Registry) -> Response:
        contest_id, own = await scope(request, account)
        content = await posting.printed_letter(resources, contest_id, dispatch_id, own)
        return Response(content, media_type="application/pdf", headers=PRIVATE)

    @pages.post("/letters/print")
    async def posted(request: Request, account: Registry) -> Response:
        return await (await queue(request, account)).posted(request, "/letters/print")

    return pages
