"""Contacts, and who belongs to which audience."""

from collections.abc import Iterable, Sequence

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.tables import Briefing, Contact, Entry, Judge, Mail, Notice
from shared.contracts.intake import ContactUpserted, Role

IN_CONTEST = ("submitted", "returned", "accepted")


async def keep_contact(session: AsyncSession, event: ContactUpserted) -> None:
    """Keep the contact unless a higher revision is known."""
    values = event.model_dump(mode="json", exclude={"sessions_valid_from"})
    statement = insert(Contact).values(values)
    changed = {name: statement.excluded[name] for name in values if name not in ("contest_id", "contact_id")}
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["contest_id", "contact_id"],
            set_=changed,
            where=col(Contact.revision) < statement.excluded.revision,
        )
    )


async def contact(session: AsyncSession, contest_id: str, contact_id: str) -> Contact | None:
    """The contact; of another contest of this deployment where this one does not know them."""
    found = await session.get(Contact, (contest_id, contact_id))
    return found or (await session.exec(select(Contact).where(Contact.contact_id == contact_id))).first()


async def addresses(session: AsyncSession, contest_id: str, contact_ids: Iterable[str]) -> dict[str, str]:
    """E-mail addresses of contacts by id, as this contest knows them, else another one; an erased contact is
    missing."""
    rows = await some_contacts(session, [contact_id for contact_id in contact_ids if contact_id])
    anywhere = {row.contact_id: row.email for row in rows}
    return anywhere | {row.contact_id: row.email for row in rows if row.contest_id == contest_id}


async def names(session: AsyncSession, contact_ids: Sequence[str]) -> dict[str, str]:
    """Names of contacts by id; an erased one is missing."""
    query = select(Contact.contact_id, Contact.name).where(col(Contact.contact_id).in_(list(contact_ids)))
    return dict((await session.exec(query)).all())


async def labels(session: AsyncSession, contact_ids: Sequence[str]) -> dict[str, str]:
    """What staff call contacts by id: their name, else their address; an erased one is missing."""
    query = select(Contact.contact_id, Contact.name, Contact.email)
    found = await session.exec(query.where(col(Contact.contact_id).in_(list(contact_ids))))
    return {contact_id: name or email for contact_id, name, email in found.all()}


async def with_role(session: AsyncSession, contest_id: str, *roles: Role) -> Sequence[str]:
    """Contact ids of everyone with one of ``roles``."""
    query = select(Contact.contact_id, Contact.roles).where(Contact.contest_id == contest_id)
    wanted = {role.value for role in roles}
    return [contact_id for contact_id, held in (await session.exec(query)).all() if wanted & set(held)]


async def entrants(session: AsyncSession, contest_id: str) -> Sequence[str]:
    """Contact ids of everyone with an entry in the contest, each once."""
    query = (
        select(Entry.contact_id)
        .where(Entry.contest_id == contest_id, col(Entry.state).in_(IN_CONTEST))
        .distinct()
    )
    return (await session.exec(query)).all()


async def concerned(session: AsyncSession, contest_id: str) -> Sequence[str]:
    """Contact ids of everyone whom a change of the rules concerns, each once."""
    drafts = select(Entry.contact_id).where(
        Entry.contest_id == contest_id, col(Entry.state).in_((*IN_CONTEST, "draft"))
    )
    guests = select(Briefing.contact_id).where(
        Briefing.contest_id == contest_id, col(Briefing.cancelled).is_(False)
    )
    judges = select(Judge.contact_id).where(Judge.contest_id == contest_id)
    found: dict[str, None] = {}
    for query in (drafts, guests, judges):
        found |= dict.fromkeys((await session.exec(query)).all())
    found |= dict.fromkeys(await with_role(session, contest_id, Role.STAFF, Role.ADMIN, Role.APPROVER))
    return list(found)


async def guests(session: AsyncSession, contest_id: str) -> Sequence[str]:
    """Contact ids of everyone whose briefing registration stands, each once."""
    query = select(Briefing.contact_id).where(
        Briefing.contest_id == contest_id, col(Briefing.cancelled).is_(False)
    )
    return (await session.exec(query.distinct())).all()


async def some_contacts(session: AsyncSession, contact_ids: Iterable[str]) -> Sequence[Contact]:
    """Every row of these contacts, of all contests."""
    query = select(Contact).where(col(Contact.contact_id).in_(set(contact_ids)))
    return (await session.exec(query)).all()


async def judges(session: AsyncSession, contest_id: str) -> Sequence[str]:
    """Contact ids of the judges."""
    return (
        await session.exec(select(Judge.contact_id).where(Judge.contest_id == contest_id).distinct())
    ).all()


async def mail_of(session: AsyncSession, notice: Notice) -> Mail | None:
    """The stored mail of a notice."""
    return await session.get(Mail, (notice.contest_id, notice.notice_id))
