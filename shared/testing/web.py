"""What tests of pages and APIs use: resources on a real database, and clients that are signed in."""

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import known
from shared.clock import Clock, FixedClock
from shared.contracts.ids import ContactId, ContestId, new_id
from shared.contracts.intake import ContactUpserted, Role
from shared.contracts.rulebook import Rulebook
from shared.db import Database
from shared.mail import MemoryMailer
from shared.service import Resources, Service
from shared.settings import Settings
from shared.testing.rulebooks import CONTEST_ID, OPENING, a_rulebook
from shared.web import csrf
from shared.web.sessions import COOKIE, SessionIssuer, SessionVerifier, new_key_pair

__all__ = [
    "CONTEST_ID",
    "ISSUER",
    "a_rulebook",
    "account",
    "client_for",
    "publish_contest",
    "resources_for",
    "settings_for_tests",
    "sign_in",
    "submit",
    "token_for",
]

BASE_URL = "http://showcase.test"
PRIVATE_KEY, PUBLIC_KEY = new_key_pair()
ISSUER = SessionIssuer(PRIVATE_KEY)
_HIDDEN = re.compile(rf'name="{csrf.FIELD}" value="([0-9a-f]+)"')


def settings_for_tests(**changes: Any) -> Settings:
    """Settings of a test: own session keys, cookies without ``Secure``; ``changes`` replace fields."""
    fields: dict[str, Any] = {
        "session_private_key": SecretStr(PRIVATE_KEY),
        "session_public_key": PUBLIC_KEY,
        "secure_cookies": False,
        "public_url": BASE_URL,
        "voting_secret": SecretStr("0f" * 32),
        "notify_secret": SecretStr("1f" * 32),
    }
    return Settings.model_validate({**fields, **changes})


def resources_for(
    database: Database,
    *,
    clock: Clock | None = None,
    mailer: MemoryMailer | None = None,
    **settings: Any,
) -> Resources:
    """Resources on ``database``: a clock that stands at the contest's opening, mail kept in memory."""
    return Resources(
        settings=settings_for_tests(**settings),
        database=database,
        clock=clock or FixedClock(OPENING),
        mailer=mailer or MemoryMailer(),
        sessions=SessionVerifier(PUBLIC_KEY),
    )


def token_for(
    roles: Iterable[Role] = (), *, contact_id: str = "", contest_id: str = CONTEST_ID, language: str = "th"
) -> str:
    """A session token as intake signs it. An unknown contact has the roles of its token."""
    return ISSUER.issue(
        contact_id=contact_id or new_id(), contest_id=contest_id, roles=tuple(roles), language=language
    )


def sign_in(
    client: httpx.AsyncClient,
    roles: Iterable[Role] = (),
    *,
    contact_id: str = "",
    contest_id: str = CONTEST_ID,
) -> None:
    """Let ``client`` be someone with ``roles`` from here on."""
    client.cookies.set(COOKIE, token_for(roles, contact_id=contact_id, contest_id=contest_id))


@asynccontextmanager
async def client_for(
    service: Service | FastAPI,
    roles: Iterable[Role] | None = None,
    *,
    contact_id: str = "",
    contest_id: str = CONTEST_ID,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client on the application in this process; signed in where ``roles`` are given.

    A :class:`Service` runs with its lifespan. Redirects are not followed.
    """
    app = service.http if isinstance(service, Service) else service
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as client:
        if roles is not None:
            sign_in(client, roles, contact_id=contact_id, contest_id=contest_id)
        if isinstance(service, Service):
            async with service.lifespan():
                yield client
        else:
            yield client


async def submit(
    client: httpx.AsyncClient,
    path: str,
    fields: Mapping[str, Any],
    *,
    form_page: str = "",
    files: Any = None,
) -> httpx.Response:
    """Open ``form_page`` (else ``path``) and send the form to ``path`` with the page's CSRF token."""
    data = {csrf.FIELD: await token_in(client, form_page or path), **fields}
    return await client.post(path, data=data, files=files, headers={"accept": "text/html"})


async def token_in(client: httpx.AsyncClient, path: str) -> str:
    """The CSRF token of the forms on a page."""
    return csrf_of(await client.get(path, headers={"accept": "text/html"}))


def csrf_of(page: httpx.Response) -> str:
    """The CSRF token that the forms of a page carry."""
    found = _HIDDEN.search(page.text)
    assert found, f"no form on {page.url}: {page.status_code} {page.text[:300]}"
    return found[1]


async def publish_contest(
    database: Database, rulebook: Rulebook | None = None, *, published_at: datetime = OPENING
) -> Rulebook:
    """Let the service that owns ``database`` know the contest."""
    rulebook = rulebook or a_rulebook()
    async with database.transaction() as session:
        await known.keep_rulebook(session, rulebook, published_at)
    return rulebook


async def account(
    session: AsyncSession,
    *roles: Role,
    contact_id: str = "",
    contest_id: str = CONTEST_ID,
    revision: int = 1,
    sessions_valid_from: datetime | None = None,
) -> ContactId:
    """Let the service know a contact with ``roles``."""
    contact = ContactUpserted(
        contest_id=ContestId(contest_id),
        contact_id=ContactId(contact_id or new_id()),
        revision=revision,
        name="ผู้ทดสอบ",
        email="tester@showcase.invalid",
        roles=roles,
        sessions_valid_from=sessions_valid_from or datetime(2020, 1, 1, tzinfo=UTC),
    )
    await known.keep_contact(session, contact)
    return contact.contact_id
