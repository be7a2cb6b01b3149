"""Signing in with a code, and out."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.intake.domain.sign_in import derived_key
from services.intake.handlers import contacts, sign_in
from services.intake.http.values import network_of
from services.intake.mails import send_code
from services.intake.pages.common import PAGES, email_of, text_of
from shared.contracts.intake import Role
from shared.errors import DomainError
from shared.service import Resources
from shared.web.pages import field_errors, language_of, redirect
from shared.web.problems import safe_path
from shared.web.sessions import SessionIssuer, account_or_none, clear_session_cookie, set_session_cookie

_HOME = {
    Role.ADMIN: "/staff",
    Role.STAFF: "/staff",
    Role.APPROVER: "/staff",
    Role.JUDGE: "/judge",
    Role.CLERK: "/letters",
    Role.AUDITOR: "/audit",
}


def _first_page(roles: tuple[Role, ...]) -> str:
    return next((path for role, path in _HOME.items() if role in roles), "/apply")


def router(resources: Resources) -> APIRouter:
    """``/signin`` and ``/signout``."""
    pages = APIRouter()
    key = derived_key(resources.settings.session_private_key.get_secret_value())
    factor = resources.settings.rehearsal_limit_factor

    @pages.get("/signin")
    async def ask_email(request: Request) -> Response:
        target = safe_path(request.query_params.get("next", ""), "")
        if await account_or_none(request) is not None:
            return redirect(target or "/")
        return await PAGES.render(request, "signin.html", {"target": target, "email": ""})

    @pages.post("/signin")
    async def send(request: Request) -> Response:
        form = await PAGES.form(request)
        given, target = text_of(form, "email"), safe_path(text_of(form, "next"), "")
        try:
            email = email_of(given)
            async with resources.database.transaction() as session:
                issued = await sign_in.issue_code(
                    session, email, network_of(request), key=key, rehearsal_factor=factor
                )
            await send_code(resources, email, issued)
        except DomainError as error:
            found = field_errors(error, language_of(request))
            found = {name or "email": text for name, text in found.items()}
            context = {"target": target, "email": given, "errors": found}
            return await PAGES.render(request, "signin.html", context, status_code=error.status)
        return await PAGES.render(request, "signin_code.html", {"target": target, "email": email})

    @pages.post("/signin/code")
    async def take(request: Request) -> Response:
        form = await PAGES.form(request)
        given, target = text_of(form, "email"), safe_path(text_of(form, "next"), "")
        code = "".join(text_of(form, "code").split())
        try:
            email = email_of(given)
            async with resources.database.transaction() as session:
                signed_in = await sign_in.sign_in(
                    session,
                    email,
                    code,
                    network_of(request),
                    key=key,
                    language=language_of(request),
                    rehearsal_factor=factor,
                )
            if signed_in is None:
                raise sign_in.refused()
        except DomainError as error:
            found = field_errors(error, language_of(request))
            found = {name or "code": text for name, text in found.items()}
            context = {"target": target, "email": given, "errors": found}
            return await PAGES.render(request, "signin_code.html", context, status_code=422)
        contact = signed_in.contact
        roles = tuple(Role(role) for role in contact.roles)
        token = SessionIssuer.from_settings(resources.settings).issue(
            contact_id=contact.contact_id,
            contest_id=contact.contest_id,
            roles=roles,
            language=contact.language,
            issued_at=signed_in.issued_at,
        )
        response = redirect(target or _first_page(roles), th="เข้าสู่ระบบแล้ว", en="You are signed in.")
        set_session_cookie(response, token, resources.settings)
        return response

    @pages.post("/signout")
    async def leave(request: Request) -> Response:
        form = await PAGES.form(request)
        account = await account_or_none(request)
        everywhere = text_of(form, "everywhere") == "yes"
        if account is not None and everywhere:
            async with resources.database.transaction() as session:
                await contacts.revoke_sessions(session, account.contact_id)
        response = redirect("/", th="ออกจากระบบแล้ว", en="You are signed out.")
        clear_session_cookie(response)
        return response

    return pages
