"""The rehearsal's clock over HTTP, mounted by every service."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AwareDatetime, BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import known
from shared.clock import BANGKOK, set_rehearsal_clock
from shared.contracts.intake import Role
from shared.errors import Conflict, Invalid
from shared.settings import SERVICE_NAMES, ServiceName
from shared.web.pages import Pages, redirect
from shared.web.problems import PROBLEMS
from shared.web.routes import joined
from shared.web.sessions import Account, require

if TYPE_CHECKING:
    from shared.service import Resources


PAGE = "/staff/clock"
"""Where an administrator moves the clock: a page of intake, which also takes the form first."""
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_PAGES = Pages("shared.web")


class ClockSetting(BaseModel):
    """The instant that it shall be now."""

    now: AwareDatetime = Field(
        ge=_EARLIEST,
        lt=_LATEST,
        description="from the year 2000 up to 2099",
    )


class ClockReading(BaseModel):
    contest_id: str
    now: AwareDatetime = Field(description="the contest's time in this service")


def clock_routes(service: ServiceName, resources: "Resources") -> APIRouter:
    """``GET`` and ``PUT /api/<service>/v1/contests/{contest_id}/clock``, and this service's step of the
    page."""
    router = APIRouter(
        prefix=f"/api/{service}/v1/contests/{{contest_id}}/clock", tags=["clock"], responses=PROBLEMS
    )

    @router.get("")
    async def read_clock(contest_id: str) -> ClockReading:
        """The contest's time, which differs from real time only in a rehearsal."""
        async with resources.database.transaction() as session:
            await known.rulebook(session, contest_id)
            return ClockReading(contest_id=contest_id, now=await resources.clock.now(session, contest_id))

    @router.put("")
    async def set_clock(
        contest_id: str,
        setting: ClockSetting,
        account: Annotated[Account, Depends(require(Role.ADMIN))],
    ) -> ClockReading:
        """Move the clock of a rehearsal."""
        async with resources.database.transaction() as session:
            await _move(session, contest_id, setting.now)
            return ClockReading(contest_id=contest_id, now=await resources.clock.now(session, contest_id))

    return joined(router, _step(service, resources))


def _step(service: ServiceName, resources: "Resources") -> APIRouter:
    """``POST /staff/clock/<service>``: move this service's clock and hand the browser's form on to the next.

    Each service has its own clock and none may ask another, so the form itself goes round (307): one
    press moves all of them, without script. Pressed again, it does the same.
    """
    router = APIRouter(include_in_schema=False)

    @router.post(f"{PAGE}/{service}")
    async def move_on(
        request: Request, account: Annotated[Account, Depends(require(Role.ADMIN))]
    ) -> Response:
        form = await _PAGES.form(request)
        contest_id, at = (str(form.get(name, ""))[:100].replace("\0", "") for name in ("contest", "at"))
        async with resources.database.transaction() as session:
            await _move(session, contest_id, instant_of(at))
        after = SERVICE_NAMES[SERVICE_NAMES.index(service) + 1 :]
        if after:
            return RedirectResponse(f"{PAGE}/{after[0]}", 307)
        return redirect(
            f"{PAGE}?contest={quote(contest_id)}", th="ตั้งเวลาของการซ้อมแล้ว", en="The rehearsal's clock is set."
        )

    return router


def instant_of(text: str) -> datetime:
    """The instant of a form: ISO 8601, in Bangkok where it names no offset.

    Raises:
        Invalid: it is none, or outside of the years 2000 to 2099.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = _LATEST
    found = found if found.tzinfo else found.replace(tzinfo=BANGKOK)
    if not _EARLIEST <= found < _LATEST:
        raise Invalid(
            "เลือกวันและเวลาตั้งแต่ พ.ศ. 2543 ถึง 2642", "Choose a day and an hour from 2000 to 2099.", field="at"
        )
    return found


async def _move(session: AsyncSession, contest_id: str, now: datetime) -> None:
    rulebook = await known.rulebook(session, contest_id)
    if not rulebook.rehearsal:
        raise Conflict(
            "ตั้งเวลาได้เฉพาะการซ้อมเท่านั้น", "Only the clock of a rehearsal can be set; this contest is real."
        )
    await set_rehearsal_clock(session, contest_id, now)
