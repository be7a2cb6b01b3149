"""A rehearsal's calendar over HTTP: what its days bring, done at once instead of at a timer's next turn."""

from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter

from services.notify.http.common import PREFIX, Administrator, ContestPath
from shared import known
from shared.db import Database
from shared.errors import Conflict
from shared.service import Resources
from shared.web.clock_routes import ClockReading
from shared.web.problems import PROBLEMS

Round = Callable[[Database, str], Awaitable[object]]
"""Looks at the day of one contest, as a timer does for each."""


def router(resources: Resources, calendar: Sequence[Round]) -> APIRouter:
    """``calendar`` is what looks at the contest's day."""
    api = APIRouter(prefix=PREFIX, responses=PROBLEMS)

    @api.post("/contests/{contest_id}/clock/rounds", tags=["clock"])
    async def make_round(contest_id: ContestPath, account: Administrator) -> ClockReading:
        """Plan what the rehearsal's present day brings: reminders, digests, milestones. Answers when all of
        it is planned; safe to repeat, because each notice comes once. Whoever leaps through a calendar
        makes a round after each leap, and so misses no day on which it stopped."""
        async with resources.database.transaction() as session:
            if not (await known.rulebook(session, contest_id)).rehearsal:
                raise Conflict(
                    "สั่งรอบปฏิทินได้เฉพาะการซ้อมเท่านั้น",
                    "Rounds can be ordered in a rehearsal only; in a real contest they come by themselves.",
                )
        for look in calendar:
            await look(resources.database, contest_id)
        async with resources.database.transaction() as session:
            return ClockReading(contest_id=contest_id, now=await resources.clock.now(session, contest_id))

    return api
