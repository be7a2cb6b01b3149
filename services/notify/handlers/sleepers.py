"""Reminders to offices that sleep: by working days, as the contest's rules say."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain.cascade import reminder_due
from services.notify.register_rules import register_rules
from services.notify.tables import Dispatch
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
        return sum([await self.run_contest(database, contest_id) for contest_id in contests])

    async def run_contest(self, database: Database, contest_id: str) -> int:
        """Plan what is due in one contest; how many offices are reminded."""
        async with database.transaction() as session:
            now = await self._clock.now(session, contest_id)
            waiting = await repository.cascade.waiting(session, contest_id)
        due = [row.dispatch_id for row in waiting if self._due(row, now)]
        if not due:
            return 0
        async with database.transaction() as session:
            return sum([await self._plan(session, dispatch_id, now) for dispatch_id in due])

    def _due(self, waiting: Dispatch, now: datetime) -> bool:
        level = register_rules(waiting.contest_id).level_of(waiting.level)
        return reminder_due(
            waiting.sent_at,
            waiting.reminded_at,
            waiting.reminders,
            now,
            asleep_after=level.asleep_after,
            remind_every=level.remind_every,
            most=level.reminders,
        )

    async def _plan(self, session: AsyncSession, dispatch_id: str, now: datetime) -> bool:
        row = await repository.letters.dispatch(session, dispatch_id, lock=True)
        if row.acknowledged_at is not None or not self._due(row, now):  # somebody else was here meanwhile
            return False
        row.reminders += 1
        row.reminded_at = now
        return await repository.notices.plan(
            session,
            contest_id=row.contest_id,
            event_id=f"reminder-{row.reminders}-{row.dispatch_id}",
            recipient=f"dispatch:{row.dispatch_id}",
            template=TEMPLATE,
            facts={"dispatch_id": row.dispatch_id, "letter_id": row.letter_id},
            contact_id=row.contact_id or None,
            now=now,
        )
