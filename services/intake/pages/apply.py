"""The applicant's way: own entries, eligibility, the task list, checking, sending, withdrawing."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.intake import repository
from services.intake.domain.eligibility import completeness, faults, latest_start, ran_long_enough
from services.intake.domain.entry import EDITABLE, Door, EntryContent, EntryState, door
from services.intake.handlers import entries
from services.intake.handlers.entries import EntryIncomplete, content_of, sent_content
from services.intake.http.entries import shown_files
from services.intake.pages.common import PAGES, Here, here, province_name, province_options, status, text_of
from services.intake.pages.entry_views import answers, tasks
from services.intake.tables import Entry
from shared.contracts.intake import Role
from shared.errors import Invalid
from shared.service import Resources
from shared.web.pages import field_errors, language_of, redirect
from shared.web.sessions import Account, require

Applicant = Annotated[Account, Depends(require(Role.APPLICANT))]
QUESTIONS = ("applicant_kind", "interest", "service", "operating_since", "category_id")
WITHDRAW = {"th": "ถอนผลงาน", "en": "WITHDRAW"}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _eligibility(found: Here, answers: dict[str, str]) -> tuple[Invalid, ...]:
    """What the five questions say against an application."""
    rules = found.rulebook.eligibility
    kinds = {kind.id for kind in rules.applicant_kinds}
    unanswered = {
        name: Invalid(f"โปรดตอบข้อ {number}", f"Please answer question {number}.", field=name)
        for number, name in enumerate(QUESTIONS, start=1)
        if not answers[name]
    }
    since = _day(answers["operating_since"])
    checks = (
        (
            answers["applicant_kind"] in kinds,
            Invalid(
                "ผู้สมัครต้องเป็นหน่วยงานตามข้อ 3 ของรายละเอียดโครงการ",
                "The applicant must be one of those in annex §3.",
                field="applicant_kind",
            ),
        ),
        (
            answers["interest"] == "yes",
            Invalid(
                "ข้อ 3: ต้องเป็นเขตส่งเสริมเมืองอัจฉริยะ หรือสนใจจะพัฒนาเมืองอัจฉริยะ",
                "Annex §3: a smart city promotion zone, or interested in becoming one.",
                field="interest",
            ),
        ),
        (
            answers["service"] == "yes",
            Invalid(
                "ข้อ 1: ต้องเป็นโครงการ ระบบบริการ หรือกิจกรรมที่ให้บริการประชาชน",
                "Annex §1: a project, service system or activity that serves the public.",
                field="service",
            ),
        ),
        (
            since is not None and ran_long_enough(rules, since),
            _operated_fault(found, since),
        ),
        (
            answers["category_id"] in {category.id for category in found.rulebook.categories},
            Invalid("เลือกด้านที่สมัคร (ข้อ 4)", "Choose a category (annex §4).", field="category_id"),
        ),
    )
    return tuple(unanswered.get(fault.field, fault) for passed, fault in checks if not passed)


def _operated_fault(found: Here, since: date | None) -> Invalid:
    if since is None:
        return Invalid(
            "วันที่ไม่ถูกต้อง เช่น 2021-06-01 (ปี ค.ศ.)",
            "Not a date; write it like 2021-06-01.",
            field="operating_since",
        )
    content = EntryContent(operating_since=since)
    for fault in faults(content, (), found.rulebook):
        if fault.field == "operating_since":
            return fault
    return Invalid("", "", field="operating_since")


async def page_context(found: Here, entry: Entry, session_files: int, language: str) -> dict[str, object]:
    """What every page of one entry gets."""
    content = content_of(entry)
    done = completeness(content, found.file.application.sections, found.rulebook, session_files)
    is_open = door(found.rulebook, found.now) is Door.OPEN
    return {
        **found.context(),
        "entry": entry,
        "content": content,
        "status": status(entry),
        "done": done,
        "editable": is_open and EntryState(entry.state) in EDITABLE,
        "open": is_open,
        "ready": done.ready(),
        "tasks": tasks(entry, found, done, session_files, language),
        "province": province_name(content.province_code, language),
        "withdraw_word": WITHDRAW[language],
    }


def router(resources: Resources) -> APIRouter:
    """``/apply`` and what leads from a draft to a submitted entry."""
    pages = APIRouter(prefix="/apply")

    @pages.get("")
    async def own_entries(request: Request, account: Applicant) -> Response:
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            mine = await repository.entries_of(session, found.contest_id, account.contact_id)
        context = {
            **found.context(),
            "door": door(found.rulebook, found.now),
            "entries": [(entry, status(entry)) for entry in mine],
            "categories": {category.id: category.name for category in found.rulebook.categories},
        }
        return await PAGES.render(request, "apply.html", context)

    @pages.get("/eligibility")
    async def eligibility(request: Request, account: Applicant) -> Response:
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            await entries.require_open(session, resources.clock, found.contest_id)
        return await _ask(request, found, dict.fromkeys(QUESTIONS, ""), {})

    async def _ask(
        request: Request, found: Here, given: dict[str, str], errors: dict[str, str], status_code: int = 200
    ) -> Response:
        context = {
            **found.context(),
            "given": given,
            "errors": errors,
            "latest_start": latest_start(found.rulebook.eligibility),
            "provinces": province_options(language_of(request)),
        }
        return await PAGES.render(request, "eligibility.html", context, status_code=status_code)

    @pages.post("/eligibility")
    async def start(request: Request, account: Applicant) -> Response:
        form = await PAGES.form(request)
        given = {name: text_of(form, name, limit=300) for name in QUESTIONS}
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            found_faults = _eligibility(found, given)
            if not found_faults:
                content = EntryContent(
                    applicant_kind=given["applicant_kind"],
                    category_id=given["category_id"],
                    operating_since=_day(given["operating_since"]),
                    interest_declared=True,
                )
                entry = await entries.start_entry(
                    session, resources.clock, found.contest_id, account.contact_id, content
                )
        if found_faults:
            language = language_of(request)
            errors = {fault.field: fault.in_language(language) for fault in found_faults}
            return await _ask(request, found, given, errors, 422)
        return redirect(
            f"/apply/{entry.entry_id}",
            th="มีคุณสมบัติสมัครได้ เริ่มเขียนได้เลย",
            en="You are eligible. Start writing.",
        )

    @pages.get("/{entry_id}")
    async def task_list(request: Request, entry_id: str, account: Applicant) -> Response:
        return await _task_list(request, entry_id, account)

    async def _task_list(
        request: Request,
        entry_id: str,
        account: Account,
        *,
        errors: dict[str, str] | None = None,
        reason: str = "",
        status_code: int = 200,
    ) -> Response:
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            entry = entries.own(
                await repository.entry(session, found.contest_id, entry_id), account.contact_id
            )
            files = await repository.attachments(session, found.contest_id, entry_id)
            history = await repository.history(session, found.contest_id, entry_id)
            contest = await repository.contest(session, found.contest_id)
        context = {
            **await page_context(found, entry, len(files), language_of(request)),
            "history": history,
            "withdrawable": contest.results_at is None
            and entry.state not in (EntryState.WITHDRAWN, EntryState.REFUSED),
            "route": _route(found, entry),
            "errors": errors or {},
            "reason": reason,
        }
        return await PAGES.render(request, "entry.html", context, status_code=status_code)

    @pages.get("/{entry_id}/check")
    async def check(request: Request, entry_id: str, account: Applicant) -> Response:
        return await _check(request, entry_id, account, {}, 200)

    async def _check(
        request: Request, entry_id: str, account: Account, errors: dict[str, str], status_code: int
    ) -> Response:
        language = language_of(request)
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            entry = entries.own(
                await repository.entry(session, found.contest_id, entry_id), account.contact_id
            )
            files = await repository.attachments(session, found.contest_id, entry_id)
        context = {
            **await page_context(found, entry, len(files), language),
            "answers": answers(content_of(entry), found, files, language, change=f"/apply/{entry_id}"),
            "errors": errors,
        }
        return await PAGES.render(request, "check.html", context, status_code=status_code)

    @pages.post("/{entry_id}/check")
    async def submit(request: Request, entry_id: str, account: Applicant) -> Response:
        form = await PAGES.form(request)
        seen = text_of(form, "revision")
        try:
            async with resources.database.transaction() as session:
                found = await here(request, resources, session)
                await entries.submit_entry(
                    session,
                    resources.clock,
                    found.contest_id,
                    entry_id,
                    account.contact_id,
                    revision=int(seen) if seen.isdecimal() and len(seen) < 10 else None,
                )
        except EntryIncomplete as error:
            return await _check(request, entry_id, account, field_errors(error, language_of(request)), 422)
        return redirect(f"/apply/{entry_id}/sent")

    @pages.get("/{entry_id}/sent")
    async def sent(request: Request, entry_id: str, account: Applicant) -> Response:
        return await _copy(request, entry_id, account, "sent.html")

    @pages.get("/{entry_id}/print")
    async def printable(request: Request, entry_id: str, account: Applicant) -> Response:
        return await _copy(request, entry_id, account, "entry_print.html")

    async def _copy(request: Request, entry_id: str, account: Account, template: str) -> Response:
        language = language_of(request)
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            entry = entries.own(
                await repository.entry(session, found.contest_id, entry_id), account.contact_id
            )
            if entry.sent is None:
                return redirect(f"/apply/{entry_id}")
            files = await shown_files(session, entry, own=False)
        context = {
            **await page_context(found, entry, len(files), language),
            "answers": answers(sent_content(entry), found, files, language),
        }
        return await PAGES.render(request, template, context)

    @pages.post("/{entry_id}/withdrawal")
    async def withdraw(request: Request, entry_id: str, account: Applicant) -> Response:
        form = await PAGES.form(request)
        reason = text_of(form, "reason", limit=2_000)
        if text_of(form, "confirm") not in WITHDRAW.values():
            unconfirmed = Invalid(
                f"ยังไม่ได้ถอน พิมพ์ “{WITHDRAW['th']}” ให้ตรงเพื่อยืนยัน",
                f"Nothing was withdrawn: type “{WITHDRAW['en']}” exactly to confirm.",
                field="confirm",
            )
            errors = field_errors(unconfirmed, language_of(request))
            return await _task_list(
                request, entry_id, account, errors=errors, reason=reason, status_code=unconfirmed.status
            )
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            await entries.withdraw_entry(
                session,
                resources.clock,
                found.contest_id,
                entry_id,
                account.contact_id,
                reason=reason,
            )
        return redirect("/apply", th="ถอนผลงานแล้ว", en="The entry is withdrawn.")

    return pages


def _route(found: Here, entry: Entry) -> list[dict[str, object]]:
    """The status line from submitted to result."""
    state, outcome = EntryState(entry.state), entry.outcome
    decided = outcome not in ("pending",)
    return [
        {
            "title": ("ส่งใบสมัคร", "Submitted"),
            "hint": (entry.reference or "", entry.reference or ""),
            "done": entry.submitted_at is not None,
        },
        {
            "title": ("ตรวจคุณสมบัติ", "Screened"),
            "hint": ("ไม่ผ่าน", "Not eligible") if state is EntryState.REFUSED else ("", ""),
            "done": state in (EntryState.ACCEPTED, EntryState.REFUSED),
        },
        {
            "title": ("คัดเลือกรอบแรก", "Shortlist"),
            "hint": ("ไม่ผ่านรอบแรก", "Not on the shortlist") if outcome == "not_selected" else ("", ""),
            "done": decided,
        },
        {"title": ("ประกาศผล", "Results"), "hint": ("", ""), "done": outcome in ("winner", "finalist")},
    ]
