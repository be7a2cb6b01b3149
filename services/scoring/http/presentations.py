"""The presentations' schedule."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from services.scoring.handlers.presentations import (
    MovePresentation,
    SchedulePresentations,
    move_presentation,
    schedule_presentations,
)
from services.scoring.http.fields import PREFIX, ContestPath, NoNul, Reason, SlotPath
from services.scoring.repository import decisions
from services.scoring.tables import PresentationSlot
from shared import known
from shared.contracts.ids import CategoryId, ContestId, EntryId, SlotId
from shared.contracts.intake import Role
from shared.service import Resources
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, require

Staff = Annotated[Account, Depends(require(Role.STAFF))]
StaffOrJudge = Annotated[Account, Depends(require(Role.STAFF, Role.JUDGE, Role.APPROVER))]


class ScheduleOrder(BaseModel):
    meeting_url: Annotated[str, Field(max_length=500), NoNul] = Field(
        default="", description="where to meet; empty = the milestone's address"
    )


class SlotView(BaseModel):
    slot_id: SlotId
    revision: int
    entry_id: EntryId
    category_id: CategoryId
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    meeting_url: str

    @classmethod
    def of(cls, row: PresentationSlot) -> "SlotView":
        """The slot as the API shows it."""
        return cls.model_validate(row.model_dump())


class Move(BaseModel):
    starts_at: AwareDatetime
    reason: Reason
    swap: bool = Field(default=False, description="a single presentation in the way takes the old time")


def router(resources: Resources) -> APIRouter:
    """Routes about presentations."""
    api = APIRouter(
        prefix=f"{PREFIX}/contests/{{contest_id}}/presentations", tags=["presentations"], responses=PROBLEMS
    )

    @api.post("", status_code=201)
    async def schedule(
        contest_id: ContestPath, account: Staff, order: ScheduleOrder | None = None
    ) -> list[SlotView]:
        """Give every finalist a slot within the milestone, category by category."""
        command = SchedulePresentations(ContestId(contest_id), order.meeting_url if order else "")
        async with resources.database.transaction() as session:
            rows = await schedule_presentations(session, resources.clock, command)
        return [SlotView.of(row) for row in rows]

    @api.get("")
    async def read(contest_id: ContestPath, account: StaffOrJudge) -> list[SlotView]:
        """The schedule in the order of time."""
        async with resources.database.transaction() as session:
            await known.rulebook(session, contest_id)
            return [SlotView.of(row) for row in await decisions.slots(session, contest_id)]

    @api.post("/{slot_id}/move")
    async def move(
        contest_id: ContestPath, slot_id: SlotPath, change: Move, account: Staff
    ) -> list[SlotView]:
        """Move one presentation, or swap it with another, with a reason that the finalists read.

        Answers the slots that changed.
        """
        command = MovePresentation(
            ContestId(contest_id), SlotId(slot_id), change.starts_at, change.reason, change.swap
        )
        async with resources.database.transaction() as session:
            rows = await move_presentation(session, resources.clock, command)
        return [SlotView.of(row) for row in rows]

    return api
