"""``/verify`` for anyone, the winner's link, and certificates for staff."""

from typing import Any

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.certificate_tables import Certificate
from services.notify.domain.certificates import ACT_NAMES, CertificateAct, normal_code
from services.notify.handlers import certificate_names
from services.notify.handlers.certificates import picture
from services.notify.http.certificates import certificate_sheets, verification
from services.notify.pages.common import (
    PAGES,
    REVOKE_WORDS,
    Staff,
    check_typed,
    contest_of,
    may_sign,
    names_of,
)
from shared import known
from shared.contracts.intake import Role
from shared.errors import DomainError, NotFound
from shared.service import Resources
from shared.web.pages import field_errors, language_of, redirect
from shared.web.tables import Column, Filter, csv_response, table_view, wants_csv

COLUMNS = (
    Column("serial", "เลขที่", "Serial"),
    Column("recipient", "หน่วยงาน", "Organisation"),
    Column("award", "รางวัล", "Award"),
    Column("title", "ผลงาน", "Entry"),
    Column("code", "รหัสตรวจสอบ", "Code"),
    Column("state", "สถานะ", "State"),
)
STATES: dict[str, tuple[str, str, str]] = {
    "asked": ("รอยืนยันชื่อ", "awaiting the name", "now"),
    "proposed": ("ขอแก้ชื่อ", "name corrected", "late"),
    "making": ("กำลังสร้าง", "being made", "now"),
    "issued": ("ออกแล้ว", "issued", "good"),
    "revoked": ("เพิกถอน", "revoked", "late"),
}
PRIVATE = {"Cache-Control": "private, no-store"}
LINK_HEADERS = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


def router(resources: Resources) -> APIRouter:
    """Certificates."""
    pages = APIRouter()
    database, clock = resources.database, resources.clock

    @pages.get("/verify")
    async def ask(request: Request) -> Response:
        code = normal_code(request.query_params.get("code", ""))
        if code:
            return redirect(f"/verify/{code}")
        return await PAGES.render(request, "verify.html", {"found": None, "code": ""})

    @pages.get("/verify/{code}")
    async def verify(request: Request, code: str) -> Response:
        try:
            found = await verification(resources, code)
        except NotFound:
            nothing = {"found": None, "code": code[:40]}
            return await PAGES.render(request, "verify.html", nothing, status_code=404)
        async with database.transaction() as session:
            rulebook = await known.rulebook(session, found.contest_id)
            now = await clock.now(session, found.contest_id)
        context = {"found": found, "code": normal_code(code), "rulebook": rulebook, "now": now}
        return await PAGES.render(request, "verify.html", context)

    @pages.get("/verify/{code}/certificate.png")
    async def share(code: str) -> Response:
        """The certificate as a picture, for whoever has its code; a revoked one is not shown."""
        async with database.transaction() as session:
            row = await repository.certificates.certificate_by_code(session, normal_code(code))
        if row is None or not row.sha256 or row.revoked_at is not None:
            raise NotFound("ไม่พบใบประกาศนียบัตรรหัสนี้", "No valid certificate bears this code.")
        content = await picture(row, resources.settings)
        return Response(content, media_type="image/png", headers={"Cache-Control": "public, max-age=300"})

    @pages.get("/verify/name/{token}")
    async def name_form(request: Request, token: str) -> Response:
        return await _name_page(request, resources, token)

    @pages.post("/verify/name/{token}")
    async def confirm_name(request: Request, token: str) -> Response:
        form = await PAGES.form(request)
        name = str(form.get("name", ""))
        try:
            async with database.transaction() as session:
                row = await certificate_names.confirm_name(session, clock, token, name)
        except NotFound:
            raise
        except DomainError as error:
            return await _name_page(request, resources, token, error=error, typed=name)
        if row.proposed:
            th, en = "รับคำขอแก้ชื่อแล้ว เจ้าหน้าที่จะตรวจและแจ้งผล", "Your correction is kept; staff will check it."
        else:
            th, en = (
                "ยืนยันชื่อแล้ว ระบบกำลังออกใบประกาศนียบัตร",
                "The name is confirmed.",
            )
        return redirect(f"/verify/name/{token}", th=th, en=en)

    @pages.get("/letters/certificates")
    async def list_certificates(request: Request, account: Staff) -> Response:
        language = language_of(request)
        position = 1 if language == "en" else 0
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            rows = await repository.certificates.certificates(session, contest_id)
        table = [
            {
                "serial": row.serial,
                "recipient": row.recipient,
                "award": row.award.get(language) or row.award["th"],
                "title": row.title.get(language) or row.title["th"],
                "code": row.code if row.sha256 else "",
                "state": _badge(row, language),
                "_href": f"/letters/certificates/{row.serial}",
                "_state": _state(row),
            }
            for row in rows
        ]
        states = Filter(
            "state",
            "สถานะ",
            "State",
            [(state, name[position]) for state, name in STATES.items()],
            value_of=lambda row: row["_state"],
        )
        view = table_view(
            request, COLUMNS, table, filters=[states], search=["serial", "recipient", "title", "award"]
        )
        if wants_csv(request):
            return csv_response("certificates", view, language)
        printable = any(row.sha256 and row.revoked_at is None for row in rows)
        waiting = sum(_state(row) in ("asked", "proposed") for row in rows)
        context = {"view": view, "printable": printable, "waiting": waiting, "total": len(rows)}
        return await PAGES.render(request, "certificates.html", context)

    @pages.get("/letters/certificates/print.pdf")
    async def print_sheets(request: Request, account: Staff) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
        content = await certificate_sheets(resources, contest_id)
        return Response(content, media_type="application/pdf", headers=PRIVATE)

    @pages.get("/letters/certificates/{serial}.pdf")
    async def certificate_pdf(request: Request, serial: str, account: Staff) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            row = await repository.certificates.certificate_by_serial(session, serial, contest_id)
        if row.pdf is None:
            raise NotFound(
                "ยังไม่ได้ออกใบประกาศนียบัตรนี้ ต้องยืนยันชื่อก่อน",
                "This certificate is not made yet; its name must be confirmed first.",
            )
        return Response(row.pdf, media_type="application/pdf", headers=PRIVATE)

    @pages.get("/letters/certificates/{serial}")
    async def show(request: Request, serial: str, account: Staff) -> Response:
        return await _certificate_page(request, resources, serial)

    @pages.post("/letters/certificates/{serial}/{step}")
    async def advance(request: Request, serial: str, step: str, account: Staff) -> Response:
        form = await PAGES.form(request)
        typed = {name: str(form.get(name, "")) for name in ("name", "reason", "confirm")}
        by, target = account.contact_id, serial
        try:
            async with database.transaction() as session:
                contest_id = await contest_of(request, session)
                if step == "name":
                    await certificate_names.settle_name(
                        session, clock, serial, contest_id, by, typed=typed["name"], reason=typed["reason"]
                    )
                elif step == "revocation":
                    may_sign(account)
                    check_typed(typed["confirm"], REVOKE_WORDS)
                    await certificate_names.revoke_certificate(
                        session, clock, serial, contest_id, by, typed["reason"]
                    )
                elif step == "reissue":
                    may_sign(account)
                    row = await certificate_names.reissue_certificate(
                        session, clock, serial, contest_id, by, typed["name"]
                    )
                    target = row.serial
                else:
                    raise NotFound("ไม่มีขั้นตอนนี้", "There is no such step.")
        except NotFound:
            raise
        except DomainError as error:
            return await _certificate_page(request, resources, serial, error=error)
        return redirect(f"/letters/certificates/{target}", th="บันทึกแล้ว", en="Saved.")

    return pages


def _state(row: Certificate) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if row.sha256:
        return "issued"
    if row.confirmed_at is not None:
        return "making"
    return "proposed" if row.proposed else "asked"


def _badge(row: Certificate, language: str) -> dict[str, str]:
    th, en, kind = STATES[_state(row)]
    return {"badge": en if language == "en" else th, "kind": kind}


async def _name_page(
    request: Request,
    resources: Resources,
    token: str,
    *,
    error: DomainError | None = None,
    typed: str | None = None,
) -> Response:
    async with resources.database.transaction() as session:
        row = await repository.certificates.certificate_by_token(session, token)
        rulebook = await known.rulebook(session, row.contest_id)
        now = await resources.clock.now(session, row.contest_id)
    context: dict[str, Any] = {
        "certificate": row,
        "state": _state(row),
        "token": token,
        "typed": row.recipient if typed is None else typed,
        "rulebook": rulebook,
        "now": now,
        "errors": field_errors(error, language_of(request)) if error else {},
    }
    status = error.status if error else 200
    return await PAGES.render(
        request, "certificate_name.html", context, status_code=status, headers=LINK_HEADERS
    )


async def _certificate_page(
    request: Request, resources: Resources, serial: str, *, error: DomainError | None = None
) -> Response:
    language = language_of(request)
    async with resources.database.transaction() as session:
        contest_id = await contest_of(request, session)
        row = await repository.certificates.certificate_by_serial(session, serial, contest_id)
        steps = await repository.certificates.steps(session, row)
        names = await names_of(session, [step.by for step in steps])
        standing = await repository.certificates.standing(session, contest_id)
    replaced = next(
        (one for one in standing if (one.award_id, one.entry_id) == (row.award_id, row.entry_id)), None
    )
    context = {
        "certificate": row,
        "state": _state(row),
        "badge": _badge(row, language),
        "steps": steps,
        "act_names": {act.value: ACT_NAMES[act][1 if language == "en" else 0] for act in CertificateAct},
        "names": names | {"link": "ลิงก์ในอีเมล" if language == "th" else "the mail's link"},
        "replaced": replaced if row.revoked_at is not None else None,
        "award": row.award.get(language) or row.award["th"],
        "title": row.title.get(language) or row.title["th"],
        "approver": Role.APPROVER,
        "confirm_word": REVOKE_WORDS,
        "errors": field_errors(error, language) if error else {},
    }
    return await PAGES.render(
        request, "certificate.html", context, status_code=error.status if error else 200
    )
