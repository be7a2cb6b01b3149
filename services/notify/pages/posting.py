"""The print queue: letters that go by post, with their labels."""

from fastapi import APIRouter, Request, Response

from services.notify.handlers import posting
from services.notify.pages.common import PAGES, Staff, contest_of
from shared.errors import DomainError
from shared.service import Resources
from shared.thai.digits import thai_digits
from shared.web.pages import field_errors, language_of, redirect

PRIVATE = {"Cache-Control": "private, no-store"}


def router(resources: Resources) -> APIRouter:
    """The queue, its labels, each letter for its addressee, and that they were posted."""
    pages = APIRouter()
    database = resources.database

    async def show(request: Request, error: DomainError | None = None) -> Response:
        async with database.transaction() as session:
            queue = await posting.print_queue(session, await contest_of(request, session))
        errors = field_errors(error, language_of(request)) if error else {}
        status = error.status if error else 200
        context = {"queue": queue, "errors": errors, "thai_digits": thai_digits}
        return await PAGES.render(request, "print_queue.html", context, status_code=status)

    @pages.get("/letters/print")
    async def print_queue(request: Request, account: Staff) -> Response:
        return await show(request)

    @pages.get("/letters/print/labels.pdf")
    async def queue_labels(request: Request, account: Staff) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
        content = await posting.queue_labels(resources, contest_id)
        return Response(content, media_type="application/pdf", headers=PRIVATE)

    @pages.get("/letters/print/{dispatch_id}.pdf")
    async def printed_letter(request: Request, dispatch_id: str, account: Staff) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
        content = await posting.printed_letter(resources, contest_id, dispatch_id)
        return Response(content, media_type="application/pdf", headers=PRIVATE)

    @pages.post("/letters/print")
    async def posted(request: Request, account: Staff) -> Response:
        form = await PAGES.form(request)
        chosen = [str(dispatch_id) for dispatch_id in form.getlist("dispatch")]
        try:
            async with database.transaction() as session:
                contest_id = await contest_of(request, session)
                count = await posting.mark_posted(
                    session, resources.clock, contest_id, chosen, account.contact_id
                )
        except DomainError as error:
            return await show(request, error)
        return redirect("/letters/print", th=f"บันทึกว่าส่งไปรษณีย์แล้ว {count} ราย", en=f"{count} posted.")

    return pages
