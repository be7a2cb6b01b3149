"""``/mail``: caught mail for people, and ``/mail/api/messages`` for the demo and tests.

Only the embedded mode mounts this: it shows every code that was sent.
"""

from dataclasses import asdict

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from shared.errors import NotFound
from shared.mail.mailbox import Mailbox, Opened
from shared.settings import Settings
from shared.web import problems
from shared.web.edge import Edge
from shared.web.pages import Pages
from shared.web.static_files import STATIC

PAGE = 50
_HTML_CSP = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


class CaughtMail(BaseModel):
    """One mail of the list."""

    id: int
    to: str
    sender: str
    subject: str
    caught_at: str
    message_id: str
    text: str = ""


class CaughtMails(BaseModel):
    """A page of mails, the newest first."""

    total: int
    """Of all that were asked for."""
    distinct: int
    """Of all mails of the box; one that was sent again under its old Message-ID is one."""
    messages: list[CaughtMail]


def mailbox_app(mailbox: Mailbox, settings: Settings) -> FastAPI:
    """The application under ``/mail``."""
    app = FastAPI(title="Showcase: caught mail", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.settings = settings
    problems.install(app)
    app.add_middleware(Edge, public_url=settings.public_url, secure=settings.secure_cookies)
    app.router.routes.append(STATIC)
    pages = Pages("shared.mail")

    def opened(mail_id: int) -> Opened:
        try:
            return mailbox.open(mail_id)
        except KeyError:
            raise NotFound("ไม่พบอีเมลนี้", "There is no such mail.") from None

    @app.get("/mail/api/messages")
    async def messages(
        to: str = "", limit: int = Query(50, ge=1, le=500), offset: int = Query(0, ge=0)
    ) -> CaughtMails:
        """Mails with their text, the newest first."""
        found, total = mailbox.find(to, limit=limit, offset=offset)
        listed = [CaughtMail(**asdict(mail), text=mailbox.open(mail.id).text) for mail in found]
        return CaughtMails(total=total, distinct=mailbox.distinct, messages=listed)

    @app.get("/mail", response_class=HTMLResponse)
    async def listing(request: Request, to: str = "", page: int = Query(1, ge=1, le=100_000)) -> Response:
        found, total = mailbox.find(to, limit=PAGE, offset=(page - 1) * PAGE)
        context = {
            "mails": found,
            "total": total,
            "to": to,
            "page": page,
            "more": page * PAGE < total,
        }
        return await pages.render(request, "mailbox.html", context)

    @app.get("/mail/", include_in_schema=False)
    async def slash() -> Response:
        return RedirectResponse("/mail", 308)

    @app.get("/mail/{mail_id}", response_class=HTMLResponse)
    async def one(request: Request, mail_id: int) -> Response:
        return await pages.render(request, "mail.html", {"mail": opened(mail_id)})

    @app.get("/mail/{mail_id}/html", response_class=HTMLResponse)
    async def html(mail_id: int) -> Response:
        return HTMLResponse(opened(mail_id).html, headers={"Content-Security-Policy": _HTML_CSP})

    @app.get("/mail/{mail_id}/raw")
    async def raw(mail_id: int) -> Response:
        opened(mail_id)
        return Response(mailbox.raw(mail_id), media_type="text/plain; charset=utf-8")

    return app
