"""Signing in and out over JSON."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, StringConstraints

from services.intake.domain.sign_in import CODE_LIFETIME, derived_key
from services.intake.handlers import contacts, sign_in
from services.intake.http.values import PREFIX, Email, network_of
from services.intake.mails import send_code
from shared.contracts.intake import Role
from shared.service import Resources
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, SessionIssuer, current_account


class CodeRequest(BaseModel):
    email: Email


class CodeSent(BaseModel):
    expires_in_seconds: int


class SignIn(BaseModel):
    email: Email
    code: Annotated[str, StringConstraints(pattern=r"^\s*[0-9]{3}\s?[0-9]{3}\s*$")] = Field(
        description="the six digits of the e-mail", examples=["123456"]
    )


class SessionToken(BaseModel):
    token: str = Field(description="send it as `Authorization: Bearer …`")
    contact_id: str
    roles: list[Role]


def router(resources: Resources) -> APIRouter:
    """Routes of ``/session-codes`` and ``/sessions``."""
    api = APIRouter(prefix=PREFIX, tags=["sessions"], responses=PROBLEMS)
    secret = resources.settings.session_private_key.get_secret_value()
    key = derived_key(secret)
    factor = resources.settings.rehearsal_limit_factor

    @api.post("/session-codes", status_code=202)
    async def request_code(body: CodeRequest, request: Request) -> CodeSent:
        """Send a sign-in code by e-mail. The answer is the same for every address."""
        async with resources.database.transaction() as session:
            issued = await sign_in.issue_code(
                session, body.email, network_of(request), key=key, rehearsal_factor=factor
            )
        await send_code(resources, body.email, issued)
        return CodeSent(expires_in_seconds=int(CODE_LIFETIME.total_seconds()))

    @api.post("/sessions", status_code=201)
    async def open_session(body: SignIn, request: Request) -> SessionToken:
        """Sign in with the newest code. An unknown address becomes an applicant."""
        digits = "".join(body.code.split())
        async with resources.database.transaction() as session:
            signed_in = await sign_in.sign_in(
                session, body.email, digits, network_of(request), key=key, rehearsal_factor=factor
            )
        if signed_in is None:
            raise sign_in.refused()
        contact = signed_in.contact
        roles = tuple(Role(role) for role in contact.roles)
        token = SessionIssuer.from_settings(resources.settings).issue(
            contact_id=contact.contact_id,
            contest_id=contact.contest_id,
            roles=roles,
            language=contact.language,
            issued_at=signed_in.issued_at,
        )
        return SessionToken(token=token, contact_id=contact.contact_id, roles=list(roles))

    @api.delete("/sessions", status_code=204)
    async def close_sessions(account: Annotated[Account, Depends(current_account)]) -> None:
        """Sign out everywhere: every session of the account ends."""
        async with resources.database.transaction() as session:
            await contacts.revoke_sessions(session, account.contact_id)

    return api
