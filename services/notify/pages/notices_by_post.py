"""``/notices/print``: whom no mail reached, with labels for what goes to them on paper."""

from fastapi import APIRouter, Request, Response

from services.notify.handlers import notices_by_post
from services.notify.pages.common import PAGES, Staff, contest_of
from shared.errors import DomainError
from shared.service import Resources
from shared.web.pages import field_errors, language_of, redirect

PRIVATE = {"Cache-Control": "private, no-store"}


def router(resources: Resources) -> APIRouter:
    """The queue, its labels, and that something was posted."""
    pages = APIRouter()
    database = resources.database

    async def show(request: Request, error: DomainError | None = None) -> Response:
        async with database.transaction() as session:
            people = await notices_by_post.queue(session, await contest_of(request, session))
        errors = field_errors(error, language_of(request)) if error else {}
        status = error.status if error else 200
        context = {"people": people, "errors": errors, "waiting": 0}
        return await PAGES.render(request, "notices_print.html", context, status_code=status, headers=PRIVATE)

    @pages.get("/notices/print")
    async def by_post(request: Request, account: Staff) -> Response:
        return await show(request)

    @pages.get("/notices/print/labels.pdf")
    async def labels(request: Request, account: Staff) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
        content = await notices_by_post.queue_labels(resources, contest_id)
        return Response(content, media_type="application/pdf", headers=PRIVATE)

    @pages.post("/notices/print")
    async def posted(request: Request, account: Staff) -> Response:
        form = await PAGES.form(request)
        chosen = [str(contact_id) for contact_id in form.getlist("contact")]
        try:
            async with database.transaction() as session:
                contest_id = await contest_of(request, session)
                count = await notices_by_post.mark_posted(
                    session, resources.clock, contest_id, chosen, account.contact_id
                )
        except DomainError as error:
            return await show(request, error)
        return redirect(
            "/notices/print", th=f"บันทึกว่าส่งไปรษณีย์แล้ว {count} รายการ", en=f"{count} noted as posted."
        )

    return pages
