"""Notices and their mail: planned once, claimed by one dispatcher, settled with its answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select as sqlalchemy_select
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.domain.delivery import LEASE
from services.notify.domain.notices import NoticeState
from services.notify.tables import Mail, Notice
from shared.contracts.ids import new_id
from shared.contracts.notify import Channel
from shared.errors import NotFound

Json = dict[str, Any]

_CLAIM = text(
    """
    UPDATE notice SET lease_until = clock_timestamp() + :lease
    WHERE (contest_id, notice_id) IN (
        SELECT contest_id, notice_id FROM notice
        WHERE state = :state AND next_attempt_at <= clock_timestamp()
          AND (lease_until IS NULL OR lease_until < clock_timestamp())
        ORDER BY next_attempt_at LIMIT :limit
        FOR UPDATE SKIP LOCKED)
    RETURNING contest_id, notice_id
    """
)
"""Several dispatchers share the work: each takes rows that no other has locked or leased."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that this dispatcher may send until its lease ends."""

    contest_id: str
    notice_id: str
    address: str
    message: bytes
    message_id: str


async def plan(
    session: AsyncSession,
    *,
    contest_id: str,
    event_id: str,
    recipient: str,
    template: str,
    facts: Json,
    now: datetime,
    contact_id: str | None = None,
    entry_id: str | None = None,
    channel: Channel = Channel.EMAIL,
    correlation_id: str = "",
) -> bool:
    """Plan a notice; once per event, recipient and channel, however often the event comes.

    Returns:
        Whether it is new.
    """
    statement = insert(Notice).values(
        contest_id=contest_id,
        notice_id=new_id(),
        event_id=event_id,
        recipient=recipient,
        channel=channel,
        template=template,
        contact_id=contact_id,
        entry_id=entry_id,
        facts=facts,
        state=NoticeState.PLANNED,
        language="th",
        subject="",
        correlation_id=correlation_id,
        created_at=now,
        next_attempt_at=func.clock_timestamp(),
        attempts=0,
        last_error="",
        message_id="",
        handled_by="",
    )
    made = await session.execute(statement.on_conflict_do_nothing().returning(col(Notice.notice_id)))
    return made.first() is not None


async def claim(session: AsyncSession, state: NoticeState, limit: int) -> list[tuple[str, str]]:
    """Keys of notices in ``state`` that are due, leased to the caller."""
    rows = await session.execute(_CLAIM, {"lease": LEASE, "state": state.value, "limit": limit})
    return [(row.contest_id, row.notice_id) for row in rows]


async def claimed_mail(session: AsyncSession, keys: Sequence[tuple[str, str]]) -> list[Claimed]:
    """The mail of claimed notices."""
    if not keys:
        return []
    query = (
        sqlalchemy_select(
            col(Notice.contest_id),
            col(Notice.notice_id),
            col(Mail.address),
            col(Mail.message),
            col(Notice.message_id),
        )
        .join(
            Mail,
            (col(Mail.contest_id) == col(Notice.contest_id)) & (col(Mail.notice_id) == col(Notice.notice_id)),
        )
        .where(col(Notice.notice_id).in_([notice_id for _, notice_id in keys]))
    )
    return [Claimed(*row) for row in await session.execute(query)]


async def notice(session: AsyncSession, contest_id: str, notice_id: str, *, lock: bool = False) -> Notice:
    """One notice. Raises NotFound."""
    found = await session.get(Notice, (contest_id, notice_id), with_for_update=lock or None)
    if found is None:
        raise NotFound("ไม่พบรายการแจ้งนี้", "There is no such notice.", field="notice_id")
    return found


async def postpone(session: AsyncSession, notice: Notice, wait: timedelta, error: str) -> None:
    """Try again after ``wait``."""
    notice.attempts += 1
    notice.last_error = error[:500]
    notice.lease_until = None
    await session.flush()
    await session.execute(
        update(Notice)
        .where(col(Notice.contest_id) == notice.contest_id, col(Notice.notice_id) == notice.notice_id)
        .values(next_attempt_at=func.clock_timestamp() + wait)
    )


async def retry(session: AsyncSession, notice: Notice) -> None:
    """Staff ask for another attempt of a failed notice."""
    kept = await session.get(Mail, (notice.contest_id, notice.notice_id))
    notice.state = NoticeState.BUILT if kept else NoticeState.PLANNED
    notice.attempts = 0
    notice.last_error = ""
    notice.handled_by = ""
    notice.lease_until = None
    await session.flush()
    await session.execute(
        update(Notice)
        .where(col(Notice.contest_id) == notice.contest_id, col(Notice.notice_id) == notice.notice_id)
        .values(next_attempt_at=func.clock_timestamp())
    )


async def cancel(session: AsyncSession, contest_id: str, *, event_id: str = "", contact_id: str = "") -> None:
    """Tell nobody any more: the letter was voided, or the person erased."""
    where = [
        col(Notice.contest_id) == contest_id,
        col(Notice.state).in_((NoticeState.PLANNED, NoticeState.BUILT)),
    ]
    if event_id:
        where.append(col(Notice.event_id) == event_id)
    if contact_id:
        where.append(col(Notice.contact_id) == contact_id)
    await session.execute(update(Notice).where(*where).values(state=NoticeState.CANCELLED))


async def notices(session: AsyncSession, contest_id: str, *, contact_id: str = "") -> Sequence[Notice]:
    """Notices of the contest, the newest first; of one person where ``contact_id`` is given."""
    query = select(Notice).where(Notice.contest_id == contest_id)
    if contact_id:
        query = query.where(Notice.contact_id == contact_id)
    return (
        await session.exec(query.order_by(col(Notice.created_at).desc(), col(Notice.notice_id).desc()))
    ).all()


async def counts(session: AsyncSession, contest_id: str) -> dict[str, int]:
    """Notice state → how many."""
    query = (
        select(Notice.state, func.count()).where(Notice.contest_id == contest_id).group_by(col(Notice.state))
    )
    return dict((await session.exec(query)).all())


async def failed(session: AsyncSession, contest_id: str, limit: int = 50) -> Sequence[Notice]:
    """Failed notices that nobody has taken care of."""
    query = select(Notice).where(
        Notice.contest_id == contest_id, Notice.state == NoticeState.FAILED, Notice.handled_by == ""
    )
    return (await session.exec(query.order_by(col(Notice.created_at)).limit(limit))).all()
