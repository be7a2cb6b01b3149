"""Staff's schedule of presentations: made in one step, changed by a form with a reason."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.scoring.handlers.presentations import (
    MovePresentation,
    SchedulePresentations,
    move_presentation,
    schedule_presentations,
    window,
)
from services.scoring.handlers.proposals import published
from services.scoring.pages.common import (
    PAGES,
    answer,
    contest_of,
    instant_of,
    keep_contest,
    local,
    render,
    text_of,
)
from services.scoring.repository import decisions, entries
from services.scoring.tables import DecisionKind
from shared.contracts.ids import SlotId
from shared.contracts.intake import Role
from shared.errors import Conflict, DomainError
from shared.service import Resources
from shared.web.sessions import Account, require

Reader = Annotated[Account, Depends(require(Role.STAFF, Role.APPROVER))]
Staff = Annotated[Account, Depends(require(Role.STAFF))]


def router(resources: Resources) -> APIRouter:
    """Pages under ``/staff/judging/presentations``."""
    pages = APIRouter(prefix="/staff/judging/presentations")

    @pages.get("")
    async def schedule(request: Request, account: Reader) -> Response:
        """The schedule."""
        return await _show(request)

    async def _show(request: Request, problem: DomainError | None = None) -> Response:
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            slots = await decisions.slots(session, contest.id)
            found = await entries.entries(session, contest.id, [slot.entry_id for slot in slots])
            shortlist = await published(session, contest.id, DecisionKind.SHORTLIST)
        by_id = {entry.entry_id: entry for entry in found}
        try:
            hours = window(contest.rulebook)
        except Conflict:
            hours = None
        context = {
            "rows": [
                {
                    "slot": slot,
                    "entry": by_id[slot.entry_id],
                    "local": local(slot.starts_at),
                    "state": "now"
                    if slot.starts_at <= contest.now < slot.ends_at
                    else ("done" if slot.ends_at <= contest.now else "next"),
                }
                for slot in slots
            ],
            "hours": hours,
            "shortlist": shortlist,
            "minutes": contest.rulebook.judging.slot_minutes.value,
            "count": len(shortlist.content["finalists"]) if shortlist else 0,
        }
        return await render(request, "staff/presentations.html", contest, context, problem=problem)

    @pages.post("")
    async def make(request: Request, account: Staff) -> Response:
        """Make the schedule."""
        form = await PAGES.form(request)

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                command = SchedulePresentations(contest.id, text_of(form, "meeting_url")[:500])
                await schedule_presentations(session, resources.clock, command)

        async def again(error: DomainError) -> Response:
            return await _show(request, error)

        target = keep_contest(request, "/staff/judging/presentations")
        return await answer(
            work(), again, target, ("จัดตารางแล้ว ผู้เข้ารอบได้รับแจ้ง", "Scheduled; the finalists are told.")
        )

    @pages.post("/{slot_id}/move")
    async def move(request: Request, slot_id: str, account: Staff) -> Response:
        """Move or swap one presentation."""
        form = await PAGES.form(request)

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                command = MovePresentation(
                    contest.id,
                    SlotId(slot_id),
                    instant_of(form, "starts_at"),
                    text_of(form, "reason")[:2_000],
                    swap=bool(text_of(form, "swap")),
                )
                await move_presentation(session, resources.clock, command)

        async def again(error: DomainError) -> Response:
            return await _show(request, error)

        target = keep_contest(request, "/staff/judging/presentations")
        return await answer(
            work(), again, target, ("ย้ายแล้ว ผู้เกี่ยวข้องได้รับแจ้งเหตุผล", "Moved; those concerned are told why.")
        )

    return pages
