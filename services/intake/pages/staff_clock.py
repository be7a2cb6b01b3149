"""``/staff/clock``: an administrator moves a rehearsal through its calendar."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.intake.pages.common import PAGES, text_of
from shared import known
from shared.clock import BANGKOK
from shared.contracts.event import LocalizedText
from shared.contracts.intake import Role
from shared.contracts.rulebook import Rulebook
from shared.errors import Invalid
from shared.service import Resources
from shared.web.clock_routes import PAGE, instant_of
from shared.web.pages import field_errors, language_of, redirect
from shared.web.sessions import Account, require

Administrator = Annotated[Account, Depends(require(Role.ADMIN))]
_SOON = timedelta(minutes=1)
"""How long after an instant of the calendar one arrives, so that it is past."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A row of the calendar that one can go to."""

    name: LocalizedText
    begun: datetime
    ended: datetime | None
    """None for what has no length."""


def stops(rulebook: Rulebook) -> list[Stop]:
    """The calendar in its order."""
    rows = sorted(rulebook.milestones, key=lambda row: row.starts_at)
    return [
        Stop(row.name, row.starts_at + _SOON, row.ends_at + _SOON if row.ends_at > row.starts_at else None)
        for row in rows
    ]


def router(resources: Resources) -> APIRouter:
    """The page; its form, once it says a time, goes round all services: :mod:`shared.web.clock_routes`."""
    pages = APIRouter()

    @pages.get(PAGE)
    async def clock(request: Request, account: Administrator) -> Response:
        return await page(request, {})

    @pages.post(PAGE)
    async def check(request: Request, account: Administrator) -> Response:
        form = await PAGES.form(request)
        try:
            instant_of(text_of(form, "at"))
        except Invalid as error:
            return await page(request, field_errors(error, language_of(request)), status_code=error.status)
        return RedirectResponse(f"{PAGE}/intake", 307)

    async def page(request: Request, errors: dict[str, str], *, status_code: int = 200) -> Response:
        async with resources.database.transaction() as session:
            contest_id = request.query_params.get("contest") or await known.current_contest(session)
            if contest_id is None:
                return redirect("/staff/contest")
            rulebook = await known.rulebook(session, contest_id.replace("\0", ""))
            now = await resources.clock.now(session, rulebook.contest_id)
        context = {
            "rulebook": rulebook,
            "now": now,
            "stops": stops(rulebook),
            "local": now.astimezone(BANGKOK).strftime("%Y-%m-%dT%H:%M"),
            "errors": errors,
        }
        return await PAGES.render(request, "staff_clock.html", context, status_code=status_code)

    return pages
