"""``/letters/books``: ทะเบียนหนังสือส่ง and ทะเบียนหนังสือรับ as pages, CSV and PDF."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.numbering import register_year
from services.notify.domain.register import Book
from services.notify.handlers import books
from services.notify.handlers.agencies import Agency, agencies_of_clerk, agency_of
from services.notify.handlers.printed_books import MOST_LINES, print_book
from services.notify.pages.agencies import day_or_none
from services.notify.pages.common import PAGES, Registry, contest_of, of_staff
from services.notify.pages.uploads import read_upload
from services.notify.register_tables import RegisterHead
from shared.contracts.event import LocalizedText
from shared.errors import DomainError, Invalid, NotFound
from shared.service import Resources
from shared.thai.dates import BUDDHIST_ERA
from shared.web.pages import field_errors, language_of, redirect
from shared.web.sessions import Account
from shared.web.tables import Column, csv_response, table_view, wants_csv

OUT = (
    Column("number", "เลขทะเบียน", "No.", numeric=True),
    Column("number_text", "ที่", "Letter no.", sortable=False),
    Column("dated", "ลงวันที่", "Dated"),
    Column("sender", "จาก", "From", sortable=False),
    Column("addressee", "ถึง", "To", sortable=False),
    Column("subject", "เรื่อง", "Subject"),
    Column("action", "การปฏิบัติ", "Action"),
    Column("note", "หมายเหตุ", "Note"),
)
IN = (OUT[0], Column("received", "รับเมื่อ", "Received"), *OUT[1:])
NO_STORE = {"Cache-Control": "private, no-store"}


@dataclass(frozen=True, slots=True)
class Opened:
    """A book as a page has opened it."""

    book: Book
    agency: Agency
    agencies: Mapping[str, LocalizedText]
    """Those whose books the reader may open, and how they are called."""
    year: int
    years: list[int]
    lines: list[books.Line]
    head: RegisterHead | None
    now: datetime


def router(resources: Resources) -> APIRouter:
    """Both books, and the stamp of what comes in."""
    pages = APIRouter()
    database, clock = resources.database, resources.clock

    async def open_book(request: Request, name: str, account: Account) -> Opened:
        if name not in (Book.OUT, Book.IN):
            raise NotFound("ไม่มีเล่มทะเบียนนี้", "There is no such book.")
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            now = await clock.now(session, contest_id)
            files = contest_files(contest_id)
            agencies = files.agency_names()
            first = next((one for one in agencies if files.profile(one).home), "")
            if not of_staff(account):
                own = await agencies_of_clerk(session, contest_id, account.contact_id, now)
                agencies = {name: agencies[name] for name in own}
                first = own[0] if own else first
            agency = await agency_of(session, contest_id, request.query_params.get("agency") or first, now)
            if not of_staff(account):
                agency.check_reader(account.contact_id)
            asked = request.query_params.get("year", "")
            year = int(asked) - BUDDHIST_ERA if asked.isdecimal() and len(asked) == 4 else register_year(now)
            book = Book(name)
            if book is Book.OUT:
                lines = await books.outgoing_lines(session, agency, year)
                present = [
                    entry.facts["year"]
                    for entry in await repository.register.entries(session, contest_id, agency.name, book)
                    if "year" in entry.facts
                ]
            else:
                lines = await books.incoming_lines(session, agency, year)
                present = list(await repository.register.incoming_years(session, contest_id, agency.name))
            head = await repository.register.head(session, contest_id, agency.name, book)
        years = books.years_of(now, present)
        return Opened(book, agency, agencies, year, years, lines, head, now)

    def row(line: books.Line, book: Book, language: str) -> dict[str, Any]:
        href = f"/letters/{line.letter_id}" if line.letter_id else ""
        if line.file_id:
            href = f"/letters/books/files/{line.file_id}"
        action = line.action.in_language(language)
        return {
            "number": str(line.number),
            "received": line.received_at,
            "number_text": line.number_text or "–",
            "dated": line.dated if not isinstance(line.dated, datetime) else line.dated.date(),
            "sender": line.sender,
            "addressee": line.addressee,
            "subject": line.subject,
            "action": {"badge": action, "kind": "late" if line.void else ""} if book is Book.OUT else action,
            "note": line.note,
            "_href": href,
        }

    async def show(request: Request, opened: Opened, error: DomainError | None = None) -> Response:
        language = language_of(request)
        columns = OUT if opened.book is Book.OUT else IN
        view = table_view(
            request,
            columns,
            [row(line, opened.book, language) for line in reversed(opened.lines)],
            search=["number_text", "sender", "addressee", "subject", "note"],
        )
        if wants_csv(request):
            name = f"register-{opened.book.value}-{opened.agency.name}-{opened.year + BUDDHIST_ERA}"
            return csv_response(name, view, language)
        context = {
            "view": view,
            "opened": opened,
            "be": BUDDHIST_ERA,
            "errors": field_errors(error, language) if error else {},
        }
        return await PAGES.render(
            request, "book.html", context, status_code=error.status if error else 200, headers=NO_STORE
        )

    @pages.get("/letters/books/files/{file_id}")
    async def file(request: Request, file_id: str, account: Registry) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            if not of_staff(account):
                name = await repository.register.agency_of_file(session, contest_id, file_id)
                now = await clock.now(session, contest_id)
                (await agency_of(session, contest_id, name, now)).check_reader(account.contact_id)
            found = await repository.register.stored_file(session, contest_id, file_id)
        headers = {**NO_STORE, "X-Content-Type-Options": "nosniff"}
        return Response(found.content, media_type=found.media_type, headers=headers)

    @pages.get("/letters/books/{book}.pdf")
    async def printed(request: Request, book: str, account: Registry) -> Response:
        opened = await open_book(request, book, account)
        if len(opened.lines) > MOST_LINES:
            raise Invalid(
                f"มีเกิน {MOST_LINES} รายการ โปรดใช้ CSV",
                f"More than {MOST_LINES} lines: take the CSV.",
                field="year",
            )
        pdf = await print_book(
            opened.agency,
            opened.book,
            opened.year,
            opened.lines,
            opened.head,
            opened.now,
            resources.settings.public_url,
        )
        return Response(pdf, media_type="application/pdf", headers=NO_STORE)

    @pages.get("/letters/books/{book}")
    async def look(request: Request, book: str, account: Registry) -> Response:
        return await show(request, await open_book(request, book, account))

    @pages.post("/letters/books/in")
    async def stamp(request: Request, account: Registry) -> Response:
        form = await PAGES.form(request)
        opened = await open_book(request, Book.IN, account)
        contest_id, agency = opened.agency.contest_id, opened.agency.name
        try:
            upload = await read_upload(form)
            async with database.transaction() as session:
                kept = None
                if upload is not None:
                    kept = await books.keep_file(
                        session, contest_id, upload, by=account.contact_id, now=opened.now
                    )
                letter = books.IncomingLetter(
                    sender=str(form.get("sender", "")),
                    subject=str(form.get("subject", "")),
                    number_text=str(form.get("number_text", "")),
                    dated=day_or_none(str(form.get("dated", "")), "dated"),
                    addressee=str(form.get("addressee", "")) or opened.agency.profile.name,
                    action=str(form.get("action", "")),
                    note=str(form.get("note", "")),
                    file=kept,
                )
                stamped = await books.receive_by_registry(
                    session,
                    clock,
                    contest_id,
                    agency,
                    letter,
                    by=account.contact_id,
                    staff=of_staff(account),
                )
        except DomainError as error:
            return await show(request, opened, error)
        return redirect(
            f"/letters/books/in?agency={agency}",
            th=f"ลงรับแล้ว เลขรับ {stamped.number}",
            en=f"Stamped with receive number {stamped.number}.",
        )

    return pages
