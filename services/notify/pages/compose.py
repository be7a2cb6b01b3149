"""``/letters/new`` and the composer: templates, a draft's text, and how it looks."""

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import KIND_NAMES
from services.notify.handlers import drafting, rendering
from services.notify.pages.common import PAGES, Staff, contest_of
from services.notify.pages.letters import show_letter
from shared.contracts.notify import LetterKind
from shared.errors import DomainError, NotFound
from shared.service import Resources
from shared.web.pages import redirect


def router(resources: Resources) -> APIRouter:
    """The pages on which letters are written."""
    pages = APIRouter()
    database, clock, site = resources.database, resources.clock, resources.settings.public_url

    @pages.get("/letters/new")
    async def choose(request: Request, account: Staff) -> Response:
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            existing = {
                letter.template: letter
                for letter in reversed(await repository.letters.letters(session, contest_id))
                if letter.state != "void"
            }
        files = contest_files(contest_id)
        templates = [(name, files.template(name)) for name in files.template_names()]
        order = {LetterKind.CIRCULAR: 0, LetterKind.EXTERNAL: 1, LetterKind.MEMORANDUM: 2}
        templates.sort(key=lambda pair: (order.get(pair[1].kind, 3), pair[0]))
        profiles = {name: files.profile(template.profile) for name, template in templates}
        context = {"templates": templates, "existing": existing, "profiles": profiles, "kinds": KIND_NAMES}
        return await PAGES.render(request, "letter_new.html", context)

    @pages.post("/letters/new")
    async def start(request: Request, account: Staff) -> Response:
        form = await PAGES.form(request)
        name = str(form.get("template", ""))
        async with database.transaction() as session:
            contest_id = await contest_of(request, session)
            command = drafting.DraftLetter(
                contest_id, name, account.contact_id, overrides={}, public_url=site
            )
            drafted = await drafting.draft_each(session, clock, command)
        if len(drafted) == 1:
            return redirect(f"/letters/{drafted[0].letter_id}")
        return redirect(
            "/letters",
            th=f"มีร่างหนังสือ {len(drafted)} ฉบับ ผู้รับละฉบับ",
            en=f"There are {len(drafted)} drafts, one for each addressee.",
        )

    @pages.get("/letters/{letter_id}.pdf")
    async def pdf(letter_id: str, account: Staff) -> Response:
        _, content = await rendering.pdf_of(database, clock, letter_id, site)
        return Response(content, media_type="application/pdf", headers={"Cache-Control": "private, no-store"})

    @pages.get("/letters/{letter_id}/page-{number}.png")
    async def picture(letter_id: str, number: int, account: Staff) -> Response:
        pictures = await rendering.preview(database, clock, letter_id, site)
        if not 1 <= number <= len(pictures):
            raise NotFound("ไม่มีหน้านี้", "There is no such page.")
        headers = {"Cache-Control": "private, no-store"}
        return Response(pictures[number - 1], media_type="image/png", headers=headers)

    @pages.post("/letters/{letter_id}/edit")
    async def edit(request: Request, letter_id: str, account: Staff) -> Response:
        form = await PAGES.form(request)
        paragraphs = [
            text.strip() for text in str(form.get("paragraphs", "")).replace("\r", "").split("\n\n")
        ]
        overrides = {
            "subject": " ".join(str(form.get("subject", "")).split()) or None,
            "paragraphs": [" ".join(text.split()) for text in paragraphs if text] or None,
            "urgency": str(form.get("urgency", "")),
        }
        try:
            await rendering.check_printable(overrides)
            async with database.transaction() as session:
                await drafting.edit_letter(
                    session,
                    clock,
                    letter_id,
                    account.contact_id,
                    overrides=overrides,
                    recipients_csv=str(form.get("recipients", "")),
                    public_url=site,
                )
        except DomainError as error:
            return await show_letter(request, resources, letter_id, error=error, typed=overrides)
        return redirect(f"/letters/{letter_id}", th="บันทึกร่างแล้ว", en="The draft is saved.")

    return pages
