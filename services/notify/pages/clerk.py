"""What a receiving office's clerk sees behind the one-time link; no account is needed."""

from datetime import date

from fastapi import APIRouter, Request, Response

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import Addressee
from services.notify.handlers import acknowledge, rendering
from services.notify.pages.common import PAGES
from services.notify.tables import Dispatch, Letter
from shared import known
from shared.errors import DomainError, Invalid
from shared.service import Resources
from shared.thai.digits import arabic_digits, thai_digits
from shared.web.pages import field_errors, language_of, redirect

HEADERS = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


def router(resources: Resources) -> APIRouter:
    """The link's pages."""
    pages = APIRouter()
    database, clock = resources.database, resources.clock

    async def show(request: Request, token: str, error: DomainError | None = None) -> Response:
        async with database.transaction() as session:
            dispatch, letter = await acknowledge.open_letter(session, clock, token)
            rulebook = await known.rulebook(session, letter.contest_id)
            now = await clock.now(session, letter.contest_id)
        context = {
            "dispatch": dispatch,
            "letter": letter,
            "rulebook": rulebook,
            "now": now,
            "token": token,
            "number": thai_digits(letter.number_text),
            "agency": contest_files(letter.contest_id).profile(letter.agency).name,
            "errors": field_errors(error, language_of(request)) if error else {},
        }
        status = error.status if error else 200
        return await PAGES.render(request, "clerk.html", context, status_code=status, headers=HEADERS)

    @pages.get("/letters/acknowledge/{token}")
    async def open_letter(request: Request, token: str) -> Response:
        return await show(request, token)

    @pages.get("/letters/acknowledge/{token}/letter.pdf")
    async def letter_pdf(token: str) -> Response:
        async with database.transaction() as session:
            dispatch, letter = await acknowledge.open_letter(session, clock, token)
        content = await _pdf(dispatch, letter)
        return Response(content, media_type="application/pdf", headers=HEADERS)

    @pages.post("/letters/acknowledge/{token}")
    async def receive(request: Request, token: str) -> Response:
        form = await PAGES.form(request)
        try:
            async with database.transaction() as session:
                dispatch = await repository.letters.dispatch_by_token(session, token, lock=True)
                await acknowledge.acknowledge(
                    session, clock, dispatch, str(form.get("receive_number", "")), by="link"
                )
        except DomainError as error:
            return await show(request, token, error)
        return redirect(f"/letters/acknowledge/{token}", th="ลงรับแล้ว ขอบคุณ", en="Acknowledged. Thank you.")

    @pages.post("/letters/acknowledge/{token}/passing-on")
    async def pass_on(request: Request, token: str) -> Response:
        form = await PAGES.form(request)
        try:
            command = acknowledge.PassedOn(
                number=str(form.get("number", "")),
                issued_on=_day(str(form.get("issued_on", ""))),
                signer_post=str(form.get("signer_post", "")),
                recipients=_count(str(form.get("recipients", ""))),
            )
            async with database.transaction() as session:
                dispatch = await repository.letters.dispatch_by_token(session, token, lock=True)
                await acknowledge.pass_on(session, clock, dispatch, command)
        except DomainError as error:
            return await show(request, token, error)
        return redirect(f"/letters/acknowledge/{token}", th="บันทึกการส่งต่อแล้ว ขอบคุณ", en="Kept. Thank you.")

    return pages


async def _pdf(dispatch: Dispatch, letter: Letter) -> bytes:
    addressee = Addressee(dispatch.code, dispatch.place, dispatch.post, dispatch.email, dispatch.place_en)
    return (await rendering.render_letter(letter, addressee)).pdf


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("โปรดเลือกวันที่ของหนังสือ", "Choose the letter's date.", field="issued_on") from error


def _count(text: str) -> int:
    digits = arabic_digits(text.strip())
    if not digits.isdecimal() or len(digits) > 6:
        raise Invalid("โปรดกรอกจำนวนผู้รับเป็นตัวเลข", "Give the number of recipients.", field="recipients")
    return int(digits)
