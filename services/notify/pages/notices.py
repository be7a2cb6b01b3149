"""``/notices``: what a person was told; for staff, the outbox."""

from collections.abc import Iterable
from email import message_from_bytes
from email.policy import default as modern
from typing import Any

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.domain.notices import CHANNEL_NAMES, STATE_NAMES, NoticeState
from services.notify.handlers import review
from services.notify.pages.common import PAGES, Someone, Staff, contest_of, names_of, notice_badge, of_staff
from services.notify.tables import Mail, Notice
from shared.contracts.notify import Channel
from shared.errors import Forbidden, NotFound
from shared.service import Resources
from shared.web.pages import language_of, redirect
from shared.web.sessions import Account
from shared.web.static_files import static_url
from shared.web.tables import Column, Filter, csv_response, table_view, wants_csv

OUTBOX = (
    Column("subject", "เรื่อง", "Subject"),
    Column("to", "ผู้รับ", "Recipient"),
    Column("channel", "ช่องทาง", "Channel"),
    Column("state", "สถานะ", "State"),
    Column("created", "เมื่อ", "When"),
    Column("attempts", "ครั้งที่ลอง", "Tries", numeric=True),
    Column("error", "คำตอบของเซิร์ฟเวอร์", "Server's answer"),
)
STEP_NAMES = {
    "edited": ("แก้ข้อความ", "edited"),
    "approved": ("อนุมัติให้ส่ง", "approved"),
    "discarded": ("ไม่ส่ง", "discarded"),
    "sent again": ("ส่งใหม่", "sent again"),
    "replayed": ("ส่งซ้ำ", "replayed"),
    "telephoned": ("แจ้งทางโทรศัพท์", "telephoned"),
    "posted": ("ส่งทางไปรษณีย์แทน", "posted instead"),
    "bounced": ("ตีกลับ", "bounced"),
}
_TOLD = (NoticeState.SENT, NoticeState.BOUNCED, NoticeState.FAILED)
MAIL_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; font-src 'self'; frame-ancestors 'self'; "
    "base-uri 'none'; sandbox allow-same-origin"
)
"""A mail's HTML has its styles inline; nothing else of it may run or load."""


def router(resources: Resources) -> APIRouter:
    """Notices."""
    pages = APIRouter()
    database, clock = resources.database, resources.clock

    @pages.get("/notices")
    async def notices(request: Request, account: Someone) -> Response:
        if not of_staff(account):
            return await own(request, account)
        language = language_of(request)
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            rows = await repository.notices.notices(session, contest_id)
            names = await names_of(session, {row.contact_id for row in rows if row.contact_id})
            tabs = await repository.notices.counts(session, contest_id)
        view = table_view(
            request,
            OUTBOX,
            [_row(request, row, names) for row in rows],
            filters=_filters(language),
            search=["subject", "to", "error"],
        )
        if wants_csv(request):
            return csv_response("notices", view, language)
        counts = {state: sum(row.state == state for row in rows) for state in NoticeState}
        return await PAGES.render(
            request, "notices.html", {"view": view, "counts": counts, "waiting": tabs.get("review", 0)}
        )

    @pages.get("/notices/mine")
    async def own(request: Request, account: Someone) -> Response:
        """Everything that the person was told, by whatever channel, and their choice about reminders."""
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            rows = await repository.notices.notices(session, contest_id, contact_id=account.contact_id)
            stopped = await repository.sending.stopped(session, [account.contact_id])
        context = {
            "rows": [row for row in rows if row.state in _TOLD],
            "unread": sum(row.read_at is None for row in rows if row.state in _TOLD),
            "no_reminders": (contest_id, account.contact_id) in stopped,
            "contest_id": contest_id,
        }
        return await PAGES.render(request, "notices_own.html", context)

    @pages.post("/notices/mine")
    async def choose(request: Request, account: Someone) -> Response:
        form = await PAGES.form(request)
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            now = await clock.now(session, contest_id)
            match form.get("do"):
                case "stop":
                    await repository.sending.stop_reminders(
                        session, contest_id, account.contact_id, now, "page"
                    )
                    done = ("หยุดการเตือนแล้ว", "You get no more reminders.")
                case "want":
                    await repository.sending.want_reminders(session, contest_id, account.contact_id)
                    done = ("จะเตือนก่อนถึงกำหนด", "You get reminders again.")
                case _:
                    await repository.notices.mark_read(session, contest_id, account.contact_id, now)
                    done = ("ทำเครื่องหมายว่าอ่านแล้ว", "All are marked as read.")
        return redirect(f"/notices/mine?contest={contest_id}", th=done[0], en=done[1])

    async def visible(request: Request, notice_id: str, account: Account) -> tuple[Notice, Mail | None]:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            row = await repository.notices.notice(session, contest_id, notice_id)
            own_one = row.contact_id == account.contact_id and row.state in _TOLD
            if not own_one and not of_staff(account):
                raise Forbidden("รายการนี้เป็นของผู้อื่น", "This notice is someone else's.")
            if own_one and row.read_at is None:
                row.read_at = await clock.now(session, contest_id)
            return row, await repository.people.mail_of(session, row)

    @pages.get("/notices/{notice_id}")
    async def notice(request: Request, notice_id: str, account: Someone) -> Response:
        row, mail = await visible(request, notice_id, account)
        async with database.transaction() as session:
            steps = await repository.steps.steps(session, row.contest_id, row.notice_id)
            names = await names_of(session, [step.by for step in steps])
        hidden = row.recipient.startswith("dispatch:")
        context = {
            "notice": row,
            "staff": of_staff(account),
            "badge": notice_badge(request, row.state),
            "text": _plain(mail, hide_links=hidden) if mail else "",
            "html": bool(mail) and not hidden,
            "address": mail.address if mail else "",
            "files": _files(mail) if mail else [],
            "steps": _steps(request, steps, names),
            "open": review.open_text(row) if row.state == NoticeState.REVIEW else None,
        }
        return await PAGES.render(request, "notice.html", context)

    @pages.get("/notices/{notice_id}/mail")
    async def mail_page(request: Request, notice_id: str, account: Someone) -> Response:
        """The HTML of a mail as its reader sees it, framed by the notice's page."""
        row, mail = await visible(request, notice_id, account)
        part = message_from_bytes(mail.message, policy=modern).get_body(("html",)) if mail else None
        if part is None or row.recipient.startswith("dispatch:"):
            raise NotFound("ไม่มีข้อความเก็บไว้", "No text is kept.")
        headers = {"Content-Security-Policy": MAIL_CSP, "Content-Language": row.language}
        face = f"@font-face{{font-family:Sarabun;src:url({static_url('fonts/sarabun-400.woff2')})}}"
        page = str(part.get_content()).replace("</head>", f"<style>{face}</style></head>", 1)
        return Response(page, media_type="text/html", headers=headers)

    @pages.post("/notices/{notice_id}/{action}")
    async def act(request: Request, notice_id: str, action: str, account: Staff) -> Response:
        await PAGES.form(request)
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            row = await repository.notices.notice(session, contest_id, notice_id, lock=True)
            match action:
                case "retry":
                    await review.retry(session, clock, row, account.contact_id)
                    done = ("จัดคิวส่งใหม่แล้ว", "It is queued again.")
                case "handled":
                    await review.handled(session, clock, row, account.contact_id)
                    done = ("บันทึกว่าแจ้งทางอื่นแล้ว", "Noted as handled.")
                case _:
                    raise NotFound("ไม่มีหน้านี้", "There is no such page.")
        return redirect(f"/notices/{notice_id}?contest={contest_id}", th=done[0], en=done[1])

    return pages


def _row(request: Request, row: Notice, names: dict[str, Any]) -> dict[str, Any]:
    position = 1 if language_of(request) == "en" else 0
    return {
        "subject": row.subject or row.template,
        "to": names.get(row.contact_id or "", row.recipient) if row.contact_id else row.recipient,
        "channel": CHANNEL_NAMES[Channel(row.channel)][position],
        "state": notice_badge(request, row.state),
        "created": row.created_at,
        "attempts": row.attempts or None,
        "error": row.last_error,
        "_href": f"/notices/{row.notice_id}?contest={row.contest_id}",
        "_state": row.state,
        "_channel": row.channel,
    }


def _filters(language: str) -> list[Filter]:
    position = 1 if language == "en" else 0
    return [
        Filter(
            "state",
            "สถานะ",
            "State",
            [(state.value, names[position]) for state, names in STATE_NAMES.items()],
            value_of=lambda row: row["_state"],
        ),
        Filter(
            "channel",
            "ช่องทาง",
            "Channel",
            [(channel.value, names[position]) for channel, names in CHANNEL_NAMES.items()],
            value_of=lambda row: row["_channel"],
        ),
    ]


def _steps(request: Request, steps: Iterable[Any], names: dict[str, Any]) -> list[dict[str, Any]]:
    position = 1 if language_of(request) == "en" else 0
    return [
        {
            "what": STEP_NAMES.get(step.step, (step.step, step.step))[position],
            "by": names.get(step.by, "–"),
            "at": step.at,
            "note": step.note,
        }
        for step in steps
    ]


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
