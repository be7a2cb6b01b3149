"""``/notices/webhooks``: other systems that are told, what they answered, and sending it again."""

from typing import Any

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.domain.keys import NotifyKeys
from services.notify.domain.notices import EVENTS
from services.notify.handlers import webhooks
from services.notify.pages.common import PAGES, REMOVE_WORDS, Staff, check_typed, contest_of, notice_badge
from shared.errors import DomainError, NotFound
from shared.service import Resources
from shared.web.pages import field_errors, language_of, redirect
from shared.web.tables import Column, csv_response, table_view, wants_csv

DELIVERIES = (
    Column("event", "เหตุการณ์", "Event"),
    Column("state", "สถานะ", "State"),
    Column("status", "HTTP", "HTTP"),
    Column("attempts", "ครั้งที่ลอง", "Tries", numeric=True),
    Column("created", "เมื่อ", "When"),
    Column("error", "คำตอบ", "Answer"),
)


def router(resources: Resources) -> APIRouter:
    """Webhooks."""
    pages = APIRouter()
    database, clock, settings = resources.database, resources.clock, resources.settings
    keys = NotifyKeys.of(settings.notify_secret.get_secret_value())

    @pages.get("/notices/webhooks")
    async def all_of_them(request: Request, account: Staff) -> Response:
        return await show(request)

    async def show(
        request: Request, problem: DomainError | None = None, typed: dict[str, Any] | None = None
    ) -> Response:
        language = language_of(request)
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            hooks = await repository.sending.webhooks(session, contest_id)
            sent = await webhooks.deliveries(session, contest_id)
            counts = await repository.notices.counts(session, contest_id)
        failed = {
            hook.webhook_id: sum(
                row.state == "failed" and row.recipient == f"webhook:{hook.webhook_id}" for row in sent
            )
            for hook in hooks
        }
        context = {
            "hooks": hooks,
            "failed": failed,
            "contest_id": contest_id,
            "public": [(name, _about(name, language)) for name in webhooks.PUBLIC],
            "typed": typed or {"name": "", "url": "", "events": []},
            "waiting": counts.get("review", 0),
            "errors": field_errors(problem, language) if problem else {},
        }
        return await PAGES.render(request, "webhooks.html", context, status_code=422 if problem else 200)

    @pages.post("/notices/webhooks")
    async def add(request: Request, account: Staff) -> Response:
        form = await PAGES.form(request)
        typed = {name: str(form.get(name, "")) for name in ("name", "url")}
        events = [str(event) for event in form.getlist("events")]
        try:
            async with database.transaction() as session:
                contest_id = await contest_of(request, session)
                hook, secret = await webhooks.add_webhook(
                    session,
                    clock,
                    settings,
                    keys,
                    contest_id=contest_id,
                    events=events,
                    by=account.contact_id,
                    **typed,
                )
        except DomainError as problem:
            if not problem.field:
                raise
            return await show(request, problem, {**typed, "events": events})
        return await one_page(request, hook.webhook_id, secret)

    @pages.get("/notices/webhooks/{webhook_id}")
    async def one(request: Request, webhook_id: str, account: Staff) -> Response:
        return await one_page(request, webhook_id)

    async def one_page(request: Request, webhook_id: str, secret: str = "") -> Response:
        language = language_of(request)
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            hook = await repository.sending.webhook(session, contest_id, webhook_id)
            sent = await webhooks.deliveries(session, contest_id, webhook_id)
            counts = await repository.notices.counts(session, contest_id)
        rows = [
            {
                "event": row.event,
                "state": notice_badge(request, row.state),
                "status": row.status,
                "attempts": row.attempts or None,
                "created": row.created_at,
                "error": row.last_error,
                "_href": f"/notices/{row.notice_id}?contest={contest_id}",
            }
            for row in sent
        ]
        view = table_view(request, DELIVERIES, rows, search=["event", "error"])
        if wants_csv(request):
            return csv_response("deliveries", view, language)
        context = {
            "hook": hook,
            "confirm_word": REMOVE_WORDS,
            "view": view,
            "secret": secret,
            "failed": sum(row.state == "failed" for row in sent),
            "contest_id": contest_id,
            "events": [(name, _about(name, language)) for name in hook.events or webhooks.PUBLIC],
            "waiting": counts.get("review", 0),
        }
        return await PAGES.render(request, "webhook.html", context)

    @pages.post("/notices/webhooks/{webhook_id}/{action}")
    async def act(request: Request, webhook_id: str, action: str, account: Staff) -> Response:
        form = await PAGES.form(request)
        target = f"/notices/webhooks/{webhook_id}"
        secret = ""
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            hook = await repository.sending.webhook(session, contest_id, webhook_id, lock=True)
            match action:
                case "ping":
                    await webhooks.try_out(session, clock, hook)
                    done = ("ส่ง Ping แล้ว ดูผลในรายการด้านล่าง", "A Ping is on its way; see the list.")
                case "replay":
                    count = await webhooks.replay(session, clock, contest_id, webhook_id, account.contact_id)
                    done = (f"ส่งซ้ำ {count} รายการ", f"{count} are sent again.")
                case "pause":
                    await webhooks.pause(session, clock, hook, "staff")
                    done = ("พักแล้ว", "It is paused.")
                case "resume":
                    await webhooks.resume(hook)
                    done = ("เปิดใช้แล้ว", "It is told again.")
                case "secret":
                    secret = await webhooks.change_secret(session, keys, hook)
                    done = ("", "")
                case "remove":
                    check_typed(str(form.get("confirm", "")), REMOVE_WORDS)
                    await webhooks.remove_webhook(session, hook)
                    target = "/notices/webhooks"
                    done = ("ลบแล้ว", "It is removed.")
                case _:
                    raise NotFound("ไม่มีหน้านี้", "There is no such page.")
        if secret:
            return await one_page(request, webhook_id, secret)
        return redirect(f"{target}?contest={contest_id}", th=done[0], en=done[1])

    return pages


def _about(name: str, language: str) -> str:
    told = EVENTS[name]
    return f"{name} – {told.about_en if language == 'en' else told.about}"
