"""The rehearsal's clock over HTTP, mounted by every service."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from shared import known
from shared.clock import set_rehearsal_clock
from shared.contracts.intake import Role
from shared.errors import Conflict
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, require

if TYPE_CHECKING:
    from shared.service import Resources


class ClockSetting(BaseModel):
    """The instant that it shall be now."""

    now: AwareDatetime = Field(
        ge=datetime(2000, 1, 1, tzinfo=UTC),
        lt=datetime(2100, 1, 1, tzinfo=UTC),
        description="from the year 2000 up to 2099",
    )


class ClockReading(BaseModel):
    contest_id: str
    now: AwareDatetime = Field(description="the contest's time in this service")


def clock_routes(service: str, resources: "Resources") -> APIRouter:
    """``GET`` and ``PUT /api/<service>/v1/contests/{contest_id}/clock``."""
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
            rulebook = await known.rulebook(session, contest_id)
            if not rulebook.rehearsal:
                raise Conflict(
                    "ตั้งเวลาได้เฉพาะการซ้อมเท่านั้น",
                    "Only the clock of a rehearsal can be set; this contest is real.",
                )
            await set_rehearsal_clock(session, contest_id, setting.now)
            return ClockReading(contest_id=contest_id, now=await resources.clock.now(session, contest_id))

    return router
