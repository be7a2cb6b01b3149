"""Pages rendered on the server: one Jinja environment per service, one layout for all."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import date as calendar_date
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import (
    ChainableUndefined,
    ChoiceLoader,
    Environment,
    PackageLoader,
    StrictUndefined,
    select_autoescape,
)
from markupsafe import Markup
from starlette.datastructures import FormData

from shared import known
from shared.contracts.event import LocalizedText
from shared.contracts.intake import Role
from shared.contracts.rulebook import Milestone, Rulebook
from shared.errors import DomainError, Invalid, NotFound
from shared.observability.context import current_correlation_id
from shared.thai import dates
from shared.web import csrf
from shared.web.calendar import Mark, marks
from shared.web.problems import ProblemError, safe_path
from shared.web.sessions import account_or_none
from shared.web.static_files import static_url

if TYPE_CHECKING:
    from shared.service import Resources

LANGUAGE_COOKIE = "lang"
FLASH_COOKIE = "showcase_flash"
_FLASH_LIMIT = 1_500

__all__ = ["ChainableUndefined", "Pages", "error_page", "flash", "language_of", "redirect"]


def language_of(request: Request) -> str:
    """ "th" or "en": the address (``?lang=``), else the cookie, else Thai."""
    wanted = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    return "en" if wanted == "en" else "th"


def flash(response: Response, th: str, en: str, *, kind: str = "good") -> None:
    """Show a message once, on the page that the browser sees next. ``kind``: good, note or late."""
    message = json.dumps([kind, th, en], ensure_ascii=False).encode()[:_FLASH_LIMIT]
    value = base64.urlsafe_b64encode(message).decode()
    response.set_cookie(FLASH_COOKIE, value, max_age=60, httponly=True, samesite="lax", path="/")


def redirect(target: str, *, th: str = "", en: str = "", kind: str = "good") -> RedirectResponse:
    """Post-redirect-get, with a message for the next page. ``target`` is a path of this origin."""
    response = RedirectResponse(safe_path(target), 303)
    if th or en:
        flash(response, th, en or th, kind=kind)
    return response


def _flash_of(request: Request) -> dict[str, str] | None:
    value = request.cookies.get(FLASH_COOKIE)
    if not value:
        return None
    try:
        kind, th, en = json.loads(base64.urlsafe_b64decode(value))
    except ValueError:
        return None
    return {"kind": str(kind), "th": str(th), "en": str(en)}


class Words:
    """What templates use to write in the reader's language."""

    def __init__(self, request: Request, language: str) -> None:
        self.request = request
        self.language = language

    def t(self, th: str | LocalizedText | None, en: str = "") -> str:
        """The Thai or the English text of the pair."""
        if th is None:
            return ""
        if isinstance(th, LocalizedText):
            return th.in_language(self.language)
        return en if self.language == "en" and en else th

    def telephone(self, number: str) -> str:
        """``0 2026 2333 ต่อ 5103`` or ``0 2026 2333 ext. 5103``."""
        return number.replace(" ต่อ ", " ext. ") if self.language == "en" else number

    def dt(self, instant: datetime | None, *, seconds: bool = False) -> str:
        """``5 ส.ค. 2565 เวลา 09.12 น.`` or ``5 Aug 2022, 09:12``, in Bangkok."""
        return "" if instant is None else dates.page_instant(instant, self.language, seconds=seconds)

    def date(self, day: datetime | calendar_date | None, *, long: bool = False) -> str:
        """``5 ส.ค. 2565`` or ``5 Aug 2022``, in Bangkok."""
        return "" if day is None else dates.page_date(day, self.language, long=long)

    def time(self, instant: datetime | None, *, seconds: bool = False) -> str:
        """``09.12 น.`` or ``09:12``, in Bangkok."""
        return "" if instant is None else dates.page_time(instant, self.language, seconds=seconds)

    def span(self, starts: datetime, ends: datetime) -> str:
        """``1 ก.ค. 2565 เวลา 13.30–15.00 น.``, ``5–10 ส.ค. 2565``."""
        return dates.page_span(starts, ends, self.language)

    def marks(self, milestones: Sequence[Milestone], now: datetime) -> list[Mark]:
        """The milestones as the timeline shows them."""
        return marks(milestones, now, self.language)

    def left(self, until: datetime, now: datetime) -> str:
        """How long there is left: ``2 วัน 4 ชั่วโมง``."""
        return dates.time_left(now, until, self.language)

    def csrf(self) -> Markup:
        """The hidden field that every form needs."""
        value = csrf.token(self.request)
        return Markup('<input type="hidden" name="{}" value="{}">').format(csrf.FIELD, value)

    def here(self, **changes: Any) -> str:
        """The present address with some of its parameters changed; None removes one."""
        url = self.request.url.include_query_params(
            **{name: value for name, value in changes.items() if value is not None}
        )
        url = url.remove_query_params([name for name, value in changes.items() if value is None])
        return f"{url.path}?{url.query}" if url.query else url.path


def number(value: float | None, places: int = 0) -> str:
    """``1,204,551``; empty for None."""
    return "" if value is None else f"{value:,.{places}f}"


@cache
def environment(package: str) -> Environment:
    """The Jinja environment of a package: its own templates first, then the shared ones."""
    loaders = [PackageLoader("shared.web", "templates")]
    if package != "shared.web":
        loaders.insert(0, PackageLoader(package, "templates"))
    env = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["number"] = number
    env.globals["static"] = static_url
    env.globals["Role"] = Role
    return env


class Pages:
    """The pages of one package. Templates extend ``layout.html`` and import ``macros.html with context``."""

    def __init__(self, package: str) -> None:
        """``package`` is e.g. ``services.intake``; its ``templates`` folder is searched first."""
        self.environment = environment(package)

    async def render(
        self,
        request: Request,
        template: str,
        context: Mapping[str, Any] | None = None,
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """Render ``template``.

        The layout also uses ``rulebook`` (else the contest of ``?contest=``, else the newest) and
        ``now`` (else the contest's clock) of the context, and ``errors`` for the error summary. An
        application without ``state.resources`` has pages without an account and a contest.
        """
        resources: Resources | None = getattr(request.app.state, "resources", None)
        language = language_of(request)
        words = Words(request, language)
        values: dict[str, Any] = {"errors": {}, **(context or {})}
        if resources is None:
            values = {"account": None, "rulebook": None, "now": None, **values}
        elif "account" not in values:
            values["account"] = await account_or_none(request)
        if resources is not None and ("rulebook" not in values or "now" not in values):
            found = await _contest(request, resources)
            values.setdefault("rulebook", found[0])
            values.setdefault("now", found[1])
        values |= {
            "request": request,
            "language": language,
            "flash": _flash_of(request),
            "path": request.url.path,
            "t": words.t,
            "telephone": words.telephone,
            "dt": words.dt,
            "date": words.date,
            "time": words.time,
            "span": words.span,
            "marks": words.marks,
            "left": words.left,
            "csrf": words.csrf,
            "here": words.here,
        }
        html = self.environment.get_template(template).render(values)
        response = HTMLResponse(html, status_code, dict(headers or {}))
        response.headers.setdefault("Content-Language", language)
        csrf.remember(request, response, request.app.state.settings)
        if request.query_params.get("lang") in ("th", "en"):
            remember_language(response, language)
        if FLASH_COOKIE in request.cookies:
            response.delete_cookie(FLASH_COOKIE, path="/")
        return response

    async def form(self, request: Request) -> FormData:
        """The submitted form.

        Raises:
            Forbidden: it was not sent from our own page.
        """
        form = await request.form()
        given = form.get(csrf.FIELD, "")
        csrf.check(request, given if isinstance(given, str) else "")
        return form


def field_errors(error: DomainError, language: str) -> dict[str, str]:
    """The messages of ``error`` by field, as the ``errors`` of a template wants them."""
    parts: Sequence[DomainError] = error.errors if isinstance(error, Invalid) and error.errors else (error,)
    return {part.field: part.in_language(language) for part in parts}


def remember_language(response: Response, language: str) -> None:
    """Keep the reader's language for a year."""
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=31_536_000, samesite="lax", path="/")


async def _contest(request: Request, resources: "Resources") -> tuple[Rulebook | None, datetime | None]:
    """The contest that the page is about and its time; nothing where none is published."""
    async with resources.database.transaction() as session:
        wanted = request.path_params.get("contest_id") or request.query_params.get("contest")
        contest_id = wanted or await known.current_contest(session)
        if contest_id is None:
            return None, None
        try:
            rulebook = await known.rulebook(session, contest_id)
        except NotFound:
            return None, None
        return rulebook, await resources.clock.now(session, contest_id)


async def error_page(
    request: Request,
    status: int,
    title: tuple[str, str],
    detail: tuple[str, str],
    *,
    errors: Sequence[ProblemError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page that says what went wrong and what to do."""
    context: dict[str, Any] = {
        "status": status,
        "error_title": title,
        "error_detail": detail,
        "problem_errors": errors,
        "reference": current_correlation_id(),
    }
    if status >= 500:  # the database may be the reason
        context |= {"account": None, "rulebook": None, "now": None}
    pages = Pages("shared.web")
    return await pages.render(request, "error.html", context, status_code=status, headers=headers)
