"""``/notices/suppressed`` and ``/notices/table``: what is not sent, and what will be sent when."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.notices import (
    AUDIENCE_NAMES,
    CHANNEL_NAMES,
    CONDITION_NAMES,
    EVENTS,
    Rule,
    Timing,
)
from services.notify.handlers import suppression
from services.notify.handlers.reminders import before
from services.notify.pages.common import PAGES, Staff, contest_of, names_of
from shared import known
from shared.clock import BANGKOK
from shared.contracts.rulebook import MilestoneKind, Rulebook
from shared.errors import DomainError
from shared.service import Resources
from shared.web.pages import field_errors, language_of, redirect
from shared.web.tables import Column, Filter, csv_response, table_view, wants_csv

SUPPRESSED = (
    Column("address", "ที่อยู่", "Address"),
    Column("reason", "เหตุ", "Why"),
    Column("detail", "คำตอบของเซิร์ฟเวอร์", "Server's answer"),
    Column("since", "ตั้งแต่", "Since"),
    Column("state", "สถานะ", "State"),
)
TABLE = (
    Column("what", "เมื่อ", "When"),
    Column("to", "ผู้รับ", "Recipients"),
    Column("channel", "ช่องทาง", "Channel"),
    Column("subject", "เรื่อง", "Subject"),
    Column("timing", "จังหวะ", "Timing"),
    Column("review", "ตรวจก่อนส่ง", "Review"),
    Column("line", "บรรทัด", "Line", numeric=True),
)


def router(resources: Resources) -> APIRouter:
    """The suppression list and the table of notices."""
    pages = APIRouter()
    database, clock = resources.database, resources.clock

    @pages.get("/notices/suppressed")
    async def suppressed(request: Request, account: Staff) -> Response:
        return await show(request)

    async def show(
        request: Request, problem: DomainError | None = None, typed: dict[str, str] | None = None
    ) -> Response:
        language = language_of(request)
        position = 1 if language == "en" else 0
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            found = await repository.sending.suppressions(session, contest_id)
            names = await names_of(session, {row.lifted_by for row in found if row.lifted_by})
            counts = await repository.notices.counts(session, contest_id)
        rows: list[dict[str, Any]] = []
        for row in found:
            lifted = f"{('ยกเลิกแล้วโดย ', 'lifted by ')[position]}{names.get(row.lifted_by, '–')}"
            on = ("งดส่งอยู่", "suppressed")[position]
            rows.append(
                {
                    "address": row.address,
                    "reason": suppression.REASONS[row.reason][position],
                    "detail": row.detail,
                    "since": row.since,
                    "state": _badge(lifted, "") if row.lifted_at else _badge(on, "late"),
                    "_reason": row.reason,
                }
            )
        reasons = [(name, texts[position]) for name, texts in suppression.REASONS.items()]
        view = table_view(
            request,
            SUPPRESSED,
            rows,
            filters=[Filter("reason", "เหตุ", "Why", reasons, value_of=lambda row: row["_reason"])],
            search=["address", "detail"],
        )
        if wants_csv(request):
            return csv_response("suppressed", view, language)
        context = {
            "view": view,
            "contest_id": contest_id,
            "active": [row for row in found if row.lifted_at is None],
            "waiting": counts.get("review", 0),
            "typed": typed or {"address": "", "detail": ""},
            "errors": field_errors(problem, language) if problem else {},
        }
        return await PAGES.render(request, "suppressed.html", context, status_code=422 if problem else 200)

    @pages.post("/notices/suppressed")
    async def change(request: Request, account: Staff) -> Response:
        """Add an address (``do=add``), or lift one."""
        form = {name: str(value) for name, value in (await PAGES.form(request)).items()}
        address = form.get("address", "")
        try:
            async with database.transaction() as session:
                contest_id = await contest_of(request, session)
                if form.get("do") == "add":
                    await suppression.suppress(
                        session, clock, contest_id, address, form.get("detail", ""), account.contact_id
                    )
                    done = ("เพิ่มในรายการงดส่งแล้ว", "It is on the list.")
                else:
                    await suppression.lift(session, clock, contest_id, address, account.contact_id)
                    done = (
                        "ยกเลิกการงดส่งแล้ว กดส่งรายการที่ค้างใหม่ได้",
                        "Lifted; send again what failed.",
                    )
        except DomainError as problem:
            if not problem.field:
                raise
            return await show(request, problem, form)
        return redirect(f"/notices/suppressed?contest={contest_id}", th=done[0], en=done[1])

    @pages.get("/notices/table")
    async def table(request: Request, account: Staff) -> Response:
        language = language_of(request)
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            rulebook = await known.rulebook(session, contest_id)
            now = await clock.now(session, contest_id)
            counts = await repository.notices.counts(session, contest_id)
        rows = [row_of(rule, rulebook, language) for rule in contest_files(contest_id).rules()]
        position = 1 if language == "en" else 0
        audiences = [(name.value, texts[position]) for name, texts in AUDIENCE_NAMES.items()]
        view = table_view(
            request,
            TABLE,
            rows,
            filters=[Filter("to", "ถึง", "To", audiences, value_of=lambda row: row["_to"])],
            search=["what", "subject"],
            page_size=100,
        )
        if wants_csv(request):
            return csv_response("notice-table", view, language)
        dates = sorted(
            ((moment, row["subject"], row["to"]) for row in rows for moment in row["_dates"] if moment > now),
            key=lambda one: one[0],
        )
        context = {"view": view, "dates": dates[:20], "waiting": counts.get("review", 0)}
        return await PAGES.render(request, "notice_table.html", context)

    return pages


def _badge(text: str, kind: str) -> dict[str, str]:
    return {"badge": text, "kind": kind}


def row_of(rule: Rule, rulebook: Rulebook, language: str) -> dict[str, Any]:
    """A row of the table in words."""
    position = 1 if language == "en" else 0
    told = EVENTS[rule.event]
    what = (told.about, told.about_en)[position]
    if rule.of is not None:
        what += f": {rulebook.milestone(rule.of).name.in_language(language)}"
    if rule.condition:
        what += f" ({CONDITION_NAMES[rule.condition][position]})"
    subject = ""
    if rule.template:
        subject = contest_files(rulebook.contest_id).notice(rule.template, language).subject
    return {
        "what": what,
        "to": AUDIENCE_NAMES[rule.audience][position],
        "channel": CHANNEL_NAMES[rule.channel][position],
        "subject": subject or rule.event,
        "timing": timing_of(rule, language),
        "review": {"badge": ("ตรวจก่อน", "review")[position], "kind": "now"} if rule.review else None,
        "line": rule.line,
        "_to": rule.audience.value,
        "_dates": dates_of(rule, rulebook),
    }


def timing_of(rule: Rule, language: str) -> str:
    """When a row is told, in words."""
    thai = language != "en"
    parts = []
    if rule.timing is Timing.DIGEST:
        parts.append("สรุปประจำวัน" if thai else "in the daily digest")
    if rule.at is not None:
        parts.append(f"ทุกวัน {rule.at:%H.%M} น." if thai else f"daily at {rule.at:%H:%M}")
    for days in rule.days_before:
        if days:
            parts.append(f"{days} วันก่อน" if thai else f"{days} days before")
        else:
            parts.append("เมื่อเลยกำหนด" if thai else "once it has passed")
    if rule.event != "DeadlineTight":
        parts += [
            f"{days} วันทำการก่อน" if thai else f"{days} working days before"
            for days in rule.working_days_before
        ]
    else:
        least = min(rule.working_days_before)
        parts.append(f"น้อยกว่า {least} วันทำการ" if thai else f"fewer than {least} working days")
    if rule.working_days_after:
        days = rule.working_days_after
        parts.append(f"หลัง {days} วันทำการ" if thai else f"after {days} working days")
    if rule.urgent:
        parts.append("ด่วน" if thai else "urgent")
    if rule.reminder:
        parts.append("ยกเลิกรับได้" if thai else "may be unsubscribed")
    return " · ".join(parts) or ("ทันที" if thai else "at once")


def dates_of(rule: Rule, rulebook: Rulebook) -> Sequence[datetime]:
    """The instants at which the calendar brings a row, where they are known beforehand."""
    kind = rule.of or (MilestoneKind.APPLICATIONS if rule.event == "ApplicationsClosing" else None)
    if kind is None:
        return ()
    milestone = rulebook.milestone(kind)
    at = milestone.ends_at if kind is MilestoneKind.APPLICATIONS else milestone.starts_at
    found = [at - timedelta(days=days) for days in rule.days_before]
    day = at.astimezone(BANGKOK).date()
    for days in rule.working_days_before:
        found.append(datetime.combine(before(day, days), datetime.min.time(), BANGKOK) + timedelta(hours=8))
    return found
