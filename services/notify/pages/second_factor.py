"""``/letters/second-factor``: the codes with which a person signs."""

from fastapi import APIRouter, Request, Response

from services.notify.domain.second_factor import provisioning_uri
from services.notify.handlers.second_factor import second_factors
from services.notify.http.second_factor import ISSUER
from services.notify.letters.qr import qr_svg
from services.notify.pages.common import PAGES, Signatory
from shared.contracts.ids import ContactId
from shared.errors import DomainError, NotFound
from shared.service import Resources
from shared.web.pages import field_errors, language_of, redirect
from shared.web.sessions import Account

HERE = "/letters/second-factor"
NO_STORE = {"Cache-Control": "private, no-store"}


def _account_name(contact_id: ContactId) -> str:
    """What the authenticator shows; no name and no address leave for it."""
    return contact_id[:8]


def router(resources: Resources) -> APIRouter:
    """Enrolling, looking at, and giving up one's own second factor."""
    pages = APIRouter()
    factors = second_factors(resources)

    def contest_of(account: Account) -> str:
        return account.contest_id or ""

    async def show(
        request: Request, account: Account, error: DomainError | None = None, codes: tuple[str, ...] = ()
    ) -> Response:
        standing = await factors.standing(account.contact_id)
        key = await factors.pending(account.contact_id)
        context = {
            "standing": standing,
            "key": " ".join(key[start : start + 4] for start in range(0, len(key), 4)) if key else "",
            "recovery_codes": codes,
            "errors": field_errors(error, language_of(request)) if error else {},
        }
        status = error.status if error else 200
        return await PAGES.render(
            request, "second_factor.html", context, status_code=status, headers=NO_STORE
        )

    @pages.get(HERE)
    async def look(request: Request, account: Signatory) -> Response:
        return await show(request, account)

    @pages.get(f"{HERE}/qr.svg")
    async def picture(account: Signatory) -> Response:
        key = await factors.pending(account.contact_id)
        if key is None:
            raise NotFound("ไม่มีรหัสที่รอลงทะเบียน", "No enrolment is under way.")
        uri = provisioning_uri(key, _account_name(account.contact_id), ISSUER)
        return Response(qr_svg(uri), media_type="image/svg+xml", headers=NO_STORE)

    @pages.post(HERE)
    async def begin(request: Request, account: Signatory) -> Response:
        await PAGES.form(request)
        try:
            await factors.begin(contest_of(account), account.contact_id)
        except DomainError as error:
            return await show(request, account, error)
        return redirect(HERE)

    @pages.post(f"{HERE}/confirmation")
    async def confirm(request: Request, account: Signatory) -> Response:
        form = await PAGES.form(request)
        try:
            codes = await factors.complete(contest_of(account), account.contact_id, str(form.get("code", "")))
        except DomainError as error:
            return await show(request, account, error)
        return await show(request, account, codes=codes)

    @pages.post(f"{HERE}/give-up")
    async def give_up(request: Request, account: Signatory) -> Response:
        form = await PAGES.form(request)
        try:
            await factors.give_up(contest_of(account), account.contact_id, str(form.get("code", "")))
        except DomainError as error:
            return await show(request, account, error)
        return redirect(HERE, th="ยกเลิกรหัสยืนยันแล้ว", en="Your signing codes are given up.", kind="note")

    return pages
