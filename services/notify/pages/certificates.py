"""``/verify`` for anyone; the list of certificates for staff."""

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.domain.certificates import normal_code
from services.notify.http.certificates import verification
from services.notify.pages.common import PAGES, Staff, contest_of
from shared import known
from shared.errors import NotFound
from shared.service import Resources
from shared.web.pages import language_of, redirect
from shared.web.tables import Column, csv_response, table_view, wants_csv

COLUMNS = (
    Column("serial", "เลขที่", "Serial"),
    Column("recipient", "หน่วยงาน", "Organisation"),
    Column("award", "รางวัล", "Award"),
    Column("title", "ผลงาน", "Entry"),
    Column("code", "รหัสตรวจสอบ", "Code"),
    Column("state", "สถานะ", "State"),
)


def router(resources: Resources) -> APIRouter:
    """Certificates."""
    pages = APIRouter()

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
        async with resources.database.transaction() as session:
            rulebook = await known.rulebook(session, found.contest_id)
            now = await resources.clock.now(session, found.contest_id)
        context = {"found": found, "code": normal_code(code), "rulebook": rulebook, "now": now}
        return await PAGES.render(request, "verify.html", context)

    @pages.get("/letters/certificates")
    async def list_certificates(request: Request, account: Staff) -> Response:
        language = language_of(request)
        async with resources.database.transaction() as session:
            contest_id = await contest_of(request, session)
            rows = await repository.letters.certificates(session, contest_id)
        table = [
            {
                "serial": row.serial,
                "recipient": row.recipient,
                "award": row.award.get(language) or row.award["th"],
                "title": row.title.get(language) or row.title["th"],
                "code": row.code,
                "state": _state(language, revoked=row.revoked_at is not None, made=bool(row.sha256)),
                "_href": f"/letters/certificates/{row.serial}.pdf",
            }
            for row in rows
        ]
        view = table_view(request, COLUMNS, table, search=["serial", "recipient", "title", "award"])
        if wants_csv(request):
            return csv_response("certificates", view, language)
        return await PAGES.render(request, "certificates.html", {"view": view})

    @pages.get("/letters/certificates/{serial}.pdf")
    async def certificate_pdf(request: Request, serial: str, account: Staff) -> Response:
        async with resources.database.transaction() as session:
            contest_id = await contest_of(request, session)
            row = await repository.letters.certificate_by_serial(session, serial, contest_id)
        if row.pdf is None:
            raise NotFound("กำลังสร้างใบประกาศนียบัตร โปรดลองอีกครั้ง", "It is still being made; try again.")
        return Response(row.pdf, media_type="application/pdf", headers={"Cache-Control": "private, no-store"})

    return pages


def _state(language: str, *, revoked: bool, made: bool) -> dict[str, str]:
    if revoked:
        return {"badge": "revoked" if language == "en" else "เพิกถอน", "kind": "late"}
    if made:
        return {"badge": "issued" if language == "en" else "ออกแล้ว", "kind": "good"}
    return {"badge": "being made" if language == "en" else "กำลังสร้าง", "kind": "now"}
