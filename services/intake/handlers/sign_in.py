"""Signing in by a code that is sent by e-mail."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake import repository
from services.intake.domain import sign_in as rules
from services.intake.handlers.contacts import DEPLOYMENT, Person, add_person
from services.intake.tables import Contact, SignInCode
from shared import known
from shared.contracts.ids import new_id
from shared.contracts.intake import Role
from shared.errors import Unauthenticated
from shared.web.ratelimit import limit

CODES_PER_ADDRESS = 5
CODES_PER_NETWORK = 30
TRIES_PER_NETWORK = 100
WINDOW_SECONDS = 15 * 60


class CodeRefused(Unauthenticated):
    """The code is wrong, used, too old, or was tried too often. Which of these it is stays unsaid."""

    status = 401
    code = "code-refused"


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code on its way to an address."""

    code_id: str
    code: str
    expires_at: datetime
    language: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    contact: Contact
    issued_at: datetime


async def _limit_network(
    session: AsyncSession, act: str, network: str, capacity: int, rehearsal_factor: int
) -> None:
    """Count one more ``act`` of a network; in a rehearsal it may have ``rehearsal_factor`` times as many."""
    if not network:
        return
    if rehearsal_factor > 1 and (contest_id := await known.current_contest(session)):
        rehearsal = (await known.rulebook(session, contest_id)).rehearsal
        capacity *= rehearsal_factor if rehearsal else 1
    await limit(session, act, network, capacity=capacity, per_seconds=WINDOW_SECONDS)


async def issue_code(
    session: AsyncSession, email: str, network: str, *, key: bytes, rehearsal_factor: int = 1
) -> IssuedCode:
    """Make a code for an address, known or not: who asks learns nothing of who is known.

    Args:
        network: the prefix of the asker's address, empty where it says nothing.
        rehearsal_factor: how many times more a network may ask while the current contest is a rehearsal.

    Raises:
        TooMany: too many codes for the address, or from the network.
    """
    email = rules.normal_email(email)
    await limit(session, "sign-in code", email, capacity=CODES_PER_ADDRESS, per_seconds=WINDOW_SECONDS)
    await _limit_network(session, "sign-in codes", network, CODES_PER_NETWORK, rehearsal_factor)
    contest_id = await known.current_contest(session) or DEPLOYMENT
    contact = await repository.contact_by_email(session, email, prefer=contest_id)
    now = await repository.wall_clock(session)
    code_id, code = new_id(), rules.new_code()
    session.add(
        SignInCode(
            contest_id=contest_id,
            code_id=code_id,
            email_hash=rules.email_hash(key, email),
            code_hash=rules.code_hash(key, code_id, code),
            created_at=now,
            expires_at=rules.expires(now),
        )
    )
    return IssuedCode(code_id, code, rules.expires(now), contact.language if contact else "th")


async def sign_in(
    session: AsyncSession,
    email: str,
    code: str,
    network: str,
    *,
    key: bytes,
    language: str = "th",
    rehearsal_factor: int = 1,
) -> SignedIn | None:
    """Take a code. None where it is refused: the caller commits first, so that the try is counted,
    and then raises :class:`CodeRefused`.

    An address without a contact becomes an applicant of the current contest.

    Raises:
        TooMany: too many tries from the network.
    """
    email = rules.normal_email(email)
    await _limit_network(session, "sign-in tries", network, TRIES_PER_NETWORK, rehearsal_factor)
    now = await repository.wall_clock(session)
    row = await repository.newest_code(session, rules.email_hash(key, email))
    expected = row.code_hash if row else rules.code_hash(key, "", "no code was sent")
    matches = rules.same(expected, rules.code_hash(key, row.code_id if row else "", code.strip()))
    if row is None:
        return None
    usable = row.used_at is None and now < row.expires_at and row.tries < rules.CODE_TRIES
    row.tries += 1
    session.add(row)
    if not (matches and usable):
        return None
    row.used_at = now
    contest_id = await known.current_contest(session) or DEPLOYMENT
    contact = await repository.contact_by_email(session, email, prefer=contest_id)
    if contact is None:
        person = Person(email=email, roles=frozenset({Role.APPLICANT}), language=language)
        contact = await add_person(session, contest_id, person)
    return SignedIn(contact, await repository.wall_clock(session))


def refused() -> CodeRefused:
    """What to say to a code that was not taken."""
    return CodeRefused(
        "รหัสไม่ถูกต้อง หมดอายุ หรือใช้ไปแล้ว ตรวจอีเมลฉบับล่าสุด หรือขอรหัสใหม่",
        "The code is wrong, out of date or used. Look at the newest e-mail, or ask for another code.",
        field="code",
    )
