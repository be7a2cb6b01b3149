"""Working papers, address labels, and letters as plain pages."""

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.handlers import composing, papers, rendering
from services.notify.letter_texts import Paper
from services.notify.pages.common import PAGES, Registry, Staff, check_letter, contest_of
from shared import known
from shared.errors import DomainError
from shared.service import Resources
from shared.web.tables import csv_file

PRIVATE = {"Cache-Control": "private, no-store"}


def router(resources: Resources) -> APIRouter:
    """The pages beside the register."""
    pages = APIRouter()
    database, site = resources.database, resources.settings.public_url

    @pages.get("/letters/papers")
    async def list_papers(request: Request, account: Staff) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
        ready: dict[str, tuple[Paper, int, DomainError | None]] = {}
        for name, paper in contest_files(contest_id).papers().items():
            try:
                ready[name] = (paper, len((await papers.gather(resources, contest_id, name)).rows), None)
            except DomainError as error:
                ready[name] = (paper, 0, error)
        return await PAGES.render(request, "papers.html", {"papers": ready})

    @pages.get("/letters/papers/{name}.pdf")
    async def paper_pdf(request: Request, name: str, account: Staff) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
        content = await papers.paper_pdf(resources, contest_id, name)
        return Response(content, media_type="application/pdf", headers=PRIVATE)

    @pages.get("/letters/papers/{name}.csv")
    async def paper_csv(request: Request, name: str, account: Staff) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
        head, rows = await papers.paper_rows(resources, contest_id, name)
        return csv_file(name, head, rows)

    @pages.get("/letters/{letter_id}/labels.pdf")
    async def labels_pdf(letter_id: str, account: Registry) -> Response:
        await check_letter(resources, letter_id, account)
        _, _, content = await papers.letter_labels(resources, letter_id)
        return Response(content, media_type="application/pdf", headers=PRIVATE)

    @pages.get("/letters/{letter_id}/labels.csv")
    async def labels_csv(letter_id: str, account: Registry) -> Response:
        await check_letter(resources, letter_id, account)
        number, addressees, _ = await papers.letter_labels(resources, letter_id)
        head = ["code", "post", "place", "email", "number"]
        rows = [[one.code, one.post, one.place, one.email, number] for one in addressees]
        return csv_file("labels", head, rows)

    @pages.get("/letters/{letter_id}/text")
    async def as_text(request: Request, letter_id: str, account: Registry) -> Response:
        """The letter as a plain page, for whoever cannot or will not read a PDF."""
        await check_letter(resources, letter_id, account)
        async with database.transaction() as session:
            letter = await repository.letters.letter(session, letter_id)
            content = await composing.content_of(session, letter, site)
            rulebook = await known.rulebook(session, letter.contest_id)
            now = await resources.clock.now(session, letter.contest_id)
        context = {
            "reading": rendering.reading_version(letter, content),
            "rulebook": rulebook,
            "now": now,
            "pdf": f"/letters/{letter_id}.pdf",
            "back": f"/letters/{letter_id}",
            "title": letter.subject,
        }
        return await PAGES.render(request, "letter_text.html", context, headers=PRIVATE)

    return pages
