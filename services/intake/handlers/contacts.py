"""People: adding, changing, revoking sessions, erasing."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sqlalchemy import delete, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake import repository
from services.intake.domain.provinces import check_province
from services.intake.domain.sign_in import email_hash, normal_email
from services.intake.tables import Contact, Registration
from shared import known
from shared.contracts.ids import ContactId, ContestId, new_id
from shared.contracts.intake import ContactUpserted, Role
from shared.errors import Conflict
from shared.messaging import publish, publish_tombstone

DEPLOYMENT = ContestId("deployment")
"""The contest of people who were here before the first contest: the first administrator."""


class LastAdministrator(Conflict):
    """Nobody could manage people any more."""


@dataclass(frozen=True, slots=True)
class Person:
    """What is written of a person."""

    email: str
    name: str = ""
    phone: str = ""
    organisation: str = ""
    position: str = ""
    province_code: str = ""
    roles: frozenset[Role] = field(default_factory=frozenset)
    language: str = "th"


async def add_person(session: AsyncSession, contest_id: str, person: Person) -> Contact:
    """Add a person; one whose address is known gets the roles besides those held, and what is new.

    Publishes ContactUpserted.

    Raises:
        Invalid: the code is no province's.
    """
    check_province(person.province_code)
    email = normal_email(person.email)
    await repository.hold_email(session, email)
    found = await repository.contact_by_email(session, email, prefer=contest_id)
    if found is None:
        now = await repository.wall_clock(session)
        found = Contact(
            contest_id=contest_id,
            contact_id=new_id(),
            revision=0,
            email=email,
            sessions_valid_from=now,
            created_at=now,
        )
        return await _write(session, found, replace(person, email=email))
    found = await repository.contact(session, found.contact_id, lock=True)
    held = frozenset(Role(role) for role in found.roles)
    return await _write(session, found, replace(person, email=email, roles=person.roles | held))


async def change_person(session: AsyncSession, contact_id: str, person: Person) -> Contact:
    """Write everything of a person anew, roles included. Publishes ContactUpserted.

    Raises:
        NotFound: there is no such person.
        Invalid: the code is no province's.
        Conflict: another person has that address.
        LastAdministrator: the only administrator would lose the role.
    """
    check_province(person.province_code)
    found = await repository.contact(session, contact_id, lock=True)
    email = normal_email(person.email)
    await repository.hold_email(session, email)
    other = await repository.contact_by_email(session, email, prefer=found.contest_id)
    if other is not None and other.contact_id != contact_id:
        raise Conflict("อีเมลนี้เป็นของบุคคลอื่น", "Another person has this e-mail address.", field="email")
    if Role.ADMIN in found.roles and Role.ADMIN not in person.roles:
        await _keep_one_administrator(session, contact_id)
    found.name = found.phone = found.organisation = found.position = found.province_code = ""
    return await _write(session, found, replace(person, email=email))


async def _write(session: AsyncSession, contact: Contact, person: Person) -> Contact:
    contact.email = person.email
    contact.name = person.name or contact.name
    contact.phone = person.phone or contact.phone
    contact.organisation = person.organisation or contact.organisation
    contact.position = person.position or contact.position
    contact.province_code = person.province_code or contact.province_code
    contact.roles = _ordered(person.roles)
    contact.language = person.language
    await publish_contact(session, contact)
    return contact


def _ordered(roles: Iterable[Role]) -> list[str]:
    held = set(roles)
    return [role.value for role in Role if role in held]


async def publish_contact(session: AsyncSession, contact: Contact) -> None:
    """Store a changed contact under its next revision, and tell every service."""
    contact.revision += 1
    session.add(contact)
    await session.flush()
    event = ContactUpserted(
        contest_id=ContestId(contact.contest_id),
        contact_id=ContactId(contact.contact_id),
        revision=contact.revision,
        name=contact.name,
        email=contact.email,
        phone=contact.phone,
        organisation=contact.organisation,
        position=contact.position,
        province_code=contact.province_code,
        roles=tuple(Role(role) for role in contact.roles),
        language=contact.language,
        sessions_valid_from=contact.sessions_valid_from,
    )
    await known.keep_contact(session, event)
    await publish(session, event)


async def revoke_sessions(session: AsyncSession, contact_id: str) -> None:
    """End every session of the person, everywhere."""
    contact = await repository.contact(session, contact_id, lock=True)
    contact.sessions_valid_from = await repository.wall_clock(session)
    await publish_contact(session, contact)


async def erase_person(session: AsyncSession, contact_id: str, *, code_key: bytes) -> None:
    """Destroy what is known of the person: the row, the codes, a representative's name, and on the
    bus by a tombstone. Entries stay, as the organisation's; they carry an opaque id only.

    Raises:
        NotFound: there is no such person.
        LastAdministrator: it is the only administrator.
    """
    contact = await repository.contact(session, contact_id, lock=True)
    if Role.ADMIN in contact.roles:
        await _keep_one_administrator(session, contact_id)
    await repository.forget_codes(session, email_hash(code_key, contact.email))
    await session.execute(
        update(Registration).where(col(Registration.contact_id) == contact_id).values(representative="")
    )
    await session.execute(
        delete(Contact).where(
            col(Contact.contest_id) == contact.contest_id, col(Contact.contact_id) == contact_id
        )
    )
    await known.forget_contact(session, contact_id)
    await publish_tombstone(session, ContactUpserted, contact.contest_id, contact_id)


async def _keep_one_administrator(session: AsyncSession, contact_id: str) -> None:
    if await repository.other_administrators(session, contact_id) == 0:
        raise LastAdministrator(
            "ผู้นี้เป็นผู้ดูแลระบบคนเดียว โปรดตั้งผู้ดูแลอีกคนก่อน",
            "This is the only administrator; name another one first.",
            field="roles",
        )
