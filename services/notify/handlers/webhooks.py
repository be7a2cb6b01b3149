"""Webhooks: made, paused, their secret changed, tried out, and what missed them sent again."""

from datetime import UTC, datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.channels.webhook import SEAL, check_url, new_secret
from services.notify.domain.keys import NotifyKeys
from services.notify.domain.notices import EVENTS, NoticeState
from services.notify.sending_tables import Webhook
from services.notify.tables import Notice
from shared.clock import Clock
from shared.contracts.ids import new_id
from shared.contracts.notify import Channel
from shared.errors import Conflict, Invalid
from shared.settings import Settings

OVERLAP = timedelta(hours=24)
"""How long the old secret still signs after a change."""
MOST = 20
"""Webhooks of one contest."""
PUBLIC = tuple(sorted(name for name, told in EVENTS.items() if told.public))


async def add_webhook(
    session: AsyncSession,
    clock: Clock,
    settings: Settings,
    keys: NotifyKeys,
    *,
    contest_id: str,
    name: str,
    url: str,
    events: list[str],
    by: str,
) -> tuple[Webhook, str]:
    """A new webhook, and its secret, which is shown this once.

    Raises:
        Invalid: no name, an event that is not public, or an address where webhooks do not go.
        Conflict: there are too many.
    """
    if not name.strip() or len(name) > 100:
        raise Invalid(
            "ตั้งชื่อระบบปลายทาง ไม่เกิน 100 ตัวอักษร", "Name the other system, in 100 letters.", field="name"
        )
    if unknown := [event for event in events if event not in PUBLIC]:
        raise Invalid(
            f"ไม่มีเหตุการณ์สาธารณะชื่อ {unknown[0]}",
            f"{unknown[0]} is no public event; choose from {', '.join(PUBLIC)}.",
            field="events",
        )
    if len(url) > 500:
        raise Invalid("ที่อยู่ยาวเกิน 500 ตัวอักษร", "The address is longer than 500 letters.", field="url")
    await check_url(url, this_network=settings.webhooks_to_this_network)
    if len(await repository.sending.webhooks(session, contest_id)) >= MOST:
        raise Conflict(f"มีเว็บฮุกครบ {MOST} รายการแล้ว", f"There are {MOST} webhooks already.")
    secret = new_secret()
    hook = Webhook(
        contest_id=contest_id,
        webhook_id=new_id(),
        name=name.strip(),
        url=url,
        events=sorted(set(events)),
        secret=keys.seal(SEAL, secret.encode()),
        made_by=by,
        made_at=await clock.now(session, contest_id),
    )
    session.add(hook)
    return hook, secret


async def change_secret(session: AsyncSession, keys: NotifyKeys, hook: Webhook) -> str:
    """A new secret; the old one signs beside it for a day. Returns the new one, shown this once."""
    secret = new_secret()
    hook.old_secret, hook.old_until = hook.secret, datetime.now(UTC) + OVERLAP
    hook.secret = keys.seal(SEAL, secret.encode())
    return secret


async def pause(session: AsyncSession, clock: Clock, hook: Webhook, reason: str) -> None:
    """Send nothing there until it is resumed; what happens meanwhile is not kept for it."""
    hook.paused_at = await clock.now(session, hook.contest_id)
    hook.paused_reason = reason[:200]


async def resume(hook: Webhook) -> None:
    hook.paused_at, hook.paused_reason = None, ""


async def remove_webhook(session: AsyncSession, hook: Webhook) -> None:
    """Forget a webhook; what waits for it is cancelled."""
    for notice in await deliveries(session, hook.contest_id, hook.webhook_id):
        if notice.state == NoticeState.BUILT:
            notice.state = NoticeState.CANCELLED
    await session.delete(hook)


async def try_out(session: AsyncSession, clock: Clock, hook: Webhook) -> None:
    """Send a ``Ping``, so that the integrator sees a signed request."""
    await repository.notices.plan(
        session,
        contest_id=hook.contest_id,
        event_id=new_id(),
        recipient=f"webhook:{hook.webhook_id}",
        channel=Channel.WEBHOOK,
        template="webhook",
        event="Ping",
        state=NoticeState.BUILT,
        facts={"type": "Ping", "data": {"contest_id": hook.contest_id}},
        now=await clock.now(session, hook.contest_id),
    )


async def deliveries(session: AsyncSession, contest_id: str, webhook_id: str = "") -> list[Notice]:
    """What was sent to webhooks, the newest first."""
    return [
        notice
        for notice in await repository.notices.on_channel(session, contest_id, Channel.WEBHOOK)
        if not webhook_id or notice.recipient == f"webhook:{webhook_id}"
    ]


async def replay(session: AsyncSession, clock: Clock, contest_id: str, webhook_id: str, by: str) -> int:
    """Send everything again that did not arrive at a webhook, under the same ids. Returns how many."""
    waiting = [
        notice
        for notice in await deliveries(session, contest_id, webhook_id)
        if notice.state == NoticeState.FAILED
    ]
    for notice in waiting:
        await repository.notices.retry(session, notice)
        now = await clock.now(session, contest_id)
        await repository.steps.add_step(session, notice, "replayed", by, now)
    return len(waiting)
