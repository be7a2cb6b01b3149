"""``/notices/review``: what waits for a look before it is sent, batch by batch and one by one."""

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.keys import NotifyKeys
from services.notify.domain.notices import EVENTS
from services.notify.handlers import review
from services.notify.notice_files import places_of
from services.notify.pages.common import PAGES, Staff, contest_of, names_of
from services.notify.tables import Notice
from shared.errors import DomainError
from shared.service import Resources
from shared.web.pages import field_errors, language_of, redirect
from shared.web.tables import Column, csv_response, table_view, wants_csv

BATCH = (
    Column("subject", "เรื่อง", "Subject"),
    Column("to", "ผู้รับ", "Recipient"),
    Column("language", "ภาษา", "Language"),
    Column("edited", "แก้ข้อความแล้ว", "Edited"),
)


def router(resources: Resources) -> APIRouter:
    """Review before sending."""
    pages = APIRouter()
    database, clock, settings = resources.database, resources.clock, resources.settings
    keys = NotifyKeys.of(settings.notify_secret.get_secret_value())

    @pages.get("/notices/review")
    async def batches(request: Request, account: Staff) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            found = await review.batches(session, contest_id)
        context = {
            "batches": found,
            "events": EVENTS,
            "contest_id": contest_id,
            "waiting": sum(len(one.notices) for one in found),
        }
        return await PAGES.render(request, "review.html", context)

    @pages.get("/notices/review/batch")
    async def one_batch(request: Request, account: Staff) -> Response:
        return await show(request)

    async def show(request: Request, problem: DomainError | None = None, typed: Any = None) -> Response:
        query = request.query_params
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            found = await review.batch(session, contest_id, query.get("event", ""), query.get("template", ""))
            names = await names_of(session, {row.contact_id or "" for row in found.notices})
        language = language_of(request)
        rows = [
            {
                "subject": row.subject,
                "to": names.get(row.contact_id or "", row.recipient),
                "language": {"th": "ไทย", "en": "English"}[row.language],
                "edited": row.words is not None,
                "_href": f"/notices/{row.notice_id}?contest={contest_id}",
            }
            for row in found.notices
        ]
        view = table_view(request, BATCH, rows, search=["subject", "to"])
        if wants_csv(request):
            return csv_response("review", view, language)
        first = found.notices[0]
        rules = [one for one in contest_files(contest_id).rules() if one.template == found.template]
        context = {
            "batch": found,
            "view": view,
            "first": first,
            "open": typed or review.open_text(first),
            "places": sorted(places_of(rules[0].event, rules[0].audience)) if rules else [],
            "mixed": len({row.language for row in found.notices}) > 1,
            "contest_id": contest_id,
            "waiting": len(found.notices),
            "errors": field_errors(problem, language) if problem else {},
        }
        return await PAGES.render(request, "review_batch.html", context, status_code=422 if problem else 200)

    @pages.post("/notices/review/batch")
    async def decide_batch(request: Request, account: Staff) -> Response:
        """Approve, edit or discard a batch; ``do`` says which."""
        form = {name: str(value) for name, value in (await PAGES.form(request)).items()}
        query = request.query_params
        try:
            async with database.transaction() as session:
                contest_id = await contest_of(request, session)
                found = await review.batch(
                    session, contest_id, query.get("event", ""), query.get("template", "")
                )
            async with database.transaction() as session:
                done = await decide(session, list(found.notices), form, account.contact_id)
        except DomainError as problem:
            if form.get("do") != "edit" or not problem.field:
                raise
            return await show(request, problem)
        if form.get("do") == "edit":
            return redirect(str(request.url.path) + "?" + str(request.url.query), th=done[0], en=done[1])
        return redirect(f"/notices/review?contest={contest_id}", th=done[0], en=done[1])

    @pages.post("/notices/review/one/{notice_id}")
    async def decide_one(request: Request, notice_id: str, account: Staff) -> Response:
        """The same for one notice."""
        form = {name: str(value) for name, value in (await PAGES.form(request)).items()}
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            row = await repository.notices.notice(session, contest_id, notice_id)
            done = await decide(session, [row], form, account.contact_id)
        return redirect(f"/notices/{notice_id}?contest={contest_id}", th=done[0], en=done[1])

    async def decide(
        session: AsyncSession, notices: list[Notice], form: dict[str, str], by: str
    ) -> tuple[str, str]:
        match form.get("do"):
            case "edit":
                text = review.text_from(form, review.open_text(notices[0]).ics)
                count = await review.edit(session, clock, settings, keys, notices, by, text)
                return f"แก้ข้อความแล้ว {count} รายการ", f"{count} notices were changed."
            case "discard":
                count = await review.discard(session, clock, notices, by, form.get("reason", ""))
                return f"ไม่ส่ง {count} รายการ", f"{count} notices will not be sent."
            case _:
                count = await review.approve(session, clock, notices, by)
                return f"อนุมัติให้ส่ง {count} รายการ", f"{count} notices are on their way."

    return pages
