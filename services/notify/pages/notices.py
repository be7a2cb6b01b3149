"""``/notices``: what a person was told; for staff, the outbox."""

from email import message_from_bytes
from email.policy import default as modern

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.domain.notices import STATE_NAMES, NoticeState
from services.notify.pages.common import PAGES, Someone, Staff, contest_of, names_of, notice_badge
from services.notify.tables import Mail, Notice
from shared.contracts.intake import Role
from shared.errors import Conflict, Forbidden
from shared.service import Resources
from shared.web.pages import language_of, redirect
from shared.web.tables import Column, Filter, csv_response, table_view, wants_csv

OUTBOX = (
    Column("subject", "เรื่อง", "Subject"),
    Column("to", "ผู้รับ", "Recipient"),
    Column("state", "สถานะ", "State"),
    Column("created", "เมื่อ", "When"),
    Column("attempts", "ครั้งที่ลอง", "Tries", numeric=True),
    Column("error", "คำตอบของเซิร์ฟเวอร์", "Server's answer"),
)


def router(resources: Resources) -> APIRouter:
    """Notices."""
    pages = APIRouter()
    database = resources.database

    @pages.get("/notices")
    async def notices(request: Request, account: Someone) -> Response:
        staff = account.may(Role.STAFF, Role.APPROVER)
        language = language_of(request)
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            own = "" if staff else account.contact_id
            rows = await repository.notices.notices(session, contest_id, contact_id=own)
            names = await names_of(session, {row.contact_id for row in rows if row.contact_id})
        if not staff:
            return await PAGES.render(request, "notices_own.html", {"rows": rows})
        table = [
            {
                "subject": row.subject or row.template,
                "to": names.get(row.contact_id or "", row.recipient) if row.contact_id else row.recipient,
                "state": notice_badge(request, row.state),
                "created": row.created_at,
                "attempts": row.attempts or None,
                "error": row.last_error,
                "_href": f"/notices/{row.notice_id}?contest={row.contest_id}",
                "_state": row.state,
            }
            for row in rows
        ]
        position = 1 if language == "en" else 0
        states = Filter(
            "state",
            "สถานะ",
            "State",
            [(state.value, names[position]) for state, names in STATE_NAMES.items()],
            value_of=lambda row: row["_state"],
        )
        view = table_view(request, OUTBOX, table, filters=[states], search=["subject", "to", "error"])
        if wants_csv(request):
            return csv_response("notices", view, language)
        counts = {state: sum(row.state == state for row in rows) for state in NoticeState}
        return await PAGES.render(request, "notices.html", {"view": view, "counts": counts})

    @pages.get("/notices/{notice_id}")
    async def notice(request: Request, notice_id: str, account: Someone) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            row = await repository.notices.notice(session, contest_id, notice_id)
            staff = account.may(Role.STAFF, Role.APPROVER)
            if not staff and row.contact_id != account.contact_id:
                raise Forbidden("รายการนี้เป็นของผู้อื่น", "This notice is someone else's.")
            mail = await repository.people.mail_of(session, row)
        context = {
            "notice": row,
            "staff": staff,
            "badge": notice_badge(request, row.state),
            "text": _plain(mail, hide_links=row.recipient.startswith("dispatch:")) if mail else "",
            "address": mail.address if mail else "",
            "files": _files(mail) if mail else [],
        }
        return await PAGES.render(request, "notice.html", context)

    @pages.post("/notices/{notice_id}/{action}")
    async def act(request: Request, notice_id: str, action: str, account: Staff) -> Response:
        await PAGES.form(request)
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            row = await repository.notices.notice(session, contest_id, notice_id, lock=True)
            _only_failed(row)
            if action == "retry":
                await repository.notices.retry(session, row)
            else:
                row.handled_by = account.contact_id
        if action == "retry":
            done = ("จัดคิวส่งใหม่แล้ว", "It is queued again.")
        else:
            done = ("บันทึกว่าแจ้งทางอื่นแล้ว", "Noted as handled.")
        return redirect(f"/notices/{notice_id}?contest={contest_id}", th=done[0], en=done[1])

    return pages


def _only_failed(notice: Notice) -> None:
    if notice.state != NoticeState.FAILED:
        raise Conflict("รายการนี้ไม่ได้ค้างอยู่", "This notice has not failed.")


def _plain(mail: Mail, *, hide_links: bool) -> str:
    """What the person reads; a one-time link is shown to nobody else."""
    part = message_from_bytes(mail.message, policy=modern).get_body(("plain",))
    text = str(part.get_content()) if part else ""
    if not hide_links:
        return text
    return "\n".join("…" if "/letters/acknowledge/" in line else line for line in text.splitlines())


def _files(mail: Mail) -> list[tuple[str, str]]:
    parts = message_from_bytes(mail.message, policy=modern).iter_attachments()
    return [(str(part.get_filename()), part.get_content_type()) for part in parts]
