"""``/notices/print``: whom no mail reached, with labels for what goes to them on paper."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.domain.notices import NoticeState
from services.notify.handlers import notices_by_post
from services.notify.pages.common import Staff, contest_of
from services.notify.pages.ticking import PRIVATE, TickedQueue
from shared.service import Resources
from shared.web.sessions import Account


def router(resources: Resources) -> APIRouter:
    """The queue, its labels, and that something was posted."""
    pages = APIRouter()
    database = resources.database

    async def contest(request: Request) -> str:
        async with database.transaction() as session:
            return await contest_of(request, session)

    def queue(contest_id: str, account: Account) -> TickedQueue:
        async def shown() -> dict[str, Any]:
            async with database.transaction() as session:
                people = await notices_by_post.queue(session, contest_id)
                counts = await repository.notices.counts(session, contest_id)
            waiting = counts.get(NoticeState.REVIEW, 0)
            return {"people": people, "waiting": waiting, "contest_id": contest_id}

        async def mark(notice_ids: Sequence[str]) -> int:
            async with database.transaction() as session:
                return await notices_by_post.mark_posted(
                    session, resources.clock, contest_id, notice_ids, account.contact_id
                )

        return TickedQueue("notices_print.html", "notice", shown, mark)

    @pages.get("/notices/print")
    async def by_post(request: Request, account: Staff) -> Response:
        return await queue(await contest(request), account).page(request)

    @pages.get("/notices/print/labels.pdf")
    async def labels(request: Request, account: Staff) -> Response:
        content = await notices_by_post.queue_labels(resources, await contest(request))
        return Response(content, media_type="application/pdf", headers=PRIVATE)

    @pages.post("/notices/print")
    async def posted(request: Request, account: Staff) -> Response:
        contest_id = await contest(request)
        return await queue(contest_id, account).posted(request, f"/notices/print?contest={contest_id}")

    return pages
