"""``/documents``: letters that anyone may download; ``/s/<code>``: short addresses."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.handlers import publishing, rendering
from services.notify.letters.qr import qr_svg
from services.notify.pages.common import PAGES, Staff, contest_of
from shared import known
from shared.errors import DomainError, NotFound
from shared.service import Resources
from shared.thai.digits import thai_digits
from shared.web.pages import field_errors, language_of, redirect
from shared.web.tables import Column, csv_response, table_view, wants_csv

LETTERS = (
    Column("number", "ที่", "Number", sortable=False),
    Column("issued", "ลงวันที่", "Dated"),
    Column("agency", "จาก", "From", sortable=False),
    Column("subject", "เรื่อง", "Subject"),
    Column("addressee", "ถึง", "To", sortable=False),
)
LINKS = (
    Column("address", "ลิงก์สั้น", "Short link"),
    Column("label", "ชื่อ", "Name"),
    Column("target", "ปลายทาง", "Target"),
    Column("hits", "เปิด", "Opened", numeric=True),
    Column("made", "สร้างเมื่อ", "Made"),
)


def router(resources: Resources) -> APIRouter:
    """What the public downloads, and the links of staff."""
    pages = APIRouter()
    database, clock, site = resources.database, resources.clock, resources.settings.public_url

    @pages.get("/documents")
    async def documents(request: Request) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            rows = await repository.links.public_letters(session, contest_id)
        files = contest_files(contest_id)
        table = [
            {
                "number": thai_digits(letter.number_text),
                "issued": letter.issued_at.date() if letter.issued_at else None,
                "agency": files.profile(letter.agency).called.in_language(language_of(request)),
                "subject": letter.subject,
                "addressee": letter.addressee,
                "_href": f"/documents/{public.code}",
            }
            for public, letter in rows
        ]
        view = table_view(request, LETTERS, table, search=["number", "subject", "agency", "addressee"])
        if wants_csv(request):
            return csv_response("documents", view, language_of(request))
        return await PAGES.render(request, "documents.html", {"view": view})

    @pages.get("/documents/{code}.pdf")
    async def pdf(code: str) -> Response:
        async with database.transaction() as session:
            _, letter = await publishing.public_letter(session, code)
        _, content = await rendering.pdf_of(database, clock, letter.letter_id, site)
        return Response(content, media_type="application/pdf", headers={"Cache-Control": "no-cache"})

    @pages.get("/documents/{code}.svg")
    async def picture(code: str) -> Response:
        async with database.transaction() as session:
            await publishing.public_letter(session, code)
        return Response(qr_svg(f"{site}/documents/{code}"), media_type="image/svg+xml")

    @pages.get("/documents/{code}")
    async def document(request: Request, code: str) -> Response:
        async with database.transaction() as session:
            public, letter = await publishing.public_letter(session, code)
            rulebook = await known.rulebook(session, letter.contest_id)
            now = await clock.now(session, letter.contest_id)
            parent = await repository.letters.letter(session, letter.parent_id) if letter.parent_id else None
            enclosed = await repository.links.public_letter(session, parent) if parent else None
        context = {
            "public": public,
            "letter": letter,
            "rulebook": rulebook,
            "now": now,
            "number": thai_digits(letter.number_text),
            "agency": contest_files(letter.contest_id).profile(letter.agency).called,
            "address": f"{site}/documents/{code}",
            "reading": rendering.reading_version(letter, letter.content or {}),
            "enclosed": enclosed if enclosed and not enclosed.withdrawn_at else None,
            "enclosed_number": thai_digits(parent.number_text) if parent else "",
        }
        return await PAGES.render(request, "document.html", context)

    @pages.get("/s/{code}")
    async def short(code: str) -> Response:
        async with database.transaction() as session:
            target = await publishing.follow(session, clock, code)
        headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return RedirectResponse(target, 302, headers)

    @pages.post("/letters/{letter_id}/publication")
    async def publish(request: Request, letter_id: str, account: Staff) -> Response:
        form = await PAGES.form(request)
        async with database.transaction() as session:
            if form.get("withdraw"):
                await publishing.withdraw_letter(session, clock, letter_id)
                return redirect(f"/letters/{letter_id}", th="ถอนจากหน้าสาธารณะแล้ว", en="It is withdrawn.")
            await publishing.publish_letter(session, clock, letter_id, account.contact_id)
        return redirect(f"/letters/{letter_id}", th="เผยแพร่แล้ว", en="It is published.")

    async def show_links(request: Request, error: DomainError | None = None) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            rows = await repository.links.short_links(session, contest_id)
        table = [
            {
                "address": f"{site}/s/{link.code}",
                "label": link.label,
                "target": link.target,
                "hits": hits,
                "made": link.made_at,
                "_href": f"/letters/links/{link.code}.svg",
            }
            for link, hits in rows
        ]
        view = table_view(request, LINKS, table, search=["label", "target", "address"])
        language = language_of(request)
        if wants_csv(request):
            return csv_response("links", view, language)
        context = {"view": view, "errors": field_errors(error, language) if error else {}}
        return await PAGES.render(request, "links.html", context, status_code=error.status if error else 200)

    @pages.get("/letters/links")
    async def links(request: Request, account: Staff) -> Response:
        return await show_links(request)

    @pages.get("/letters/links/{code}.svg")
    async def link_picture(code: str, account: Staff) -> Response:
        async with database.transaction() as session:
            if await repository.links.short_link(session, code) is None:
                raise NotFound("ไม่มีลิงก์นี้", "There is no such link.")
        return Response(qr_svg(f"{site}/s/{code}"), media_type="image/svg+xml")

    @pages.post("/letters/links")
    async def add_link(request: Request, account: Staff) -> Response:
        form = await PAGES.form(request)
        try:
            async with database.transaction() as session:
                contest_id = await contest_of(request, session)
                link = await publishing.make_link(
                    session,
                    clock,
                    contest_id,
                    str(form.get("target", "")),
                    str(form.get("label", "")),
                    by=account.contact_id,
                    own_origin=site,
                )
        except DomainError as error:
            return await show_links(request, error)
        return redirect(
            "/letters/links", th=f"สร้างแล้ว {site}/s/{link.code}", en=f"Made: {site}/s/{link.code}"
        )

    return pages
