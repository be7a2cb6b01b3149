"""The print queue: letters that go by post, with their labels. Staff see all of it, a clerk his agency's."""

from fastapi import APIRouter, Request, Response

from services.notify.handlers import posting
from services.notify.pages.common import PAGES, Registry, contest_of, of_staff, readable_agencies
from shared.errors import DomainError
from shared.service import Resources
from shared.thai.digits import thai_digits
from shared.web.pages import field_errors, language_of, redirect
from shared.web.sessions import Account

PRIVATE = {"Cache-Control": "private, no-store"}


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

    async def show(request: Request, account: Account, error: DomainError | None = None) -> Response:
        contest_id, own = await scope(request, account)
        async with database.transaction() as session:
            queue = await posting.print_queue(session, contest_id, own)
        errors = field_errors(error, language_of(request)) if error else {}
        status = error.status if error else 200
        context = {"queue": queue, "errors": errors, "thai_digits": thai_digits}
        return await PAGES.render(request, "print_queue.html", context, status_code=status)

    @pages.get("/letters/print")
    async def print_queue(request: Request, account: Registry) -> Response:
        return await show(request, account)

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
        form = await PAGES.form(request)
        chosen = [str(dispatch_id) for dispatch_id in form.getlist("dispatch")]
        try:
            async with database.transaction() as session:
                contest_id = await contest_of(request, session)
                count = await posting.mark_posted(
                    session,
                    resources.clock,
                    contest_id,
                    chosen,
                    account.contact_id,
                    staff=of_staff(account),
                )
        except DomainError as error:
            return await show(request, account, error)
        return redirect("/letters/print", th=f"บันทึกว่าส่งไปรษณีย์แล้ว {count} ราย", en=f"{count} posted.")

    return pages
