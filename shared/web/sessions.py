"""Who is asking: sessions signed by intake with Ed25519, checked everywhere by the public key.

A session is a short-lived token in a cookie or in ``Authorization: Bearer``. The signature and its
expiry are checked from the token alone; revocation, erasure and the roles of today come from
``known_contact``, which every service keeps from the contact topic. Sessions live in wall-clock
time, not in contest time: a rehearsal on a simulated clock neither ends nor revives them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from fastapi import Depends, Request, Response

from shared import known
from shared.contracts.ids import ContactId, ContestId
from shared.contracts.intake import Role
from shared.errors import Forbidden, Unauthenticated
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.service import Resources

COOKIE = "showcase_session"
ALGORITHM = "EdDSA"
ISSUER = "showcase-intake"
AUDIENCE = "showcase"


@dataclass(frozen=True, slots=True)
class Account:
    """The person who is asking. ``name`` is empty outside of intake: no service needs it."""

    contact_id: ContactId
    roles: frozenset[Role]
    language: str = "th"
    name: str = ""
    contest_id: ContestId | None = None

    def may(self, *roles: Role) -> bool:
        """Whether the account holds one of ``roles``; an administrator is staff too."""
        held = self.roles | {Role.STAFF} if Role.ADMIN in self.roles else self.roles
        return not held.isdisjoint(roles)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says."""

    contact_id: ContactId
    contest_id: ContestId
    roles: frozenset[Role]
    language: str
    issued_at: datetime
    expires_at: datetime


def new_key_pair() -> tuple[str, str]:
    """A fresh Ed25519 key pair as PEM: (private, public)."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return private, public


class SessionIssuer:
    """Signs sessions; only intake has the private key."""

    def __init__(self, private_key: str, *, hours: int = 12) -> None:
        """``private_key`` is PEM (PKCS 8)."""
        self._key = private_key
        self.lifetime = timedelta(hours=hours)

    @classmethod
    def from_settings(cls, settings: Settings) -> "SessionIssuer":
        """The issuer that the settings describe.

        Raises:
            ValueError: there is no private key.
        """
        key = settings.session_private_key.get_secret_value()
        if not key:
            raise ValueError("no key to sign sessions with: set SHOWCASE_SESSION_PRIVATE_KEY (Ed25519, PEM)")
        return cls(key, hours=settings.session_hours)

    def issue(
        self,
        *,
        contact_id: str,
        contest_id: str,
        roles: tuple[Role, ...] | frozenset[Role],
        language: str = "th",
        issued_at: datetime | None = None,
    ) -> str:
        """A token for the contact, valid from ``issued_at`` (now) for the session's lifetime."""
        start = issued_at or datetime.now(UTC)
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": contact_id,
            "contest": contest_id,
            "roles": sorted(role.value for role in roles),
            "lang": language,
            "iat": start.timestamp(),
            "exp": int((start + self.lifetime).timestamp()),
        }
        return jwt.encode(payload, self._key, algorithm=ALGORITHM)


class SessionVerifier:
    """Checks a token's signature and expiry by the public key."""

    def __init__(self, public_key: str) -> None:
        """``public_key`` is PEM; with an empty one every token is refused."""
        self._key = public_key

    @classmethod
    def from_settings(cls, settings: Settings) -> "SessionVerifier":
        """The verifier that the settings describe."""
        return cls(settings.session_public_key)

    def verify(self, token: str) -> Claims | None:
        """What the token says; None where it is none of ours, altered or expired."""
        if not self._key or not token:
            return None
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=5,
                options={"require": ["exp", "iat", "sub"]},
            )
            return Claims(
                contact_id=ContactId(str(claims["sub"])),
                contest_id=ContestId(str(claims.get("contest", ""))),
                roles=frozenset(Role(role) for role in claims.get("roles", ())),
                language="en" if claims.get("lang") == "en" else "th",
                issued_at=datetime.fromtimestamp(float(claims["iat"]), UTC),
                expires_at=datetime.fromtimestamp(float(claims["exp"]), UTC),
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            return None


def token_of(request: Request) -> str:
    """The session token of the request: the bearer's, else the cookie's; empty without one."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer":
        return value.strip()
    return request.cookies.get(COOKIE, "")


def set_session_cookie(response: Response, token: str, settings: Settings) -> None:
    """Let the browser keep the session until it expires."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=settings.session_hours * 3600,
        httponly=True,
        secure=settings.secure_cookies,
        samesite="lax",
        path="/",
    )


def clear_session_cookie(response: Response) -> None:
    """Sign out in this browser."""
    response.delete_cookie(COOKIE, path="/")


async def account_or_none(request: Request) -> Account | None:
    """Who is asking; None for nobody, also where a session is expired, revoked or of an erased person."""
    if hasattr(request.state, "account"):
        found: Account | None = request.state.account
        return found
    request.state.account = account = await _look_up(request)
    return account


async def _look_up(request: Request) -> Account | None:
    resources: Resources = request.app.state.resources
    claims = resources.sessions.verify(token_of(request))
    if claims is None:
        return None
    async with resources.database.transaction() as session:
        contact = await known.contact(session, claims.contact_id)
    if contact is None:  # its event is still on the way; intake signed these roles a moment ago
        return Account(claims.contact_id, claims.roles, claims.language, contest_id=claims.contest_id)
    if contact.erased or claims.issued_at < contact.sessions_valid_from:
        return None
    return Account(contact.contact_id, contact.roles, contact.language, contest_id=contact.contest_id)


async def current_account(account: Annotated[Account | None, Depends(account_or_none)]) -> Account:
    """Who is asking.

    Raises:
        Unauthenticated: nobody is signed in.
    """
    if account is None:
        raise Unauthenticated("กรุณาเข้าสู่ระบบก่อน", "Please sign in first.")
    return account


class Guard:
    """A FastAPI dependency that lets only some roles through; tests read ``roles`` from it."""

    def __init__(self, roles: frozenset[Role]) -> None:
        self.roles = roles

    async def __call__(self, account: Annotated[Account, Depends(current_account)]) -> Account:
        if not account.may(*self.roles):
            names = ", ".join(sorted(self.roles))
            raise Forbidden(
                "บัญชีของคุณไม่มีสิทธิ์ทำรายการนี้ หากควรมี โปรดติดต่อผู้ดูแลระบบ",
                f"Your account may not do this; it needs the role {names}. Ask an administrator.",
            )
        return account


def require(*roles: Role) -> Callable[..., Awaitable[Account]]:
    """A dependency that gives the account if it holds one of ``roles`` (an administrator is staff too).

    Raises:
        Unauthenticated: nobody is signed in (401; a page leads to the sign-in).
        Forbidden: the account holds none of the roles.
    """
    return Guard(frozenset(roles))
