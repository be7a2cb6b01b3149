"""The daily digest: what is late, for staff, and what was collected for a person. Not sent when empty."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.notices import NoticeState, Rule
from services.notify.handlers.board import board_of
from services.notify.handlers.gathering import Material, Nobody, gather_all
from services.notify.handlers.mailing import text_of
from services.notify.handlers.tell import Happening, recipients
from services.notify.handlers.todos import LATE
from services.notify.mail.build import words_of
from services.notify.tables import Notice
from shared import known
from shared.clock import BANGKOK, Clock
from shared.db import Database
from shared.errors import DomainError
from shared.settings import Settings

EVENT = "DailyDigest"
Line = dict[str, str]
"""One line in both languages."""


class Digests:
    """Makes each person's digest once a day, at the hour of the table; run by the elected leader."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings

    async def run(self, database: Database) -> None:
        async with database.transaction() as session:
            contests = await known.contests(session)
        for contest_id in contests:
            await self.run_contest(database, contest_id)

    async def run_contest(self, database: Database, contest_id: str) -> None:
        """Make one contest's digests, where their hour has come."""
        for rule in contest_files(contest_id).rules():
            if rule.event == EVENT and rule.at is not None:
                await self._day(database, contest_id, rule)

    async def _day(self, database: Database, contest_id: str, rule: Rule) -> None:
        async with database.transaction() as session:
            now = (await self._clock.now(session, contest_id)).astimezone(BANGKOK)
            if rule.at is None or now.time() < rule.at:
                return
            if await repository.sending.digest_made(session, contest_id, now.date()):
                return
        board = await board_of(database, self._clock, contest_id)
        late = [
            {"th": f"{todo.title.th} – {todo.hint.th}", "en": f"{todo.title.en} – {todo.hint.en}"}
            for todo in board.todos
            if todo.kind == LATE
        ]
        async with database.transaction() as session:
            if await repository.sending.begin_digest(session, contest_id, now.date()):
                await self._tell_all(session, contest_id, rule, late, now)

    async def _tell_all(
        self, session: AsyncSession, contest_id: str, rule: Rule, late: Sequence[Line], now: datetime
    ) -> None:
        happening = Happening(contest_id=contest_id, event=EVENT, event_id="")
        audience = await recipients(session, rule.audience, happening)
        lines: dict[str, list[Line]] = {one.contact_id: list(late) for one in audience if one.contact_id}
        for contact_id, line, notice in await self._collected(session, contest_id):
            lines.setdefault(contact_id, []).append(line)
            notice.state = NoticeState.DIGESTED
            notice.contact_id = contact_id
            notice.subject = line[notice.language]
        for contact_id, items in lines.items():
            if items:
                facts: dict[str, Any] = {
                    "digest.count": str(len(items)),
                    "digest.items": {"list": items},
                    "digest.day": {"day": now.isoformat()},
                }
                await repository.notices.plan(
                    session,
                    contest_id=contest_id,
                    event_id=f"digest-{now.date()}",
                    recipient=f"contact:{contact_id}",
                    contact_id=contact_id,
                    channel=rule.channel,
                    template=rule.template,
                    event=EVENT,
                    facts=facts,
                    now=await self._clock.now(session, contest_id),
                )

    async def _collected(self, session: AsyncSession, contest_id: str) -> list[tuple[str, Line, Notice]]:
        """What waits for a digest: whose it is, its line, and its row. What cannot be said yet waits on."""
        waiting = await repository.notices.in_state(session, contest_id, NoticeState.COLLECTED)
        materials, problems = await gather_all(session, waiting, self._settings)
        found = []
        for notice in waiting:
            key = (notice.contest_id, notice.notice_id)
            if isinstance(problems.get(key), Nobody):
                notice.state = NoticeState.CANCELLED
            material: Material | None = materials.get(key)
            if material is None or material.contact is None:
                continue
            try:
                subject = words_of(text_of(notice, material.language), material.facts).subject
            except DomainError as error:
                notice.state, notice.last_error = NoticeState.FAILED, error.en
                continue
            notice.language = material.language
            found.append((material.contact.contact_id, {"th": subject, "en": subject}, notice))
        return found
