"""The contest file for staff: both sources of each contradiction, sealing by typing, amendments."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.datastructures import FormData, UploadFile

from services.intake import repository
from services.intake.domain.contest_check import only_a_rehearsal, open_findings
from services.intake.domain.contest_file import MAXIMUM_BYTES
from services.intake.domain.contest_findings import Finding, FindingStatus
from services.intake.handlers import contests
from services.intake.pages.common import PAGES, text_of
from services.intake.pages.decision_words import spoken_value
from services.intake.tables import Contest
from shared import known
from shared.contracts.event import LocalizedText
from shared.contracts.ids import ContactId
from shared.contracts.intake import Role
from shared.errors import DomainError, Forbidden, Invalid
from shared.service import Resources
from shared.web.pages import field_errors, language_of, redirect
from shared.web.sessions import Account, require

Staff = Annotated[Account, Depends(require(Role.STAFF))]
KINDS = {
    "contradiction": ("ขัดแย้งกัน", "contradiction"),
    "blank": ("เว้นว่าง", "blank"),
    "no_hour": ("ไม่ระบุเวลา", "no hour"),
    "silent": ("ไม่ได้กำหนด", "silent"),
    "closed_day": ("ไม่ใช่วันทำการ", "no working day"),
    "short_gap": ("เวลากระชั้น", "short of time"),
    "impossible": ("ต้องแก้ในไฟล์", "must be mended"),
}


async def _toml_of(form: FormData) -> str:
    """The contest file of a form: an upload, else the text field.

    Raises:
        Invalid: there is none, it is too large, or no UTF-8.
    """
    given = form.get("file")
    if isinstance(given, UploadFile) and given.filename:
        content = await given.read(MAXIMUM_BYTES + 1)
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise Invalid(
                "ไฟล์ไม่ได้บันทึกเป็น UTF-8 เปิดในโปรแกรมแก้ข้อความแล้วบันทึกเป็น UTF-8",
                "The file is not saved as UTF-8. Open it in a text editor and save it as UTF-8.",
                field="file",
            ) from error
    else:
        text = text_of(form, "toml", limit=MAXIMUM_BYTES + 1)
    if not text.strip():
        raise Invalid("เลือกไฟล์ contest.toml", "Choose a contest.toml.", field="file")
    if "\x00" in text or len(text.encode()) > MAXIMUM_BYTES:
        raise Invalid("ไฟล์ใหญ่เกินไปหรืออ่านไม่ได้", "The file is too large or not text.", field="file")
    return text


def _shown(finding: Finding, language: str) -> dict[str, object]:
    decision = finding.decision
    return {
        "finding": finding,
        "kind": KINDS[finding.kind.value],
        "value": spoken_value(finding.key, decision.value, language) if decision else "",
        "reason": ((decision.reason_en if language == "en" else "") or decision.reason) if decision else "",
    }


def router(resources: Resources) -> APIRouter:
    """``/staff/contest``."""
    pages = APIRouter(prefix="/staff/contest")

    async def show(
        request: Request, errors: dict[str, str] | None = None, status_code: int = 200, wanted: str = ""
    ) -> Response:
        language = language_of(request)
        async with resources.database.transaction() as session:
            every = await repository.contests(session)
            slug = wanted or request.query_params.get("contest") or await known.current_contest(session)
            contest: Contest | None = next((c for c in every if c.contest_id == slug), None)
            contest = contest or (every[0] if every else None)
            versions = await repository.versions(session, contest.contest_id) if contest else ()
        findings = contests.checked(contest.toml)[1] if contest else ()
        status = request.query_params.get("status", "")
        context = {
            "contests": every,
            "contest": contest,
            "versions": versions,
            "findings": [
                _shown(finding, language)
                for finding in findings
                if not status or finding.status.value == status
            ],
            "counts": {
                each.value: sum(finding.status is each for finding in findings) for each in FindingStatus
            },
            "total": len(findings),
            "chosen": status,
            "open": open_findings(findings),
            "rehearsal_only": only_a_rehearsal(findings),
            "errors": errors or {},
        }
        return await PAGES.render(request, "staff_contest.html", context, status_code=status_code)

    @pages.get("")
    async def contest_page(request: Request, account: Staff) -> Response:
        return await show(request)

    @pages.post("")
    async def bring(request: Request, account: Staff) -> Response:
        if not account.may(Role.ADMIN):
            raise Forbidden(
                "นำเข้าไฟล์การประกวดได้เฉพาะผู้ดูแลระบบ", "Only an administrator brings in a contest file."
            )
        form = await PAGES.form(request)
        try:
            toml = await _toml_of(form)
            contests.checked(toml)
            async with resources.database.transaction() as session:
                contest, _ = await contests.draft_contest(
                    session, resources.clock, toml, ContactId(account.contact_id)
                )
        except DomainError as error:
            return await show(request, _file_errors(error, language_of(request)), error.status)
        return redirect(
            f"/staff/contest?contest={contest.contest_id}",
            th="นำเข้าไฟล์แล้ว ตรวจรายการด้านล่าง",
            en="The file is in. Check the list below.",
        )

    @pages.post("/{contest_id}/seal")
    async def seal(request: Request, contest_id: str, account: Staff) -> Response:
        form = await PAGES.form(request)
        back = f"/staff/contest?contest={contest_id}"
        if text_of(form, "confirm") != contest_id:
            return redirect(
                f"{back}#seal",
                th=f"ยังไม่ได้ปิดผนึก พิมพ์ “{contest_id}” ให้ตรงเพื่อยืนยัน",
                en=f"Not sealed: type “{contest_id}” exactly to confirm.",
                kind="late",
            )
        try:
            async with resources.database.transaction() as session:
                contests.checked((await repository.contest(session, contest_id)).toml)
            async with resources.database.transaction() as session:
                rulebook = await contests.seal_contest(
                    session,
                    resources.clock,
                    contest_id,
                    account.contact_id,
                    rehearsal=text_of(form, "rehearsal") == "yes",
                )
        except DomainError as error:
            return redirect(f"{back}#seal", th=error.th[:600], en=error.en[:600], kind="late")
        th = "ปิดผนึกเป็นการซ้อมแล้ว" if rulebook.rehearsal else "ปิดผนึกแล้ว"
        en = "Sealed as a rehearsal." if rulebook.rehearsal else "Sealed."
        return redirect(back, th=f"{th} ประกาศถึงทุกบริการ", en=f"{en} Every service is told.")

    @pages.post("/{contest_id}/amendment")
    async def amend(request: Request, contest_id: str, account: Staff) -> Response:
        form = await PAGES.form(request)
        language = language_of(request)
        try:
            reason = text_of(form, "reason_th", limit=2_000)
            if not reason:
                raise Invalid("เขียนเหตุผลของการแก้ไข", "Give the reason in Thai.", field="reason_th")
            command = contests.AmendContest(
                contest_id,
                await _toml_of(form),
                LocalizedText(th=reason, en=text_of(form, "reason_en", limit=2_000)),
                account.contact_id,
            )
            contests.checked(command.toml)
            async with resources.database.transaction() as session:
                rulebook, changed = await contests.amend_contest(session, resources.clock, command)
        except DomainError as error:
            return await show(request, _file_errors(error, language), error.status, contest_id)
        return redirect(
            f"/staff/contest?contest={contest_id}",
            th=f"ประกาศฉบับแก้ไขที่ {rulebook.number} เปลี่ยน {len(changed)} จุด",
            en=f"Amendment {rulebook.number} is published; {len(changed)} places changed.",
        )

    @pages.get("/{contest_id}/file")
    async def download(request: Request, contest_id: str, account: Staff) -> Response:
        async with resources.database.transaction() as session:
            contest = await repository.contest(session, contest_id)
        headers = {"Content-Disposition": f'attachment; filename="{contest.contest_id}.toml"'}
        return Response(contest.toml, media_type="application/toml; charset=utf-8", headers=headers)

    return pages


def _file_errors(error: DomainError, language: str) -> dict[str, str]:
    """Faults of a contest file, all at the file field but each with its line."""
    found = field_errors(error, language)
    known_fields = {"file", "reason_th", "reason_en"}
    return {
        name if name in known_fields else f"file{at}": text for at, (name, text) in enumerate(found.items())
    }
