"""From an event to its notices, by the contest's table."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.notices import Audience
from shared.clock import Clock
from shared.contracts.intake import Role

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
    correlation_id: str = ""
    days: int = 0


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
        case Audience.CONCERNED:
            return _contacts(await people.concerned(session, contest_id))
        case Audience.JUDGES:
            return _contacts(await people.judges(session, contest_id))
        case Audience.STAFF:
            return _contacts(await people.with_role(session, contest_id, Role.STAFF, Role.ADMIN))
        case Audience.APPROVERS:
            return _contacts(await people.with_role(session, contest_id, Role.APPROVER))


async def tell(session: AsyncSession, clock: Clock, happening: Happening) -> int:
    """Plan every notice that the table has for the event, in the caller's transaction.

    Returns:
        How many are new: none where the event has come before.
    """
    now: datetime = await clock.now(session, happening.contest_id)
    new = 0
    for rule in contest_files(happening.contest_id).rules():
        if rule.event != happening.event or (rule.condition and rule.condition != happening.condition):
            continue
        if rule.days_before and happening.days not in rule.days_before:
            continue
        for recipient in await recipients(session, rule.audience, happening):
            new += await repository.notices.plan(
                session,
                contest_id=happening.contest_id,
                event_id=happening.event_id,
                recipient=recipient.key,
                channel=rule.channel,
                template=rule.template,
                facts=happening.facts,
                contact_id=recipient.contact_id,
                entry_id=recipient.entry_id,
                now=now,
                correlation_id=happening.correlation_id,
            )
    return new
