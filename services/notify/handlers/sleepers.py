"""Reminders to offices that sleep: by working days, as the contest's rules say."""

from services.notify import repository
from services.notify.domain.cascade import reminder_due
from services.notify.register_rules import register_rules
from shared import known
from shared.clock import Clock
from shared.db import Database

TEMPLATE = "letter-reminder"


class Sleepers:
    """Run by the elected leader; safe to repeat, because each reminder is one notice."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def run(self, database: Database) -> int:
        """Plan what is due; how many offices are reminded."""
        async with database.transaction() as session:
            contests = await known.contests(session)
        return sum([await self._remind(database, contest_id) for contest_id in contests])

    async def _remind(self, database: Database, contest_id: str) -> int:
        found = register_rules(contest_id)
        reminded = 0
        async with database.transaction() as session:
            now = await self._clock.now(session, contest_id)
            for waiting in await repository.cascade.waiting(session, contest_id):
                level = found.level_of(waiting.level)
                due = reminder_due(
                    waiting.sent_at,
                    waiting.reminded_at,
                    waiting.reminders,
                    now,
                    asleep_after=level.asleep_after,
                    remind_every=level.remind_every,
                    most=level.reminders,
                )
                if not due:
                    continue
                waiting.reminders += 1
                waiting.reminded_at = now
                reminded += await repository.notices.plan(
                    session,
                    contest_id=contest_id,
                    event_id=f"reminder-{waiting.reminders}-{waiting.dispatch_id}",
                    recipient=f"dispatch:{waiting.dispatch_id}",
                    template=TEMPLATE,
                    facts={"dispatch_id": waiting.dispatch_id, "letter_id": waiting.letter_id},
                    now=now,
                )
        return reminded
