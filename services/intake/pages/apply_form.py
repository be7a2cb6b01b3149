"""The sections of the application form, which save themselves, and the files."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from services.intake import repository
from services.intake.domain.eligibility import faults, latest_start
from services.intake.domain.entry import EntryContent
from services.intake.domain.files import ACCEPT, MAXIMUM_FILES, MAXIMUM_SIZE
from services.intake.handlers import attachments, entries
from services.intake.handlers.entries import content_of
from services.intake.http.entries import download
from services.intake.pages.apply import Applicant, page_context
from services.intake.pages.common import PAGES, Here, here, province_options, text_of
from services.intake.pages.entry_views import answers, following, part_answers
from shared.errors import DomainError, Invalid, NotFound
from shared.service import Resources
from shared.thai.dates import page_time
from shared.web.pages import field_errors, language_of, redirect
from shared.web.sessions import Account, current_account

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "applicant": ("applicant_name", "applicant_kind", "province_code"),
    "project": ("category_id", "title_th", "title_en", "summary_th", "summary_en", "vendor"),
}


def _changed(part: str, content: EntryContent, form: FormData) -> EntryContent:
    """The working copy with what one section of the form says.

    Raises:
        Invalid: a value does not fit its field.
    """
    changes: dict[str, Any] = {name: text_of(form, name) for name in _FIELDS.get(part, ())}
    if part == "applicant":
        changes["interest_declared"] = text_of(form, "interest_declared") == "yes"
    if part == "project":
        changes["operating_since"] = _date(text_of(form, "operating_since"))
    if part.startswith("section:"):
        section_id = part.partition(":")[2]
        changes["sections"] = {**content.sections, section_id: text_of(form, "text")}
    try:
        return EntryContent.model_validate({**content.model_dump(), **changes})
    except ValidationError as error:
        raise Invalid(
            "มีช่องที่ยาวเกินไปหรือไม่ถูกต้อง",
            "A field is too long or not valid.",
            errors=tuple(
                Invalid(
                    "ยาวเกินไปหรือไม่ถูกต้อง โปรดแก้ไข",
                    f"Please mend this: {detail['msg']}",
                    field="text" if detail["loc"][0] == "sections" else str(detail["loc"][0]),
                )
                for detail in error.errors()
            ),
        ) from error


def _date(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            "วันที่ไม่ถูกต้อง เช่น 2021-06-01 (ปี ค.ศ.)",
            "Not a date; write it like 2021-06-01.",
            field="operating_since",
        ) from error


def _own_faults(part: str, found: Here, content: EntryContent, language: str) -> dict[str, str]:
    """What is wrong in the section just saved; it is saved all the same."""
    sections = found.file.application.sections
    shown: dict[str, str] = {}
    for fault in faults(content, sections, found.rulebook):
        if part.startswith("section:"):
            if fault.field == f"sections.{part.partition(':')[2]}":
                shown["text"] = fault.in_language(language)
        elif fault.field in (*_FIELDS[part], "operating_since", "interest_declared") and (
            (part == "applicant") == (fault.field in (*_FIELDS["applicant"], "interest_declared"))
        ):
            shown[fault.field] = fault.in_language(language)
    return shown


def router(resources: Resources) -> APIRouter:
    """``/apply/{entry_id}/applicant``, ``/project``, ``/section/…`` and ``/files``."""
    pages = APIRouter(prefix="/apply/{entry_id}")
    database, clock = resources.database, resources.clock

    async def show(
        request: Request,
        entry_id: str,
        account: Account,
        part: str,
        *,
        unsaved: EntryContent | None = None,
        errors: dict[str, str] | None = None,
        status_code: int = 200,
    ) -> Response:
        language = language_of(request)
        async with database.transaction() as session:
            found = await here(request, resources, session)
            entry = entries.own(
                await repository.entry(session, found.contest_id, entry_id), account.contact_id
            )
            files = await repository.attachments(session, found.contest_id, entry_id)
        name, _, section_id = part.partition(":")
        section = next((s for s in found.file.application.sections if s.id == section_id), None)
        if name == "section" and section is None:
            raise NotFound("ไม่มีหัวข้อนี้", "There is no such section.")
        dimension = next(
            (d for d in found.rulebook.rubric if section is not None and d.id == section.dimension_id), None
        )
        shared = await page_context(found, entry, len(files), language)
        groups = answers(content_of(entry), found, files, language)
        context = {
            **shared,
            "readable": None if shared["editable"] else part_answers(groups, part, found),
            "files": files,
            "section": section,
            "dimension": dimension,
            "provinces": province_options(language),
            "latest_start": latest_start(found.rulebook.eligibility),
            "accept": ACCEPT,
            "maximum_files": MAXIMUM_FILES,
            "maximum_size": MAXIMUM_SIZE,
            "errors": errors or {},
        }
        if unsaved is not None:
            context["content"] = unsaved
        return await PAGES.render(request, f"entry_{name}.html", context, status_code=status_code)

    async def save(request: Request, entry_id: str, account: Account, part: str) -> Response:
        form = await PAGES.form(request)
        by_script = "application/json" in request.headers.get("accept", "")
        language = language_of(request)
        try:
            async with database.transaction() as session:
                found = await here(request, resources, session)
                entry = entries.own(
                    await repository.entry(session, found.contest_id, entry_id, lock=True), account.contact_id
                )
                if part.startswith("section:") and part.partition(":")[2] not in {
                    section.id for section in found.file.application.sections
                }:
                    raise NotFound("ไม่มีหัวข้อนี้", "There is no such section.")
                content = _changed(part, content_of(entry), form)
                saved = await entries.save_entry(
                    session, clock, found.contest_id, entry_id, account.contact_id, content
                )
        except Invalid as error:
            if by_script:
                raise
            return await show(
                request, entry_id, account, part, errors=field_errors(error, language), status_code=422
            )
        if by_script:
            return JSONResponse({"revision": saved.revision, "saved_at": page_time(found.now, language)})
        wrong = _own_faults(part, found, content, language)
        if text_of(form, "go") == "later":
            return redirect(f"/apply/{entry_id}", th="บันทึกแล้ว", en="Saved.")
        if wrong:
            return await show(request, entry_id, account, part, errors=wrong, status_code=422)
        return redirect(f"/apply/{entry_id}/{following(part, found)}", th="บันทึกแล้ว", en="Saved.")

    @pages.get("/applicant")
    async def applicant(request: Request, entry_id: str, account: Applicant) -> Response:
        return await show(request, entry_id, account, "applicant")

    @pages.post("/applicant")
    async def save_applicant(request: Request, entry_id: str, account: Applicant) -> Response:
        return await save(request, entry_id, account, "applicant")

    @pages.get("/project")
    async def project(request: Request, entry_id: str, account: Applicant) -> Response:
        return await show(request, entry_id, account, "project")

    @pages.post("/project")
    async def save_project(request: Request, entry_id: str, account: Applicant) -> Response:
        return await save(request, entry_id, account, "project")

    @pages.get("/section/{section_id}")
    async def section(request: Request, entry_id: str, section_id: str, account: Applicant) -> Response:
        return await show(request, entry_id, account, f"section:{section_id}")

    @pages.post("/section/{section_id}")
    async def save_section(request: Request, entry_id: str, section_id: str, account: Applicant) -> Response:
        return await save(request, entry_id, account, f"section:{section_id}")

    @pages.get("/files")
    async def files(request: Request, entry_id: str, account: Applicant) -> Response:
        return await show(request, entry_id, account, "files")

    @pages.post("/files")
    async def add_file(request: Request, entry_id: str, account: Applicant) -> Response:
        form = await PAGES.form(request)
        given = form.get("file")
        try:
            if not isinstance(given, UploadFile) or not given.filename:
                raise Invalid("เลือกไฟล์ก่อน", "Choose a file first.", field="file")
            content = await given.read(MAXIMUM_SIZE + 1)
            async with database.transaction() as session:
                found = await here(request, resources, session)
                await attachments.add_attachment(
                    session, clock, found.contest_id, entry_id, account.contact_id, given.filename, content
                )
        except DomainError as error:
            if not error.field:
                raise
            found_errors = field_errors(error, language_of(request))
            return await show(
                request, entry_id, account, "files", errors=found_errors, status_code=error.status
            )
        return redirect(f"/apply/{entry_id}/files", th="แนบไฟล์แล้ว", en="The file is attached.")

    @pages.post("/files/{attachment_id}/removal")
    async def remove_file(
        request: Request, entry_id: str, attachment_id: str, account: Applicant
    ) -> Response:
        await PAGES.form(request)
        async with database.transaction() as session:
            found = await here(request, resources, session)
            await attachments.remove_attachment(
                session, clock, found.contest_id, entry_id, account.contact_id, attachment_id
            )
        return redirect(f"/apply/{entry_id}/files", th="นำไฟล์ออกแล้ว", en="The file is removed.")

    @pages.get("/files/{attachment_id}")
    async def download_file(
        request: Request,
        entry_id: str,
        attachment_id: str,
        account: Annotated[Account, Depends(current_account)],
    ) -> Response:
        async with database.transaction() as session:
            found = await here(request, resources, session)
        return await download(resources, account, found.contest_id, entry_id, attachment_id)

    return pages
