"""What sending obeys: suppressed addresses, stopped reminders, paces, digests, webhooks."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import delete, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.domain.delivery import Pace
from services.notify.repository.notices import Due, Key
from services.notify.sending_tables import DigestDay, ReminderStop, SendingPace, Suppression, Webhook
from shared.errors import NotFound

_SOON = timedelta(milliseconds=200)
"""When to look again where the channel as a whole is full."""
_QUEUES = text(
    """
    INSERT INTO sending_pace (contest_id, channel, domain, free_at)
    SELECT '', :channel, queue, clock_timestamp() FROM unnest(CAST(:domains AS varchar[])) AS queue
    ON CONFLICT DO NOTHING
    """
)
_LOCK_QUEUES = text(
    """
    SELECT domain, free_at, clock_timestamp() AS now FROM sending_pace
    WHERE contest_id = '' AND channel = :channel AND domain = ANY(:domains) ORDER BY domain FOR UPDATE
    """
)
_MOVE_QUEUE = text(
    "UPDATE sending_pace SET free_at = :free_at "
    "WHERE contest_id = '' AND channel = :channel AND domain = :domain"
)


async def allotted(
    session: AsyncSession, channel: str, due: Sequence[Due], whole: Pace, each: Pace
) -> tuple[list[Due], list[tuple[Key, datetime]]]:
    """Which of the leased notices may leave now: as fast as the channel and each mail domain may go.

    Returns:
        Those that may, and the others with the instant at which they may come again.
    """
    if not due or (whole.per_second <= 0 and each.per_second <= 0):
        return list(due), []
    queues: dict[str, list[Due]] = {}
    for one in due:
        queues.setdefault(one.domain or "-", []).append(one)
    names = {"channel": channel, "domains": ["", *queues]}
    await session.execute(_QUEUES, names)
    ends = {row.domain: (row.free_at, row.now) for row in await session.execute(_LOCK_QUEUES, names)}
    end, now = ends[""]
    room, _, _ = whole.allot(end, now, len(due))
    going: list[Due] = []
    later: list[tuple[Key, datetime]] = []
    moved: list[dict[str, object]] = []
    for domain, waiting in queues.items():
        wanted = min(len(waiting), room - len(going))
        count, domain_end, times = each.allot(ends[domain][0], now, wanted)
        going += waiting[:count]
        later += [(one.key, at) for one, at in zip(waiting[count:wanted], times, strict=True)]
        later += [(one.key, now + _SOON) for one in waiting[wanted:]]
        moved.append({"channel": channel, "domain": domain, "free_at": domain_end})
    _, end, _ = whole.allot(end, now, len(going))
    moved.append({"channel": channel, "domain": "", "free_at": end})
    await session.execute(_MOVE_QUEUE, moved)
    return going, later


async def suppressed(session: AsyncSession, addresses: Iterable[Key]) -> dict[Key, Suppression]:
    """(contest, address) → why nothing is sent there."""
    wanted = {(contest_id, address.casefold()) for contest_id, address in addresses if address}
    if not wanted:
        return {}
    query = select(Suppression).where(
        col(Suppression.contest_id).in_({contest_id for contest_id, _ in wanted}),
        col(Suppression.address).in_({address for _, address in wanted}),
        col(Suppression.lifted_at).is_(None),
    )
    found = (await session.exec(query)).all()
    return {key: row for row in found if (key := (row.contest_id, row.address)) in wanted}


async def suppress(
    session: AsyncSession,
    *,
    contest_id: str,
    address: str,
    reason: str,
    status: str,
    detail: str,
    notice_id: str,
    now: datetime,
) -> None:
    """Send nothing to ``address`` from here on; one that was lifted counts again."""
    values = {
        "contest_id": contest_id,
        "address": address.casefold(),
        "reason": reason,
        "status": status,
        "detail": detail[:500],
        "notice_id": notice_id,
        "since": now,
        "lifted_by": "",
        "lifted_at": None,
    }
    statement = insert(Suppression).values(values)
    changed = {name: statement.excluded[name] for name in values if name not in ("contest_id", "address")}
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["contest_id", "address"],
            set_=changed,
            where=col(Suppression.lifted_at).is_not(None),
        )
    )


async def suppressions(session: AsyncSession, contest_id: str) -> Sequence[Suppression]:
    """Every address that is or was suppressed, the newest first."""
    query = select(Suppression).where(Suppression.contest_id == contest_id)
    return (await session.exec(query.order_by(col(Suppression.since).desc()))).all()


async def suppression(session: AsyncSession, contest_id: str, address: str) -> Suppression:
    """One of them, locked. Raises NotFound."""
    found = await session.get(
        Suppression, (contest_id, address.casefold()), with_for_update=True, populate_existing=True
    )
    if found is None:
        raise NotFound("ไม่พบที่อยู่นี้ในรายการงดส่ง", "This address is not on the list.", field="address")
    return found


async def stop_reminders(
    session: AsyncSession, contest_id: str, contact_id: str, now: datetime, by: str
) -> None:
    """No reminders to this person any more; safe to repeat."""
    values = {"contest_id": contest_id, "contact_id": contact_id, "at": now, "by": by}
    await session.execute(insert(ReminderStop).values(values).on_conflict_do_nothing())


async def want_reminders(session: AsyncSession, contest_id: str, contact_id: str) -> None:
    """Reminders again."""
    await session.execute(
        delete(ReminderStop).where(
            col(ReminderStop.contest_id) == contest_id, col(ReminderStop.contact_id) == contact_id
        )
    )


async def stopped(session: AsyncSession, contact_ids: Iterable[str]) -> set[Key]:
    """(contest, contact) of those who want no reminders."""
    query = select(ReminderStop.contest_id, ReminderStop.contact_id).where(
        col(ReminderStop.contact_id).in_(set(contact_ids))
    )
    return {(contest_id, contact_id) for contest_id, contact_id in (await session.exec(query)).all()}


async def digest_made(session: AsyncSession, contest_id: str, day: date) -> bool:
    """Whether the digests of ``day`` were made."""
    return await session.get(DigestDay, (contest_id, day)) is not None


async def begin_digest(session: AsyncSession, contest_id: str, day: date) -> bool:
    """Whether the digests of ``day`` are still to be made; marks that they are."""
    statement = insert(DigestDay).values(contest_id=contest_id, day=day).on_conflict_do_nothing()
    return (await session.execute(statement.returning(col(DigestDay.day)))).first() is not None


async def webhooks(session: AsyncSession, contest_id: str) -> Sequence[Webhook]:
    """Every webhook of the contest, the oldest first."""
    query = select(Webhook).where(Webhook.contest_id == contest_id)
    return (await session.exec(query.order_by(col(Webhook.made_at), col(Webhook.webhook_id)))).all()


async def webhook(session: AsyncSession, contest_id: str, webhook_id: str, *, lock: bool = False) -> Webhook:
    """One of them. Raises NotFound."""
    found = await session.get(
        Webhook, (contest_id, webhook_id), with_for_update=lock or None, populate_existing=lock
    )
    if found is None:
        raise NotFound("ไม่พบเว็บฮุกนี้", "There is no such webhook.", field="webhook_id")
    return found


async def some_webhooks(session: AsyncSession, keys: Iterable[Key]) -> Mapping[Key, Webhook]:
    """Webhooks by contest and id."""
    wanted = set(keys)
    query = select(Webhook).where(col(Webhook.webhook_id).in_({webhook_id for _, webhook_id in wanted}))
    return {(row.contest_id, row.webhook_id): row for row in (await session.exec(query)).all()}


async def queue_ends(session: AsyncSession) -> Sequence[SendingPace]:
    """The queues whose end lies ahead, the longest first."""
    query = select(SendingPace).where(col(SendingPace.free_at) > func.clock_timestamp())
    return (await session.exec(query.order_by(col(SendingPace.free_at).desc()))).all()
