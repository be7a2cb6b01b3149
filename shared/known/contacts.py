"""Contacts as the session check needs them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.contracts.ids import ContactId, ContestId
from shared.contracts.intake import ContactUpserted, Role
from shared.known.tables import KNOWN_CONTACT

_KEPT = ("revision", "roles", "language", "sessions_valid_from")


@dataclass(frozen=True, slots=True)
class KnownContact:
    """One person without personal data."""

    contest_id: ContestId
    contact_id: ContactId
    roles: frozenset[Role]
    language: str
    sessions_valid_from: datetime
    erased: bool


async def keep_contact(session: AsyncSession, event: ContactUpserted) -> bool:
    """Keep the contact unless a higher revision is known or it was erased.

    Returns:
        Whether anything changed.
    """
    statement = insert(KNOWN_CONTACT).values(
        contest_id=event.contest_id,
        contact_id=event.contact_id,
        revision=event.revision,
        roles=[role.value for role in event.roles],
        language=event.language,
        sessions_valid_from=event.sessions_valid_from,
    )
    statement = statement.on_conflict_do_update(
        index_elements=["contest_id", "contact_id"],
        set_={name: statement.excluded[name] for name in _KEPT},
        where=(KNOWN_CONTACT.c.revision < statement.excluded.revision) & ~KNOWN_CONTACT.c.erased,
    )
    kept = await session.execute(statement.returning(KNOWN_CONTACT.c.revision))
    return kept.first() is not None


async def forget_contact(session: AsyncSession, contact_id: str) -> None:
    """The contact was erased: its sessions and roles end, and no late event brings it back."""
    await session.execute(
        update(KNOWN_CONTACT).where(KNOWN_CONTACT.c.contact_id == contact_id).values(erased=True, roles=[])
    )


async def contact(session: AsyncSession, contact_id: str) -> KnownContact | None:
    """The contact of that id; None where this service has not heard of it."""
    row = (
        await session.execute(select(KNOWN_CONTACT).where(KNOWN_CONTACT.c.contact_id == contact_id).limit(1))
    ).first()
    if row is None:
        return None
    return KnownContact(
        contest_id=ContestId(row.contest_id),
        contact_id=ContactId(row.contact_id),
        roles=frozenset(Role(role) for role in row.roles),
        language=row.language,
        sessions_valid_from=row.sessions_valid_from,
        erased=row.erased,
    )
