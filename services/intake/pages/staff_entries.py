"""The screening queue: filter, sort, page, CSV; one entry with its decision."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.intake import repository
from services.intake.domain.eligibility import latest_start, ran_long_enough, same_applicant
from services.intake.domain.entry import Door, EntryState, door
from services.intake.domain.screening import REASONS, ScreeningCode
from services.intake.handlers import screening
from services.intake.handlers.entries import sent_content
from services.intake.http.entries import download, shown_files
from services.intake.pages.common import (
    PAGES,
    STATES,
    Here,
    here,
    province_name,
    status,
    text_of,
)
from services.intake.pages.entry_views import answers
from services.intake.tables import Entry
from shared.contracts.intake import Role
from shared.errors import Invalid, NotFound
from shared.service import Resources
from shared.web.pages import field_errors, language_of, redirect
from shared.web.sessions import Account, require
from shared.web.tables import Column, Filter, csv_response, table_view, wants_csv

Staff = Annotated[Account, Depends(require(Role.STAFF))]
MOST_ROWS = 5_000
COLUMNS = (
    Column("reference", "เลขอ้างอิง", "Reference"),
    Column("title", "ผลงาน", "Entry"),
    Column("applicant", "หน่วยงาน", "Applicant"),
    Column("province", "จังหวัด", "Province"),
    Column("category", "ด้าน", "Category"),
    Column("state", "สถานะ", "State"),
    Column("submitted", "ส่งเมื่อ", "Sent"),
)


def _row(entry: Entry, found: Here, language: str) -> dict[str, object]:
    at = 1 if language == "en" else 0
    shown = status(entry)
    names = {category.id: category.name.in_language(language) for category in found.rulebook.categories}
    return {
        "_href": f"/staff/entries/{entry.entry_id}",
        "_state": entry.state,
        "_category": entry.category_id,
        "reference": entry.reference,
        "title": entry.title,
        "applicant": entry.applicant_name,
        "province": province_name(entry.province_code, language),
        "category": names.get(entry.category_id, ""),  # type: ignore[call-overload]  # ids are text
        "state": {"badge": shown[at], "kind": shown[2], "sort": entry.state},
        "submitted": entry.submitted_at,
    }


def _warnings(entry: Entry, found: Here, others: list[Entry]) -> list[tuple[str, str]]:
    """What the rules say to look at, before a person decides."""
    content = sent_content(entry)
    rules = found.rulebook.eligibility
    warnings = []
    if content.operating_since is None or not ran_long_enough(rules, content.operating_since):
        warnings.append(("ดำเนินการยังไม่ครบตามข้อ 1", "It has not run as long as annex §1 asks"))
    if content.applicant_kind not in {kind.id for kind in rules.applicant_kinds}:
        warnings.append(("ประเภทผู้สมัครไม่อยู่ในข้อ 3", "The applicant is none of annex §3"))
    same = [
        other.reference or ""
        for other in others
        if other.entry_id != entry.entry_id and same_applicant(other.applicant_name, entry.applicant_name)
    ]
    if same:
        listed = ", ".join(same)
        warnings.append((f"หน่วยงานเดียวกันส่ง {listed} ด้วย", f"The same agency also sent {listed}"))
    if not entry.sent_attachments:
        warnings.append(("ไม่มีไฟล์แนบเป็นหลักฐาน", "No attachment as evidence"))
    return warnings


def router(resources: Resources) -> APIRouter:
    """``/staff/entries``."""
    pages = APIRouter(prefix="/staff/entries")

    @pages.get("")
    async def queue(request: Request, account: Staff) -> Response:
        language = language_of(request)
        at = 1 if language == "en" else 0
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            rows, _ = await repository.entries(
                session, found.contest_id, repository.EntryFilter(), limit=MOST_ROWS
            )
            counts = await repository.entry_counts(session, found.contest_id)
        view = table_view(
            request,
            COLUMNS,
            [_row(entry, found, language) for entry in rows],
            filters=(
                Filter(
                    "status",
                    "สถานะ",
                    "State",
                    [(state.value, words[at]) for state, words in STATES.items() if state != "draft"],
                    lambda row: row["_state"],
                ),
                Filter(
                    "in",
                    "ด้าน",
                    "Category",
                    [(c.id, c.name.in_language(language)) for c in found.rulebook.categories],
                    lambda row: row["_category"],
                ),
            ),
            search=("reference", "title", "applicant", "province"),
            sort="reference",
        )
        if wants_csv(request):
            return csv_response(f"{found.contest_id}-entries", view, language)
        context = {
            **found.context(),
            "view": view,
            "counts": {state.value: counts.get(state.value, 0) for state in EntryState},
            "door": door(found.rulebook, found.now),
        }
        return await PAGES.render(request, "staff_entries.html", context)

    async def show(
        request: Request, entry_id: str, errors: dict[str, str] | None = None, status_code: int = 200
    ) -> Response:
        language = language_of(request)
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
            entry = await repository.entry(session, found.contest_id, entry_id)
            if entry.sent is None:
                raise NotFound("ผลงานนี้ยังเป็นร่าง", "This entry is still a draft.")
            files = await shown_files(session, entry, own=False)
            history = await repository.history(session, found.contest_id, entry_id)
            others = list(await repository.sent_entries(session, found.contest_id))
            contest = await repository.contest(session, found.contest_id)
        waiting = [other for other in others if other.state == EntryState.SUBMITTED]
        following = next((o for o in waiting if (o.reference or "") > (entry.reference or "")), None)
        context = {
            **found.context(),
            "entry": entry,
            "status": status(entry),
            "answers": answers(sent_content(entry), found, files, language),
            "files": files,
            "history": history,
            "warnings": _warnings(entry, found, others),
            "latest_start": latest_start(found.rulebook.eligibility),
            "reasons": REASONS,
            "following": following,
            "open": door(found.rulebook, found.now) is Door.OPEN,
            "decidable": contest.shortlisted_at is None and entry.state != EntryState.WITHDRAWN,
            "fields": [
                ("", "–"),
                ("applicant_name", "หน่วยงาน" if language == "th" else "Organisation"),
                ("title_th", "ชื่อผลงาน" if language == "th" else "Title"),
                ("summary_th", "บทสรุป" if language == "th" else "Summary"),
                ("operating_since", "วันที่เริ่มให้บริการ" if language == "th" else "Running since"),
                *(
                    (f"sections.{s.id}", s.heading.in_language(language))
                    for s in found.file.application.sections
                ),
                ("files", "ไฟล์แนบ" if language == "th" else "Attachments"),
            ],
            "errors": errors or {},
        }
        return await PAGES.render(request, "staff_entry.html", context, status_code=status_code)

    @pages.get("/{entry_id}")
    async def entry_page(request: Request, entry_id: str, account: Staff) -> Response:
        return await show(request, entry_id)

    @pages.post("/{entry_id}")
    async def decide(request: Request, entry_id: str, account: Staff) -> Response:
        form = await PAGES.form(request)
        decision, seen = text_of(form, "decision"), text_of(form, "revision")
        codes = [
            value
            for value in form.getlist("reasons")
            if isinstance(value, str) and value in set(ScreeningCode)
        ]
        field, note = text_of(form, "field", limit=100), text_of(form, "note", limit=2_000)
        reasons = tuple(screening.Reason(ScreeningCode(code), field, note) for code in codes)
        try:
            async with resources.database.transaction() as session:
                found = await here(request, resources, session)
                command = screening.Screen(
                    found.contest_id,
                    entry_id,
                    account.contact_id,
                    () if decision == "accept" else reasons,
                    int(seen) if seen.isdecimal() and len(seen) < 10 else None,
                )
                if decision == "return":
                    entry = await screening.return_entry(session, resources.clock, command)
                elif decision in ("accept", "refuse"):
                    entry = await screening.screen_entry(
                        session, resources.clock, command, accepted=decision == "accept"
                    )
                else:
                    raise Invalid("เลือกผลการตรวจ", "Choose a decision.", field="decision")
        except Invalid as error:
            return await show(request, entry_id, field_errors(error, language_of(request)), 422)
        words = STATES[EntryState(entry.state)]
        return redirect(
            "/staff/entries?status=submitted",
            th=f"{entry.reference}: {words[0]}",
            en=f"{entry.reference}: {words[1]}",
        )

    @pages.get("/{entry_id}/files/{attachment_id}")
    async def download_file(request: Request, entry_id: str, attachment_id: str, account: Staff) -> Response:
        async with resources.database.transaction() as session:
            found = await here(request, resources, session)
        return await download(resources, account, found.contest_id, entry_id, attachment_id)

    return pages
