"""``/letters/new`` and the composer: templates, a draft's text, and how it looks."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import FormData

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import KIND_NAMES, URGENCY_NAMES, LetterState
from services.notify.handlers import drafting, rendering
from services.notify.pages.common import PAGES, Registry, Staff, check_letter, contest_of
from services.notify.pages.letters import picture_address, show_letter
from shared.contracts.notify import LetterKind
from shared.errors import DomainError, NotFound
from shared.service import Resources
from shared.web.pages import language_of, redirect


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
        context = {"templates": templates, "existing": existing, "profiles": profiles}
        context |= {"kinds": KIND_NAMES, "urgencies": URGENCY_NAMES}
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
    async def pdf(letter_id: str, account: Registry) -> Response:
        await check_letter(resources, letter_id, account)
        _, content = await rendering.pdf_of(database, clock, letter_id, site)
        return Response(content, media_type="application/pdf", headers={"Cache-Control": "private, no-store"})

    @pages.get("/letters/{letter_id}/page-{number}.png")
    async def picture(letter_id: str, number: int, account: Registry) -> Response:
        await check_letter(resources, letter_id, account)
        pictures = await rendering.preview(database, clock, letter_id, site)
        if not 1 <= number <= len(pictures):
            raise NotFound("ไม่มีหน้านี้", "There is no such page.")
        headers = {"Cache-Control": "private, no-store"}
        return Response(pictures[number - 1], media_type="image/png", headers=headers)

    @pages.post("/letters/{letter_id}/preview")
    async def preview(request: Request, letter_id: str, account: Staff) -> Response:
        """What the form would make of the letter: JSON for the composer's script, a page without it."""
        form = await PAGES.form(request)
        overrides = typed_texts(form)
        found = await rendering.preview_of(database, clock, letter_id, overrides, site)
        if "application/json" not in request.headers.get("accept", ""):
            return await show_letter(request, resources, letter_id, typed=overrides, preview=found)
        english = language_of(request) == "en"
        return JSONResponse(
            {
                "pages": [picture_address(picture) for picture in found.pictures],
                "findings": [
                    {
                        "field": finding.field,
                        "text": finding.en if english else finding.th,
                        "blocking": finding.blocking,
                    }
                    for finding in found.findings
                ],
            },
            headers={"Cache-Control": "private, no-store"},
        )

    @pages.post("/letters/{letter_id}/edit")
    async def edit(request: Request, letter_id: str, account: Staff) -> Response:
        form = await PAGES.form(request)
        overrides = typed_texts(form)
        try:
            await rendering.check_printable(overrides)
            async with database.transaction() as session:
                before = (await repository.letters.letter(session, letter_id)).state
                letter = await drafting.edit_letter(
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
        if before != LetterState.DRAFT and letter.state == before:
            return redirect(
                f"/letters/{letter_id}",
                th="ไม่มีข้อความที่เปลี่ยน หนังสือยังอยู่ในสถานะเดิม",
                en="Nothing was changed; the letter stays as it was.",
                kind="note",
            )
        if before != LetterState.DRAFT:
            return redirect(
                f"/letters/{letter_id}",
                th="บันทึกแล้ว หนังสือกลับเป็นร่าง ส่งตรวจและอนุมัติใหม่",
                en="Saved. It is a draft again, to be reviewed and approved anew.",
                kind="note",
            )
        return redirect(f"/letters/{letter_id}", th="บันทึกร่างแล้ว", en="The draft is saved.")

    return pages


def typed_texts(form: FormData) -> dict[str, Any]:
    """The composer's form as the letter's overrides; a field that the form does not have stays as it was."""

    def field(name: str) -> str | None:
        value = form.get(name)
        return value.replace("\r", "") if isinstance(value, str) else None

    def line(name: str) -> str | None:
        value = field(name)
        return " ".join(value.split()) or None if value is not None else None

    def blocks(name: str, separator: str) -> list[str] | None:
        value = field(name)
        if value is None:
            return None
        return [" ".join(text.split()) for text in value.split(separator) if text.strip()]

    enclosures = blocks("enclosures", "\n")
    return {
        "subject": line("subject"),
        "to": line("to"),
        "urgency": field("urgency"),
        "references": blocks("references", "\n"),
        "enclosures": None if enclosures is None else [_enclosure(text) for text in enclosures],
        "paragraphs": blocks("paragraphs", "\n\n") or None,
        "after": blocks("after", "\n\n"),
    }


def _enclosure(text: str) -> dict[str, str]:
    """``what | how many`` as an enclosure."""
    what, _, copies = text.partition("|")
    return {"text": what.strip(), "copies": copies.strip()}
