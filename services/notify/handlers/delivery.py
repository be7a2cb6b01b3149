"""The outbox: claim, build, send, settle; safe to kill at every step.

A notice is sent at least once. If the process dies between the server's answer and the commit, the
lease ends, the same bytes go out again, and the receiver sees one Message-ID.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.channels import Sender
from services.notify.domain.delivery import ATTEMPTS, Outcome, Pace, QuietHours, Result, wait_before
from services.notify.domain.keys import NotifyKeys
from services.notify.domain.letters import LOST, DispatchState
from services.notify.domain.notices import NoticeState
from services.notify.handlers.gathering import Nobody, NotYet
from services.notify.handlers.letters import bounce_when_none_arrived
from services.notify.handlers.mailing import build_notices
from services.notify.metrics import NOTICES
from services.notify.repository.notices import Claimed, Due, Key
from services.notify.tables import Notice
from shared.clock import Clock
from shared.contracts.event import Event
from shared.contracts.ids import ContactId, ContestId, NoticeId
from shared.contracts.notify import Channel, NoticeFailed, NoticeSent
from shared.db import Database
from shared.errors import DomainError
from shared.messaging import publish_all
from shared.settings import Settings

BUILD_BATCH = 100
SEND_BATCH = 200
log = logging.getLogger(__name__)


class Dispatcher:
    """Builds and sends what is due. Several may run at once: the database shares the work out."""

    def __init__(
        self, settings: Settings, clock: Clock, keys: NotifyKeys, senders: Mapping[Channel, Sender]
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._keys = keys
        self._senders = senders
        self._quiet = QuietHours.parse(settings.quiet_hours)
        self._whole = _pace(settings.mail_per_second)
        self._each = _pace(settings.mail_per_domain_per_second)

    async def run(self, database: Database) -> None:
        """Build and send until nothing is due."""
        while await self.build_due(database) + await self.send_all(database):
            pass

    async def build_due(self, database: Database) -> int:
        """Build the mail of planned notices; returns how many were claimed."""
        async with database.transaction() as session:
            due = await repository.notices.claim(session, NoticeState.PLANNED, BUILD_BATCH)
        if not due:
            return 0
        keys = [one.key for one in due]
        problems = await build_notices(database, self._settings, self._keys, keys)
        if problems:
            await self._settle_problems(database, problems)
        await self._hand_over_in_app(database, keys)
        return len(due)

    async def send_all(self, database: Database) -> int:
        """Send what is due, each channel beside the others."""
        return sum(await asyncio.gather(*(self.send_due(database, channel) for channel in self._senders)))

    async def send_due(self, database: Database, channel: Channel = Channel.EMAIL) -> int:
        """Send what is due on one channel; returns how many were claimed and may leave now."""
        async with database.transaction() as session:
            quiet = await self._quiet_contests(session)
            due: Sequence[Due] = await repository.notices.claim(
                session, NoticeState.BUILT, SEND_BATCH, channels=[channel], quiet=quiet
            )
            if channel is Channel.EMAIL:
                due, later = await repository.sending.allotted(session, channel, due, self._whole, self._each)
                if later:
                    await repository.notices.put_back(
                        session, [key for key, _ in later], [at for _, at in later]
                    )
            mails, stopped = await self._claimed(session, channel, [one.key for one in due])
        if stopped:
            await self._settle(database, stopped)
        if mails:
            await self._senders[channel].deliver(mails, lambda outcomes: self._settle(database, outcomes))
        return len(due)

    async def _quiet_contests(self, session: AsyncSession) -> list[str]:
        if self._quiet.starts is None:
            return []
        contests = await repository.notices.due_contests(session)
        return [one for one in contests if self._quiet.quiet(await self._clock.now(session, one))]

    async def _claimed(
        self, session: AsyncSession, channel: Channel, keys: Sequence[Key]
    ) -> tuple[list[Claimed], list[tuple[Key, Outcome]]]:
        """The mails to send, and those that the suppression list stops."""
        if channel is not Channel.EMAIL:
            return [Claimed(*key, address="", message=b"", message_id="", recipient="") for key in keys], []
        mails = await repository.notices.claimed_mail(session, keys)
        listed = await repository.sending.suppressed(
            session, [(mail.contest_id, mail.address) for mail in mails]
        )
        stopped = []
        for mail in mails:
            row = listed.get((mail.contest_id, mail.address.casefold()))
            if row is not None:
                reason = f"the address is suppressed: {row.reason} {row.status}".strip()
                stopped.append((mail.key, Outcome(Result.REFUSED, reason, row.status)))
        held = {key for key, _ in stopped}
        return [mail for mail in mails if mail.key not in held], stopped

    async def _hand_over_in_app(self, database: Database, keys: Sequence[Key]) -> None:
        """What is read in the system has arrived once it is built."""
        async with database.transaction() as session:
            notices = await repository.notices.locked(session, keys)
            arrived = [
                (key, row)
                for key, row in notices.items()
                if row.state == NoticeState.BUILT and row.channel == Channel.IN_APP
            ]
            await publish_all(session, [await self._sent(session, row) for _, row in arrived])

    async def _settle_problems(self, database: Database, problems: Mapping[Key, Exception]) -> None:
        outcomes = []
        async with database.transaction() as session:
            notices = await repository.notices.locked(session, list(problems))
            for key, problem in problems.items():
                if isinstance(problem, Nobody) and notices[key].state == NoticeState.PLANNED:
                    notices[key].state = NoticeState.CANCELLED
                    notices[key].last_error = str(problem)
                    notices[key].lease_until = None
                    if notices[key].recipient.startswith("dispatch:"):
                        await _to_be_printed(session, notices[key])
        for key, problem in problems.items():
            if isinstance(problem, NotYet):
                outcomes.append((key, Outcome(Result.POSTPONED, str(problem))))
            elif not isinstance(problem, Nobody):
                log.warning("notice %s cannot be built: %s", key[1], problem)
                text = problem.en if isinstance(problem, DomainError) else str(problem)
                outcomes.append((key, Outcome(Result.REFUSED, text)))
        await self._settle(database, outcomes)

    async def _settle(self, database: Database, outcomes: Sequence[tuple[Key, Outcome]]) -> None:
        """Write down what became of notices, unless that is settled already; all in one transaction."""
        async with database.transaction() as session:
            notices = await repository.notices.locked(session, [key for key, _ in outcomes])
            events: list[Event] = []
            waiting: list[tuple[Notice, timedelta]] = []
            for key, outcome in outcomes:
                notice = notices.get(key)
                if notice is None or notice.state not in (NoticeState.PLANNED, NoticeState.BUILT):
                    continue
                notice.status = outcome.status or notice.status
                NOTICES.labels(notice.channel, outcome.result.value).inc()
                if outcome.result is Result.DELIVERED:
                    events.append(await self._sent(session, notice))
                elif outcome.result is Result.POSTPONED and notice.attempts + 1 < ATTEMPTS:
                    waiting.append((notice, _postpone(notice, outcome)))
                else:
                    events.append(await self._failed(session, notice, outcome))
            await repository.notices.wait(session, waiting)
            await publish_all(session, events)

    async def _sent(self, session: AsyncSession, notice: Notice) -> Event:
        now = await self._clock.now(session, notice.contest_id)
        notice.state = NoticeState.SENT
        notice.sent_at = now
        notice.lease_until = None
        notice.last_error = ""
        if notice.recipient.startswith("dispatch:"):
            row = await repository.letters.dispatch(session, notice.facts["dispatch_id"], lock=True)
            if row.state in (DispatchState.READY, DispatchState.FAILED, DispatchState.BOUNCED):
                row.state = DispatchState.SENT
                row.sent_at = now
        return NoticeSent(
            contest_id=ContestId(notice.contest_id),
            notice_id=NoticeId(notice.notice_id),
            contact_id=ContactId(notice.contact_id) if notice.contact_id else None,
            channel=Channel(notice.channel),
            template=notice.template,
            source_event_id=notice.event_id,
            message_id=notice.message_id,
            sent_at=now,
        )

    async def _failed(self, session: AsyncSession, notice: Notice, outcome: Outcome) -> Event:
        now = await self._clock.now(session, notice.contest_id)
        notice.attempts += 1
        if outcome.address_dead:
            await suppress_address(session, notice, "refused", outcome.status, outcome.reason, now)
        permanent = outcome.result is Result.REFUSED
        return await undelivered(
            session, notice, NoticeState.FAILED, outcome.reason, now, permanent=permanent
        )


async def _to_be_printed(session: AsyncSession, notice: Notice) -> None:
    """Whom the letter was to be mailed to was erased: it goes by post."""
    row = await repository.letters.dispatch(session, notice.facts["dispatch_id"], lock=True)
    if row.state in (DispatchState.READY, *LOST):
        row.state = DispatchState.PRINT


def _postpone(notice: Notice, outcome: Outcome) -> timedelta:
    notice.attempts += 1
    notice.last_error = without_address(outcome.reason)
    notice.lease_until = None
    return max(wait_before(notice.attempts), outcome.wait)


def _pace(per_second: float) -> Pace:
    return Pace(per_second, max(1, round(per_second * 2)))


async def suppress_address(
    session: AsyncSession, notice: Notice, reason: str, status: str, detail: str, now: datetime
) -> None:
    """Put the address of a notice's mail on the list."""
    mail = await repository.people.mail_of(session, notice)
    if mail is None or not mail.address:
        return
    await repository.sending.suppress(
        session,
        contest_id=notice.contest_id,
        address=mail.address,
        reason=reason,
        status=status,
        detail=without_address(detail),
        notice_id=notice.notice_id,
        now=now,
    )


async def undelivered(
    session: AsyncSession, notice: Notice, state: NoticeState, reason: str, now: datetime, *, permanent: bool
) -> NoticeFailed:
    """A notice did not arrive: its state, that of the letter's addressee unless it was posted there, and the
    event that tells of it. Where the letter was posted meanwhile, nobody need telephone."""
    reason = without_address(reason)
    notice.state = state
    notice.last_error = reason
    notice.lease_until = None
    handled_by, notice.handled_by = notice.handled_by, ""
    if notice.recipient.startswith("dispatch:"):
        row = await repository.letters.dispatch(session, notice.facts["dispatch_id"], lock=True)
        if row.posted_at is not None:
            notice.handled_by = handled_by or "system"
            if not handled_by:
                await repository.steps.add_step(session, notice, "posted", "system", now)
        elif row.state in (DispatchState.READY, DispatchState.SENT):
            bounced = state is NoticeState.BOUNCED
            row.state = DispatchState.BOUNCED if bounced else DispatchState.FAILED
            await bounce_when_none_arrived(session, row, reason, now)
    return NoticeFailed(
        contest_id=ContestId(notice.contest_id),
        notice_id=NoticeId(notice.notice_id),
        contact_id=ContactId(notice.contact_id) if notice.contact_id else None,
        channel=Channel(notice.channel),
        template=notice.template,
        source_event_id=notice.event_id,
        reason=reason,
        permanent=permanent,
        failed_at=now,
    )


def without_address(reason: str) -> str:
    """The server's words without any address: events and the register of letters carry no personal data."""
    return " ".join("…" if "@" in word else word for word in reason.split())[:300]
