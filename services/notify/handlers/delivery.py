"""The outbox of mail: claim, build, send, settle; safe to kill at every step.

A mail is sent at least once. If the process dies between the server's answer and the commit, the lease ends,
the same bytes go out again, and the receiver sees one Message-ID.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain.delivery import ATTEMPTS, wait_before
from services.notify.domain.letters import DispatchState
from services.notify.domain.notices import NoticeState
from services.notify.handlers.mailing import Nobody, NotYet, build_notice
from services.notify.mail.transport import Line, Postponed, Refused, Transport
from services.notify.repository.notices import Claimed
from services.notify.tables import Notice
from shared.clock import Clock
from shared.contracts.ids import ContactId, ContestId, NoticeId
from shared.contracts.notify import Channel, NoticeFailed, NoticeSent
from shared.db import Database
from shared.errors import DomainError
from shared.messaging import publish
from shared.settings import Settings

BATCH = 40
LINES = 3
"""Connections to the SMTP server at once."""
log = logging.getLogger(__name__)


class Dispatcher:
    """Builds and sends what is due. Several may run at once: the database shares the work out."""

    def __init__(self, settings: Settings, clock: Clock, transport: Transport) -> None:
        self._settings = settings
        self._clock = clock
        self._transport = transport

    async def run(self, database: Database) -> None:
        """Build and send until nothing is due."""
        while await self.build_due(database) + await self.send_due(database):
            pass

    async def build_due(self, database: Database) -> int:
        """Build the mail of planned notices; returns how many were claimed."""
        async with database.transaction() as session:
            keys = await repository.notices.claim(session, NoticeState.PLANNED, BATCH)
        for contest_id, notice_id in keys:
            try:
                await build_notice(database, self._settings, contest_id, notice_id)
            except NotYet as reason:
                await self._settle(database, contest_id, notice_id, self._postponed(str(reason)))
            except Nobody:
                await self._settle(database, contest_id, notice_id, _cancelled)
            except (ValueError, DomainError) as error:
                log.warning("notice %s cannot be built: %s", notice_id, error)
                await self._settle(database, contest_id, notice_id, self._failed(str(error), permanent=True))
        return len(keys)

    async def send_due(self, database: Database) -> int:
        """Send the mail that is due; returns how many were claimed."""
        async with database.transaction() as session:
            keys = await repository.notices.claim(session, NoticeState.BUILT, BATCH)
            mails = await repository.notices.claimed_mail(session, keys)
        shares = [mails[start::LINES] for start in range(LINES)]
        await asyncio.gather(*(self._send_share(database, share) for share in shares if share))
        return len(keys)

    async def _send_share(self, database: Database, mails: Sequence[Claimed]) -> None:
        try:
            async with self._transport.line() as line:
                for mail in mails:
                    await self._send(database, line, mail)
        except Postponed as reason:
            for mail in mails:
                await self._settle(database, mail.contest_id, mail.notice_id, self._postponed(str(reason)))

    async def _send(self, database: Database, line: Line, mail: Claimed) -> None:
        try:
            await line.send(mail.address, mail.message)
        except Refused as reason:
            await self._settle(
                database, mail.contest_id, mail.notice_id, self._failed(str(reason), permanent=True)
            )
        except Postponed as reason:
            await self._settle(database, mail.contest_id, mail.notice_id, self._postponed(str(reason)))
        else:
            await self._settle(database, mail.contest_id, mail.notice_id, self._sent)

    async def _settle(
        self,
        database: Database,
        contest_id: str,
        notice_id: str,
        change: Callable[[AsyncSession, Notice], Awaitable[None]],
    ) -> None:
        """Write down what became of a notice, unless that is settled already."""
        async with database.transaction() as session:
            notice = await repository.notices.notice(session, contest_id, notice_id, lock=True)
            if notice.state in (NoticeState.PLANNED, NoticeState.BUILT):
                await change(session, notice)

    async def _sent(self, session: AsyncSession, notice: Notice) -> None:
        now = await self._clock.now(session, notice.contest_id)
        notice.state = NoticeState.SENT
        notice.sent_at = now
        notice.lease_until = None
        if notice.recipient.startswith("dispatch:"):
            row = await repository.letters.dispatch(session, notice.facts["dispatch_id"], lock=True)
            row.sent_at = now
            if row.state in (DispatchState.READY, DispatchState.FAILED):
                row.state = DispatchState.SENT
        await publish(
            session,
            NoticeSent(
                contest_id=ContestId(notice.contest_id),
                notice_id=NoticeId(notice.notice_id),
                contact_id=ContactId(notice.contact_id) if notice.contact_id else None,
                channel=Channel(notice.channel),
                template=notice.template,
                source_event_id=notice.event_id,
                message_id=notice.message_id,
                sent_at=now,
            ),
        )

    def _postponed(self, reason: str) -> Callable[[AsyncSession, Notice], Awaitable[None]]:
        async def change(session: AsyncSession, notice: Notice) -> None:
            if notice.attempts + 1 >= ATTEMPTS:
                await self._failed(reason, permanent=False)(session, notice)
            else:
                await repository.notices.postpone(session, notice, wait_before(notice.attempts + 1), reason)

        return change

    def _failed(self, reason: str, *, permanent: bool) -> Callable[[AsyncSession, Notice], Awaitable[None]]:
        async def change(session: AsyncSession, notice: Notice) -> None:
            now = await self._clock.now(session, notice.contest_id)
            notice.state = NoticeState.FAILED
            notice.attempts += 1
            notice.last_error = reason[:500]
            notice.lease_until = None
            if notice.recipient.startswith("dispatch:"):
                row = await repository.letters.dispatch(session, notice.facts["dispatch_id"], lock=True)
                if row.state in (DispatchState.READY, DispatchState.SENT):
                    row.state = DispatchState.FAILED
            await publish(
                session,
                NoticeFailed(
                    contest_id=ContestId(notice.contest_id),
                    notice_id=NoticeId(notice.notice_id),
                    contact_id=ContactId(notice.contact_id) if notice.contact_id else None,
                    channel=Channel(notice.channel),
                    template=notice.template,
                    source_event_id=notice.event_id,
                    reason=_without_address(reason),
                    permanent=permanent,
                    failed_at=now,
                ),
            )

        return change


async def _cancelled(session: AsyncSession, notice: Notice) -> None:
    notice.state = NoticeState.CANCELLED
    notice.lease_until = None


def _without_address(reason: str) -> str:
    """The server's words without any address: events carry no personal data."""
    return " ".join("…" if "@" in word else word for word in reason.split())[:300]
