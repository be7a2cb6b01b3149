"""Mail that comes back: the notice, the letter's addressee and the address learn of it."""

from collections.abc import Sequence
from datetime import timedelta
from email import message_from_bytes
from email.policy import default as modern

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain.bounces import Report, Verdict, reports_in
from services.notify.domain.keys import NotifyKeys, notice_of
from services.notify.domain.notices import NoticeState
from services.notify.handlers.delivery import suppress_address, undelivered, without_address
from services.notify.tables import Notice
from shared.clock import Clock
from shared.db import Database
from shared.messaging import publish

SOFT_LIMIT = 3
"""How often a mail may come back for now (4.x.x) before staff are asked to telephone."""
SOFT_WAIT = timedelta(hours=1)
"""Before the mail is sent again; it grows with each time."""


async def take_report(
    database: Database, clock: Clock, keys: NotifyKeys, recipients: Sequence[str], raw: bytes
) -> str:
    """What a report that came to a return path says, written down in one transaction; safe to repeat.

    Args:
        recipients: the envelope's; one of them is a return path of ours, else the report's own
            quotation of the Message-ID tells which mail it is about.

    Returns:
        What was done, in a word for the log: hard, soft, delayed, arrived, known, unknown or no-report.
    """
    reports = reports_in(message_from_bytes(raw, policy=modern))
    if not reports:
        return "no-report"
    report = reports[0]
    async with database.transaction() as session:
        notice = await _notice(session, keys, recipients, report)
        if notice is None:
            return "unknown"
        return await _apply(session, clock, notice, report)


async def _notice(
    session: AsyncSession, keys: NotifyKeys, recipients: Sequence[str], report: Report
) -> Notice | None:
    for address in recipients:
        if notice_id := notice_of(keys, address):
            return await repository.notices.by_id(session, notice_id)
    return await repository.notices.by_message_id(session, report.message_id)


async def _apply(session: AsyncSession, clock: Clock, notice: Notice, report: Report) -> str:
    now = await clock.now(session, notice.contest_id)
    detail = without_address(f"{report.status} {report.diagnostic}".strip())
    if report.verdict is Verdict.DELAYED:
        notice.last_error, notice.status = detail[:500], report.status
        return Verdict.DELAYED
    if report.verdict is Verdict.ARRIVED or notice.state not in (NoticeState.SENT, NoticeState.BUILT):
        return "known" if report.verdict is not Verdict.ARRIVED else Verdict.ARRIVED
    notice.status = report.status
    again = report.verdict is Verdict.SOFT and notice.bounces + 1 < SOFT_LIMIT
    if again and not await _was_posted(session, notice):
        if notice.state == NoticeState.BUILT:
            return "known"  # it waits for its next try already
        notice.bounces += 1
        notice.state = NoticeState.BUILT
        notice.last_error = detail[:500]
        await repository.steps.add_step(session, notice, "bounced", "system", now, detail)
        await repository.notices.wait(session, [(notice, SOFT_WAIT * notice.bounces)])
        return Verdict.SOFT
    notice.bounces += 1
    if report.address_dead:
        await suppress_address(session, notice, "bounced", report.status, detail, now)
    await repository.steps.add_step(session, notice, "bounced", "system", now, detail)
    hard = report.verdict is Verdict.HARD
    await publish(
        session, await undelivered(session, notice, NoticeState.BOUNCED, detail, now, permanent=hard)
    )
    return report.verdict


async def _was_posted(session: AsyncSession, notice: Notice) -> bool:
    """Whether the letter that the notice tells of went to its addressee by post meanwhile."""
    if not notice.recipient.startswith("dispatch:"):
        return False
    row = await repository.letters.dispatch(session, notice.facts["dispatch_id"])
    return row.posted_at is not None
