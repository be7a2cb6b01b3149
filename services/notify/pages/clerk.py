"""What a receiving office's clerk sees behind the one-time link; no account is needed."""

import base64
from collections.abc import Mapping
from datetime import date
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.datastructures import FormData, UploadFile

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.recipients import MAX_CSV_BYTES, decoded
from services.notify.domain.uploads import Upload
from services.notify.handlers import acknowledge, cascade, cover_preview, rendering
from services.notify.handlers.agencies import emblem_of
from services.notify.handlers.rendering import addressee_of
from services.notify.letters.qr import qr_svg
from services.notify.pages.common import PAGES, dispatch_badge
from services.notify.pages.uploads import read_upload
from services.notify.register_tables import Passing
from services.notify.tables import Dispatch, Letter
from shared import known
from shared.errors import DomainError, Invalid, NotFound
from shared.service import Resources
from shared.thai.dates import parse_date
from shared.thai.digits import thai_digits
from shared.thai.districts import districts
from shared.web.pages import field_errors, language_of, redirect
from shared.web.ratelimit import limit

HERE = "/letters/acknowledge/{token}"
HEADERS = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
WRITES, PER_SECONDS = 60, 3600.0
"""How much one link may write."""
_RECORDED = ("number", "issued_on", "signer_post")
"""The fields that a clerk records of the signed letter."""
_WRITTEN = ("receive_number", "recipients", "cover_subject", "cover_text", *_RECORDED)
"""Every field that a clerk writes in; what was typed stays after an error."""
_SHOWN = 200
"""Addressees that the page lists."""


def router(resources: Resources) -> APIRouter:
    """The link's pages: acknowledge, choose whom to, draft, record, and see how far it came."""
    pages = APIRouter()
    database, clock, site = resources.database, resources.clock, resources.settings.public_url

    async def context_of(session: AsyncSession, request: Request, token: str) -> dict[str, Any]:
        dispatch, letter = await acknowledge.open_letter(session, clock, token)
        passing = await repository.cascade.passing(session, dispatch)
        children = await repository.cascade.children(session, dispatch)
        profile = contest_files(letter.contest_id).profile(letter.agency)
        words = passing.paragraphs if passing else cascade.first_words(dispatch, letter)
        taken = {one["code"] for one in passing.recipients} if passing else set()
        return {
            "dispatch": dispatch,
            "letter": letter,
            "rulebook": await known.rulebook(session, letter.contest_id),
            "now": await clock.now(session, letter.contest_id),
            "token": token,
            "number": thai_digits(letter.number_text),
            "agency": profile.called,
            "sender_email": profile.email,
            "may_pass_on": cascade.may_pass_on(dispatch),
            "cover": await cascade.cover_of(session, dispatch),
            "passing": passing,
            "children": [(child, dispatch_badge(request, child.state)) for child in children],
            "districts": [
                each
                for each in (districts(dispatch.code) if dispatch.level == 1 else ())
                if each.code not in taken
            ],
            "shown": _SHOWN,
            "typed": dict.fromkeys(_WRITTEN, "")
            | {
                "cover_subject": passing.subject if passing else letter.subject,
                "cover_text": "\n\n".join(words),
            },
            "link": "",
            "link_qr": "",
            "linked": None,
        }

    async def show(
        request: Request,
        token: str,
        error: DomainError | None = None,
        typed: FormData | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Response:
        async with database.transaction() as session:
            context = await context_of(session, request, token)
        context |= {"errors": field_errors(error, language_of(request)) if error else {}, **(more or {})}
        context["typed"] |= {name: str(typed[name]) for name in _WRITTEN if typed and name in typed}
        status = error.status if error else 200
        return await PAGES.render(request, "clerk.html", context, status_code=status, headers=HEADERS)

    async def checked_form(request: Request, token: str) -> FormData:
        """The form of a link that may still write. Raises TooMany."""
        form = await PAGES.form(request)
        async with database.transaction() as session:
            await limit(session, "clerk-link", token, capacity=WRITES, per_seconds=PER_SECONDS)
        return form

    async def passing_of(token: str) -> tuple[Passing, Dispatch, Letter]:
        async with database.transaction() as session:
            dispatch, letter = await acknowledge.open_letter(session, clock, token)
            found = await repository.cascade.passing(session, dispatch)
        if found is None:
            raise NotFound("ยังไม่มีร่างหนังสือนำส่ง", "There is no draft of a cover letter yet.")
        return found, dispatch, letter

    @pages.get(HERE)
    async def open_letter(request: Request, token: str) -> Response:
        return await show(request, token)

    @pages.get(f"{HERE}/letter.pdf")
    async def letter_pdf(token: str) -> Response:
        async with database.transaction() as session:
            dispatch, letter = await acknowledge.open_letter(session, clock, token)
            emblem = await emblem_of(session, letter)
        content = await _pdf(dispatch, letter, emblem)
        return Response(content, media_type="application/pdf", headers=HEADERS)

    @pages.get(f"{HERE}/text")
    async def letter_text(request: Request, token: str) -> Response:
        async with database.transaction() as session:
            dispatch, letter = await acknowledge.open_letter(session, clock, token)
            context = {
                "rulebook": await known.rulebook(session, letter.contest_id),
                "now": await clock.now(session, letter.contest_id),
            }
        here = HERE.format(token=token)
        context |= {
            "reading": rendering.reading_version(letter, letter.content or {}, addressee_of(dispatch)),
            "pdf": f"{here}/letter.pdf",
            "back": here,
            "title": letter.subject,
        }
        return await PAGES.render(request, "letter_text.html", context, headers=HEADERS)

    @pages.get(f"{HERE}/cover.pdf")
    async def cover(token: str) -> Response:
        async with database.transaction() as session:
            dispatch, _ = await acknowledge.open_letter(session, clock, token)
            found = await cascade.cover_of(session, dispatch)
        if found is None:
            raise NotFound("ไม่มีหนังสือนำส่ง", "There is no cover letter.")
        return Response(found.file.content, media_type=found.file.media_type, headers=HEADERS)

    @pages.get(f"{HERE}/draft.pdf")
    async def draft(token: str) -> Response:
        pdf = await cover_preview.cover_pdf(database, clock, *(await passing_of(token)))
        return Response(pdf, media_type="application/pdf", headers=HEADERS)

    @pages.get(f"{HERE}/draft.png")
    async def draft_picture(token: str) -> Response:
        pictures = await cover_preview.cover_pictures(*(await passing_of(token)))
        return Response(pictures[0], media_type="image/png", headers=HEADERS)

    @pages.post(HERE)
    async def receive(request: Request, token: str) -> Response:
        form = await checked_form(request, token)
        try:
            async with database.transaction() as session:
                dispatch = await repository.letters.dispatch_by_token(session, token, lock=True)
                await acknowledge.acknowledge(
                    session, clock, dispatch, str(form.get("receive_number", "")), by=cascade.LINK
                )
        except DomainError as error:
            return await show(request, token, error, form)
        return redirect(f"/letters/acknowledge/{token}", th="ลงรับแล้ว ขอบคุณ", en="Acknowledged. Thank you.")

    @pages.post(f"{HERE}/recipients")
    async def recipients(request: Request, token: str) -> Response:
        form = await checked_form(request, token)
        try:
            text = await _csv_of(form)
            async with database.transaction() as session:
                dispatch = await repository.letters.dispatch_by_token(session, token, lock=True)
                if form.get("remove"):
                    codes = [str(code) for code in form.getlist("remove")]
                    await cascade.remove_recipients(session, clock, dispatch, codes)
                    return redirect(f"/letters/acknowledge/{token}#recipients", th="เอาออกแล้ว", en="Removed.")
                picked = [str(code) for code in form.getlist("district")]
                added = await cascade.add_recipients(session, clock, dispatch, csv_text=text, picked=picked)
        except DomainError as error:
            return await show(request, token, error, form)
        return redirect(
            f"/letters/acknowledge/{token}#recipients", th=f"เพิ่มผู้รับ {added} ราย", en=f"{added} added."
        )

    @pages.post(f"{HERE}/cover")
    async def write(request: Request, token: str) -> Response:
        form = await checked_form(request, token)
        paragraphs = str(form.get("cover_text", "")).replace("\r", "").split("\n\n")
        subject = str(form.get("cover_subject", ""))
        try:
            await rendering.check_printable({"subject": subject, "paragraphs": paragraphs})
            async with database.transaction() as session:
                dispatch = await repository.letters.dispatch_by_token(session, token, lock=True)
                await cascade.write_cover(session, clock, dispatch, subject, paragraphs)
        except DomainError as error:
            return await show(request, token, error, form)
        return redirect(f"/letters/acknowledge/{token}#cover", th="บันทึกร่างแล้ว", en="The draft is saved.")

    @pages.post(f"{HERE}/passing-on")
    async def pass_on(request: Request, token: str) -> Response:
        form = await checked_form(request, token)
        typed = {name: str(form.get(name, "")) for name in _RECORDED}
        signed = cascade.SignedCover(
            number=typed["number"],
            issued_on=_day(typed["issued_on"]),
            signer_post=typed["signer_post"],
            file=await read_upload(form, "signed_file") or Upload("", b""),
        )
        try:
            async with database.transaction() as session:
                dispatch = await repository.letters.dispatch_by_token(session, token, lock=True)
                await cascade.record_cover(session, clock, dispatch, signed)
        except DomainError as error:
            return await show(request, token, error, form)
        return redirect(f"/letters/acknowledge/{token}", th="ส่งต่อแล้ว ขอบคุณ", en="Passed on. Thank you.")

    @pages.post(f"{HERE}/links/{{dispatch_id}}")
    async def link(request: Request, token: str, dispatch_id: str) -> Response:
        await checked_form(request, token)
        try:
            async with database.transaction() as session:
                parent = await repository.letters.dispatch_by_token(session, token, lock=True)
                child, fresh = await cascade.new_link(session, parent, dispatch_id)
        except DomainError as error:
            return await show(request, token, error)
        address = f"{site}/letters/acknowledge/{fresh}"
        picture = "data:image/svg+xml;base64," + base64.b64encode(qr_svg(address).encode()).decode()
        return await show(request, token, more={"link": address, "link_qr": picture, "linked": child})

    return pages


async def _csv_of(form: FormData) -> str:
    """The CSV that was chosen or pasted; empty where the form is another one.

    Raises:
        Invalid: the list's form was sent empty, or see :func:`decoded`.
    """
    given = form.get("file")
    if isinstance(given, UploadFile) and given.filename:
        return decoded(await given.read(MAX_CSV_BYTES + 1))
    pasted = str(form.get("recipients", ""))
    if "recipients" in form and not pasted.strip():
        raise Invalid("วางรายชื่อหรือเลือกไฟล์ CSV", "Paste the list or choose a CSV file.", field="recipients")
    return pasted


async def _pdf(dispatch: Dispatch, letter: Letter, emblem: bytes) -> bytes:
    return (await rendering.render_letter(letter, addressee_of(dispatch), emblem)).pdf


def _day(text: str) -> date | None:
    """The date of a form's field; None where it is none."""
    try:
        return parse_date(text)
    except ValueError:
        return None
