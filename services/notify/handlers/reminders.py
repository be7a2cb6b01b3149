"""Reminders by the calendar: a draft that is not submitted 7, 3 and 1 days before closing."""

from datetime import timedelta

from services.notify.contest_files import contest_files
from services.notify.handlers.tell import Happening, tell
from services.notify.repository import progress
from shared import known
from shared.clock import Clock
from shared.contracts.rulebook import MilestoneKind
from shared.db import Database

EVENT = "ApplicationsClosing"


class Reminders:
    """Run by the elected leader; safe to repeat, because each reminder is one notice."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def run(self, database: Database) -> None:
        async with database.transaction() as session:
            contests = await known.contests(session)
        for contest_id in contests:
            await self._remind(database, contest_id)

    async def _remind(self, database: Database, contest_id: str) -> None:
        async with database.transaction() as session:
            rulebook = await known.rulebook(session, contest_id)
            closes_at = rulebook.milestone(MilestoneKind.APPLICATIONS).ends_at
            now = await self._clock.now(session, contest_id)
            days = {
                day
                for rule in contest_files(contest_id).rules()
                if rule.event == EVENT
                for day in rule.days_before
            }
            due = [day for day in days if closes_at - timedelta(days=day) <= now < closes_at]
            if not due:
                return
            # Only the nearest: whoever starts a day before closing is not reminded three times at once.
            day = min(due)
            for entry in await progress.drafts(session, contest_id):
                happening = Happening(
                    contest_id=contest_id,
                    event=EVENT,
                    event_id=f"closing-{day}-{entry.entry_id}",
                    entry_id=entry.entry_id,
                    days=day,
                    facts={"days": str(day)},
                )
                await tell(session, self._clock, happening)
