"""The judge's home, and presentation day."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.scoring.handlers.queue import invited_judge, own_queue
from services.scoring.pages.common import chosen_queue, contest_of, render
from services.scoring.pages.conflicts import unchecked_entries
from services.scoring.repository import decisions, entries, judges
from services.scoring.tables import EntryState
from shared.contracts.intake import Role
from shared.contracts.scoring import Round
from shared.service import Resources
from shared.web.sessions import Account, require

JudgeAccount = Annotated[Account, Depends(require(Role.JUDGE))]


def router(resources: Resources) -> APIRouter:
    """Pages under ``/judge`` that only show."""
    pages = APIRouter(prefix="/judge")

    @pages.get("")
    async def home(request: Request, account: JudgeAccount) -> Response:
        """The invitation, or the queue with its progress."""
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            judge = await judges.judge_of(session, contest.id, account.contact_id)
            if judge is None:
                return await render(request, "judge/uninvited.html", contest, {})
            if judge.accepted_at is None:
                return await render(request, "judge/invitation.html", contest, {"judge": judge})
            queues = [
                await own_queue(session, resources.clock, contest.id, account.contact_id, each)
                for each in (Round.SECOND, Round.FIRST)
            ]
            unchecked = await unchecked_entries(session, contest, judge)
            slots = await decisions.slots(session, contest.id)
        wanted = request.query_params.get("round")
        queue = chosen_queue(queues, wanted)
        context = {
            "judge": judge,
            "queue": queue,
            "rounds": [each for each in reversed(queues) if each.items],
            "unchecked": unchecked,
            "presents": bool(slots),
        }
        return await render(request, "judge/queue.html", contest, context)

    @pages.get("/presentations")
    async def presentations(request: Request, account: JudgeAccount) -> Response:
        """Presentation day: what is on now, what is next, and how long until the scores lock."""
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            judge = await invited_judge(session, contest.id, account.contact_id)
            slots = await decisions.slots(session, contest.id)
            found = await entries.entries(session, contest.id, [slot.entry_id for slot in slots])
            queue = await own_queue(session, resources.clock, contest.id, account.contact_id, Round.SECOND)
            recused = {row.entry_id for row in await judges.recusals(session, contest.id, judge.judge_id)}
        by_id = {entry.entry_id: entry for entry in found}
        mine = {item.desk.entry.entry_id: item for item in queue.items}
        rows = [
            {
                "slot": slot,
                "entry": by_id[slot.entry_id],
                "item": mine.get(slot.entry_id),
                "recused": slot.entry_id in recused,
                "state": "now"
                if slot.starts_at <= contest.now < slot.ends_at
                else ("done" if slot.ends_at <= contest.now else "next"),
            }
            for slot in slots
            if by_id[slot.entry_id].state == EntryState.ACCEPTED
        ]
        context = {
            "rows": rows,
            "current": next((row for row in rows if row["state"] == "now"), None),
            "upcoming": next((row for row in rows if row["state"] == "next"), None),
        }
        return await render(request, "judge/presentations.html", contest, context)

    return pages
