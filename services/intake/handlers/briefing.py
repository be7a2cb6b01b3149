"""The briefing: signing up oneself or a representative (ท่านหรือผู้แทน), cancelling, attending."""

from dataclasses import dataclass
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake import repository
from services.intake.domain.provinces import check_province
from services.intake.domain.sign_in import normal_email
from services.intake.handlers.contacts import Person, add_person
from services.intake.tables import Registration
from shared import known
from shared.clock import Clock
from shared.contracts.ids import ContactId, ContestId, RegistrationId, new_id
from shared.contracts.intake import Attendance, BriefingCancelled, BriefingRegistered, Role
from shared.contracts.rulebook import MilestoneKind
from shared.errors import Conflict, Gone, Invalid
from shared.messaging import publish
from shared.web.ratelimit import limit

SIGN_UPS_PER_NETWORK = 60
SIGN_UPS_PER_ADDRESS = 10
WINDOW_SECONDS = 60 * 60
EARLY = timedelta(minutes=30)
"""The room opens this long before the briefing begins."""


class BriefingOver(Gone):
    """The briefing has ended."""


class AlreadyCancelled(Conflict):
    """The registration was cancelled before."""


@dataclass(frozen=True, slots=True)
class RegisterForBriefing:
    """Who comes. ``contact_id`` is of someone who is signed in; otherwise ``email`` names them."""

    contest_id: str
    organisation: str
    attends_as: Attendance
    contact_id: str = ""
    email: str = ""
    name: str = ""
    representative: str = ""
    province_code: str = ""
    language: str = "th"
    network: str = ""


async def register(session: AsyncSession, clock: Clock, command: RegisterForBriefing) -> Registration:
    """Sign up for the briefing; signing up again writes the registration anew.

    Raises:
        NotFound: no such contest is published.
        BriefingOver: the briefing has ended.
        Invalid: a representative without a name, or a code that is no province's.
        TooMany: too many sign-ups from one network or for one address.
    """
    await _not_over(session, clock, command.contest_id)
    if command.attends_as is Attendance.REPRESENTATIVE and not command.representative.strip():
        raise Invalid("ระบุชื่อผู้แทน", "Give the representative's name.", field="representative")
    check_province(command.province_code)
    contact_id = command.contact_id or await _contact_of(session, command)
    row = await repository.registration_of(session, command.contest_id, contact_id, lock=True)
    now = await clock.now(session, command.contest_id)
    if row is None:
        row = Registration(
            contest_id=command.contest_id,
            registration_id=new_id(),
            contact_id=contact_id,
            revision=0,
            state="registered",
            attends_as=command.attends_as.value,
            organisation=command.organisation,
            registered_at=now,
        )
    representing = command.attends_as is Attendance.REPRESENTATIVE
    row.revision += 1
    row.state, row.cancelled_at, row.registered_at = "registered", None, now
    row.attends_as = command.attends_as.value
    row.representative = command.representative.strip() if representing else ""
    row.organisation, row.province_code = command.organisation, command.province_code
    session.add(row)
    await publish(
        session,
        BriefingRegistered(
            contest_id=ContestId(command.contest_id),
            registration_id=RegistrationId(row.registration_id),
            revision=row.revision,
            contact_id=ContactId(contact_id),
            attends_as=command.attends_as,
            organisation=row.organisation,
            province_code=row.province_code,
            registered_at=now,
        ),
    )
    return row


async def _contact_of(session: AsyncSession, command: RegisterForBriefing) -> str:
    """The contact of an address that signs up without signing in; a known one is not rewritten."""
    if not command.email:
        raise Invalid("ระบุอีเมล", "Give an e-mail address.", field="email")
    await limit(session, "briefing", command.email, capacity=SIGN_UPS_PER_ADDRESS, per_seconds=WINDOW_SECONDS)
    if command.network:
        await limit(
            session, "briefings", command.network, capacity=SIGN_UPS_PER_NETWORK, per_seconds=WINDOW_SECONDS
        )
    email = normal_email(command.email)
    await repository.hold_email(session, email)
    known_contact = await repository.contact_by_email(session, email, prefer=command.contest_id)
    if known_contact is not None:
        return known_contact.contact_id
    person = Person(
        email=email,
        name=command.name,
        organisation=command.organisation,
        province_code=command.province_code,
        roles=frozenset({Role.APPLICANT}),
        language=command.language,
    )
    return (await add_person(session, command.contest_id, person)).contact_id


async def cancel(session: AsyncSession, clock: Clock, contest_id: str, registration_id: str) -> Registration:
    """Give up the place.

    Raises:
        NotFound: there is no such registration.
        AlreadyCancelled: it was cancelled before.
        BriefingOver: the briefing has ended.
    """
    row = await repository.registration(session, contest_id, registration_id, lock=True)
    if row.state == "cancelled":
        raise AlreadyCancelled("ยกเลิกไปแล้ว", "This registration is cancelled already.")
    await _not_over(session, clock, contest_id)
    row.revision += 1
    row.state, row.cancelled_at = "cancelled", await clock.now(session, contest_id)
    session.add(row)
    await publish(
        session,
        BriefingCancelled(
            contest_id=ContestId(contest_id),
            registration_id=RegistrationId(registration_id),
            revision=row.revision,
            contact_id=ContactId(row.contact_id),
            cancelled_at=row.cancelled_at,
        ),
    )
    return row


async def attend(session: AsyncSession, clock: Clock, contest_id: str, registration_id: str) -> Registration:
    """Note that the person came; noting it twice changes nothing.

    Raises:
        NotFound: there is no such registration.
        Conflict: it was cancelled, or the briefing has not begun.
    """
    row = await repository.registration(session, contest_id, registration_id, lock=True)
    if row.state == "cancelled":
        raise Conflict(
            "การลงทะเบียนนี้ยกเลิกแล้ว โปรดลงทะเบียนใหม่", "This registration is cancelled; register again."
        )
    rulebook = await known.rulebook(session, contest_id)
    now = await clock.now(session, contest_id)
    if now < rulebook.milestone(MilestoneKind.BRIEFING).starts_at - EARLY:
        raise Conflict("การชี้แจงยังไม่เริ่ม", "The briefing has not begun.")
    if row.attended_at is None:
        row.attended_at = now
        session.add(row)
    return row


async def _not_over(session: AsyncSession, clock: Clock, contest_id: str) -> None:
    rulebook = await known.rulebook(session, contest_id)
    if await clock.now(session, contest_id) >= rulebook.milestone(MilestoneKind.BRIEFING).ends_at:
        raise BriefingOver(
            "การชี้แจงสิ้นสุดแล้ว ดูรายละเอียดได้ที่หน้ากติกา",
            "The briefing is over; the rules are on the rules page.",
        )
