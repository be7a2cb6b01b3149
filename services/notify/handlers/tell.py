"""From an event to its notices, by the contest's table."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.notices import Audience, NoticeState, Rule, Timing
from shared.clock import Clock
from shared.contracts.intake import Role
from shared.contracts.notify import Channel

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Happening:
    """An event as the table of notices sees it."""

    contest_id: str
    event: str
    event_id: str
    facts: Json = field(default_factory=dict)
    """What the texts may say: text, ``{"th", "en"}``, ``{"at": instant}`` or ``{"list": […]}``."""
    condition: str = ""
    contact_id: str = ""
    entry_id: str = ""
    finalists: tuple[str, ...] = ()
    not_selected: tuple[str, ...] = ()
    winners: tuple[str, ...] = ()
    but_not: frozenset[str] = frozenset()
    """Contacts who know already, because they did it."""
    payload: Json = field(default_factory=dict)
    """The event itself, as other systems are sent it."""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Someone to tell: a contact, or whoever entered an entry."""

    key: str
    contact_id: str | None = None
    entry_id: str | None = None


def _contacts(ids: Iterable[str]) -> list[Recipient]:
    return [Recipient(f"contact:{contact_id}", contact_id=contact_id) for contact_id in ids if contact_id]


def _entries(ids: Iterable[str]) -> list[Recipient]:
    return [Recipient(f"entry:{entry_id}", entry_id=entry_id) for entry_id in ids if entry_id]


async def recipients(session: AsyncSession, audience: Audience, happening: Happening) -> list[Recipient]:
    """Whom the audience means for this event."""
    contest_id = happening.contest_id
    people = repository.people
    match audience:
        case Audience.SUBJECT:
            return _contacts([happening.contact_id])
        case Audience.ENTRANT:
            return _entries([happening.entry_id])
        case Audience.FINALISTS:
            return _entries(happening.finalists)
        case Audience.NOT_SELECTED:
            return _entries(happening.not_selected)
        case Audience.WINNERS:
            return _entries(happening.winners)
        case Audience.ENTRANTS:
            return _contacts(await people.entrants(session, contest_id))
        case Audience.GUESTS:
            return _contacts(await people.guests(session, contest_id))
        case Audience.SUBSCRIBERS:
            hooks = await repository.sending.webhooks(session, contest_id)
            wanted = [hook for hook in hooks if not hook.events or happening.event in hook.events]
            return [Recipient(f"webhook:{hook.webhook_id}") for hook in wanted if hook.paused_at is None]
        case Audience.CONCERNED:
            return _contacts(await people.concerned(session, contest_id))
        case Audience.JUDGES:
            return _contacts(await people.judges(session, contest_id))
        case Audience.STAFF:
            return _contacts(await people.with_role(session, contest_id, Role.STAFF, Role.ADMIN))
        case Audience.APPROVERS:
            return _contacts(await people.with_role(session, contest_id, Role.APPROVER))


async def tell(session: AsyncSession, clock: Clock, happening: Happening, only: Rule | None = None) -> int:
    """Plan every notice that the table has for the event, in the caller's transaction.

    Args:
        only: the one row that a date of the calendar has come for.

    Returns:
        How many are new: none where the event has come before.
    """
    now: datetime = await clock.now(session, happening.contest_id)
    rows: list[Json] = []
    for rule in contest_files(happening.contest_id).rules():
        if only is not None and rule != only:
            continue
        if rule.event != happening.event or (rule.condition and rule.condition != happening.condition):
            continue
        for recipient in await recipients(session, rule.audience, happening):
            if recipient.contact_id and recipient.contact_id in happening.but_not:
                continue
            rows.append(_row(rule, recipient, happening))
    return await repository.notices.plan_many(session, rows, now)


def _row(rule: Rule, recipient: Recipient, happening: Happening) -> Json:
    state = NoticeState.COLLECTED if rule.timing is Timing.DIGEST else NoticeState.PLANNED
    facts = happening.facts
    if rule.channel is Channel.WEBHOOK:  # it has no text to be built: the event is what is sent
        state, facts = NoticeState.BUILT, {"type": happening.event, "data": happening.payload}
    return {
        "contest_id": happening.contest_id,
        "event_id": happening.event_id,
        "recipient": recipient.key,
        "channel": rule.channel,
        "template": rule.template or "webhook",
        "event": happening.event,
        "state": state,
        "facts": facts,
        "contact_id": recipient.contact_id,
        "entry_id": recipient.entry_id or happening.entry_id or None,
        "correlation_id": happening.correlation_id,
        "review": rule.review,
        "reminder": rule.reminder,
        "urgent": rule.urgent,
    }
