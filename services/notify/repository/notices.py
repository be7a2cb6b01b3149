"""Notices and their mail: planned once, claimed by one dispatcher, settled with its answer."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, String, any_, literal, text
from sqlalchemy import select as sqlalchemy_select
from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.domain.delivery import LEASE
from services.notify.domain.notices import UNDELIVERED, WAITING, NoticeState
from services.notify.repository.locking import for_update
from services.notify.tables import Mail, Notice
from shared.contracts.ids import new_id
from shared.contracts.notify import Channel
from shared.errors import NotFound

Json = dict[str, Any]
Key = tuple[str, str]
"""Contest and notice."""

_PLAN = text(
    """
    INSERT INTO notice (
        contest_id, notice_id, event_id, recipient, channel, template, event, contact_id, entry_id, facts,
        state, correlation_id, review, reminder, urgent, created_at, next_attempt_at,
        language, subject, reviewed_by, attempts, bounces, domain, status, last_error, message_id, handled_by)
    SELECT contest_id, notice_id, event_id, recipient, channel, template, event, contact_id, entry_id, facts,
        state, correlation_id, review, reminder, urgent, CAST(:now AS timestamptz), clock_timestamp(),
        'th', '', '', 0, 0, '', '', '', '', ''
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS wanted(
        contest_id varchar, notice_id varchar, event_id varchar, recipient varchar, channel varchar,
        template varchar, event varchar, contact_id varchar, entry_id varchar, facts jsonb, state varchar,
        correlation_id varchar, review boolean, reminder boolean, urgent boolean)
    ON CONFLICT DO NOTHING
    RETURNING notice_id
    """
)
"""All notices of an event in one statement: a decision may have ten thousand readers."""
_CLAIM = text(
    """
    UPDATE notice SET lease_until = clock_timestamp() + :lease
    WHERE (contest_id, notice_id) IN (
        SELECT contest_id, notice_id FROM notice
        WHERE state = :state AND channel = ANY(:channels) AND next_attempt_at <= clock_timestamp()
          AND (lease_until IS NULL OR lease_until < clock_timestamp())
          AND (urgent OR contest_id <> ALL(:quiet))
        ORDER BY urgent DESC, next_attempt_at, notice_id LIMIT :limit
        FOR UPDATE SKIP LOCKED)
    RETURNING contest_id, notice_id, domain, urgent, next_attempt_at
    """
)
"""Several dispatchers share the work: each takes rows that no other has locked or leased."""


@dataclass(frozen=True, slots=True)
class Due:
    """A notice that this dispatcher has leased."""

    contest_id: str
    notice_id: str
    domain: str
    urgent: bool
    next_attempt_at: datetime

    @property
    def key(self) -> Key:
        return self.contest_id, self.notice_id


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that this dispatcher may send until its lease ends."""

    contest_id: str
    notice_id: str
    address: str
    message: bytes
    message_id: str
    recipient: str

    @property
    def key(self) -> Key:
        return self.contest_id, self.notice_id


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
    event: str = "",
    state: NoticeState = NoticeState.PLANNED,
    review: bool = False,
    reminder: bool = False,
    urgent: bool = False,
) -> bool:
    """Plan a notice; once per event, recipient and channel, however often the event comes.

    Returns:
        Whether it is new.
    """
    row = {
        "contest_id": contest_id,
        "event_id": event_id,
        "recipient": recipient,
        "template": template,
        "facts": facts,
        "contact_id": contact_id,
        "entry_id": entry_id,
        "channel": channel,
        "correlation_id": correlation_id,
        "event": event,
        "state": state,
        "review": review,
        "reminder": reminder,
        "urgent": urgent,
    }
    return await plan_many(session, [row], now) == 1


async def plan_many(session: AsyncSession, rows: Iterable[Json], now: datetime) -> int:
    """Plan notices; each as in :func:`plan`. Returns how many are new."""
    values = [{**row, "notice_id": new_id()} for row in rows]
    if not values:
        return 0
    given = {"rows": json.dumps(values, ensure_ascii=False, default=str), "now": now}
    return len((await session.execute(_PLAN, given)).all())


async def claim(
    session: AsyncSession,
    state: NoticeState,
    limit: int,
    *,
    channels: Sequence[Channel] = tuple(Channel),
    quiet: Sequence[str] = (),
) -> list[Due]:
    """Notices in ``state`` that are due, leased to the caller; of those in ``quiet`` only urgent ones."""
    values = {
        "lease": LEASE,
        "state": state.value,
        "limit": limit,
        "channels": [channel.value for channel in channels],
        "quiet": list(quiet),
    }
    found = [Due(*row) for row in await session.execute(_CLAIM, values)]
    return sorted(found, key=lambda due: (not due.urgent, due.next_attempt_at, due.notice_id))


async def due_contests(session: AsyncSession) -> Sequence[str]:
    """Contests with something to send."""
    query = select(Notice.contest_id).where(Notice.state == NoticeState.BUILT).distinct()
    return (await session.exec(query)).all()


async def put_back(session: AsyncSession, keys: Sequence[Key], until: Sequence[datetime]) -> None:
    """Let go of leased notices: their queue has no room before ``until``. It is no failed attempt."""
    statement = text(
        "UPDATE notice SET lease_until = NULL, next_attempt_at = wanted.at FROM unnest("
        "CAST(:contests AS varchar[]), CAST(:notices AS varchar[]), CAST(:instants AS timestamptz[])) "
        "AS wanted(contest_id, notice_id, at) "
        "WHERE notice.contest_id = wanted.contest_id AND notice.notice_id = wanted.notice_id"
    )
    values = {
        "contests": [contest_id for contest_id, _ in keys],
        "notices": [notice_id for _, notice_id in keys],
        "instants": list(until),
    }
    await session.execute(statement, values)


async def claimed_mail(session: AsyncSession, keys: Sequence[Key]) -> list[Claimed]:
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
            col(Notice.recipient),
        )
        .join(
            Mail,
            (col(Mail.contest_id) == col(Notice.contest_id)) & (col(Mail.notice_id) == col(Notice.notice_id)),
        )
        .where(_among(keys))
    )
    found = {(row[0], row[1]): Claimed(*row) for row in await session.execute(query)}
    return [found[key] for key in keys if key in found]


def _among(keys: Sequence[Key]) -> ColumnElement[bool]:
    """One parameter, however many there are. A notice's id is unique over all contests."""
    return col(Notice.notice_id) == any_(literal([notice_id for _, notice_id in keys], ARRAY(String)))


async def locked(session: AsyncSession, keys: Sequence[Key]) -> dict[Key, Notice]:
    """The notices as they are once locked, in the order of their keys."""
    if not keys:
        return {}
    query = select(Notice).where(_among(keys)).order_by(col(Notice.contest_id), col(Notice.notice_id))
    rows = (await session.exec(for_update(query))).all()
    return {(row.contest_id, row.notice_id): row for row in rows}


async def to_dispatches(
    session: AsyncSession, contest_id: str, dispatch_ids: Sequence[str]
) -> Sequence[Notice]:
    """Every notice to these addressees of letters, locked in the order of :func:`locked`."""
    query = (
        select(Notice)
        .where(
            Notice.contest_id == contest_id,
            col(Notice.recipient).in_([f"dispatch:{dispatch_id}" for dispatch_id in dispatch_ids]),
        )
        .order_by(col(Notice.contest_id), col(Notice.notice_id))
    )
    return (await session.exec(for_update(query))).all()


async def some(session: AsyncSession, keys: Sequence[Key]) -> Sequence[Notice]:
    """The notices, unlocked."""
    if not keys:
        return []
    query = select(Notice).where(_among(keys))
    return (await session.exec(query)).all()


async def notice(session: AsyncSession, contest_id: str, notice_id: str, *, lock: bool = False) -> Notice:
    """One notice. Raises NotFound."""
    key = (contest_id, notice_id)
    found = await session.get(Notice, key, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise NotFound("ไม่พบรายการแจ้งนี้", "There is no such notice.", field="notice_id")
    return found


async def by_id(session: AsyncSession, notice_id: str) -> Notice | None:
    """The notice of that id, whatever its contest, locked."""
    return (await session.exec(for_update(select(Notice).where(Notice.notice_id == notice_id)))).first()


async def by_message_id(session: AsyncSession, message_id: str) -> Notice | None:
    """The notice whose mail had that Message-ID, locked."""
    query = select(Notice).where(Notice.message_id == message_id).limit(1)
    return (await session.exec(for_update(query))).first() if message_id else None


async def wait(session: AsyncSession, rows: Iterable[tuple[Notice, timedelta]]) -> None:
    """Try again after so long each, in real time."""
    await session.flush()
    values = [
        {"contest": row.contest_id, "notice": row.notice_id, "wait": wait_for} for row, wait_for in rows
    ]
    if values:
        await session.execute(
            text(
                "UPDATE notice SET next_attempt_at = clock_timestamp() + CAST(:wait AS interval), "
                "lease_until = NULL WHERE contest_id = :contest AND notice_id = :notice"
            ),
            values,
        )


async def retry(session: AsyncSession, notice: Notice) -> None:
    """Staff ask for another attempt."""
    kept = await session.get(Mail, (notice.contest_id, notice.notice_id))
    ready = kept is not None or notice.channel == Channel.WEBHOOK
    notice.state = NoticeState.BUILT if ready else NoticeState.PLANNED
    notice.attempts = 0
    notice.bounces = 0
    notice.last_error = ""
    notice.status = ""
    notice.handled_by = ""
    notice.lease_until = None
    await wait(session, [(notice, timedelta(0))])


async def rebuild(session: AsyncSession, notice: Notice) -> None:
    """Forget the stored mail: the next build writes it anew, under the same Message-ID."""
    kept = await session.get(Mail, (notice.contest_id, notice.notice_id))
    if kept is not None:
        await session.delete(kept)
    notice.state = NoticeState.PLANNED
    notice.attempts = 0
    notice.last_error = ""
    notice.lease_until = None
    await wait(session, [(notice, timedelta(0))])


async def cancel(session: AsyncSession, contest_id: str, *, event_id: str = "", contact_id: str = "") -> None:
    """Tell nobody any more: the letter was voided, or the person erased."""
    where = [col(Notice.contest_id) == contest_id, col(Notice.state).in_(WAITING)]
    if event_id:
        where.append(col(Notice.event_id) == event_id)
    if contact_id:
        where.append(col(Notice.contact_id) == contact_id)
    await session.execute(update(Notice).where(*where).values(state=NoticeState.CANCELLED))


async def notices(
    session: AsyncSession,
    contest_id: str,
    *,
    contact_id: str = "",
    template: str = "",
    state: NoticeState | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> Sequence[Notice]:
    """Notices of the contest, the newest first; of one person, one text or in one state where that is given.
    ``offset`` of them are left out, and at most ``limit`` come."""
    query = select(Notice).where(Notice.contest_id == contest_id)
    if template:
        query = query.where(Notice.template == template)
    if contact_id:
        query = query.where(Notice.contact_id == contact_id)
    if state is not None:
        query = query.where(Notice.state == state)
    query = query.order_by(col(Notice.created_at).desc(), col(Notice.notice_id).desc())
    return (await session.exec(query.limit(limit).offset(offset))).all()


async def in_state(session: AsyncSession, contest_id: str, *states: NoticeState) -> Sequence[Notice]:
    """Notices of the contest in one of ``states``, the oldest first."""
    query = select(Notice).where(Notice.contest_id == contest_id, col(Notice.state).in_(states))
    return (await session.exec(query.order_by(col(Notice.created_at), col(Notice.notice_id)))).all()


async def on_channel(session: AsyncSession, contest_id: str, channel: Channel) -> Sequence[Notice]:
    """Notices of the contest on one channel, the newest first."""
    query = select(Notice).where(Notice.contest_id == contest_id, Notice.channel == channel)
    return (await session.exec(query.order_by(col(Notice.created_at).desc(), col(Notice.notice_id)))).all()


async def counts(session: AsyncSession, contest_id: str) -> dict[str, int]:
    """Notice state → how many."""
    query = (
        select(Notice.state, func.count()).where(Notice.contest_id == contest_id).group_by(col(Notice.state))
    )
    return dict((await session.exec(query)).all())


async def failed(session: AsyncSession, contest_id: str, limit: int = 50) -> Sequence[Notice]:
    """Failed and bounced notices that nobody has taken care of."""
    query = select(Notice).where(
        Notice.contest_id == contest_id, col(Notice.state).in_(UNDELIVERED), Notice.handled_by == ""
    )
    return (await session.exec(query.order_by(col(Notice.created_at)).limit(limit))).all()


async def unread(session: AsyncSession, contact_id: str) -> int:
    """How many notices the person has not opened, of all contests."""
    query = select(func.count()).where(
        Notice.contact_id == contact_id,
        col(Notice.read_at).is_(None),
        col(Notice.state).in_((NoticeState.SENT, NoticeState.BOUNCED, NoticeState.FAILED)),
    )
    return (await session.exec(query)).one()


async def mark_read(session: AsyncSession, contest_id: str, contact_id: str, now: datetime) -> None:
    """The person has seen everything."""
    await session.execute(
        update(Notice)
        .where(
            col(Notice.contest_id) == contest_id,
            col(Notice.contact_id) == contact_id,
            col(Notice.read_at).is_(None),
            col(Notice.state) == NoticeState.SENT,
        )
        .values(read_at=now)
    )
