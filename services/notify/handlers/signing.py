"""Signing and numbering: who signs, with what authority, and the one short transaction that takes a number.

The number, the instant, the hash of all inputs and the register's entry are one transaction; the PDF follows
from them and is taken up again where a process died in between (see :mod:`rendering`). A later signature by
certificate goes over the finished PDF: after ``finish_letter`` and before ``dispatch_letter``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.domain.letters import LetterState, Step, after, may_confirm
from services.notify.domain.numbering import given_elsewhere, number_text, register_year
from services.notify.domain.register import Book, EntryKind
from services.notify.handlers.agencies import Agency, agency_of, signature_of
from services.notify.handlers.second_factor import Confirmed
from services.notify.letters.render import inputs_sha256
from services.notify.tables import Letter
from shared.clock import BANGKOK, Clock
from shared.contracts.ids import new_id
from shared.errors import Conflict, Invalid

MOST_AT_ONCE = 50
"""Letters that one code signs."""


@dataclass(frozen=True, slots=True)
class GivenNumber:
    """What the registry says of a letter that it numbers. Empty = the next number, today."""

    number: int | None = None
    dated: date | None = None
    reason: str = ""
    """Where numbers were given outside of this system: for what."""


async def sign_letter(
    session: AsyncSession, clock: Clock, letter_id: str, confirmed: Confirmed, *, approver: bool
) -> Letter:
    """Sign, with a code that was just confirmed. Where the agency numbers at signing the number, the date and
    the hash of all inputs are taken in the same transaction.

    Args:
        approver: whether the person holds the contest's approver role.

    Raises:
        Forbidden: an author of the letter may not, nor who has no authority for the agency.
        Conflict: it is not approved.
    """
    letter = await repository.letters.letter(session, letter_id, lock=True)
    following = after(LetterState(letter.state), Step.SIGN)
    may_confirm(await repository.letters.authors(session, letter), confirmed.contact_id)
    now = await clock.now(session, letter.contest_id)
    agency = await agency_of(session, letter.contest_id, letter.agency, now)
    signature = await signature_of(session, agency, confirmed.contact_id, approver=approver)
    letter.content = {**(letter.content or {}), "signature": signature}
    letter.signed_by = confirmed.contact_id
    letter.signed_at = now
    letter.state = following
    await repository.letters.add_step(session, letter, Step.SIGN, confirmed.contact_id, now, confirmed.method)
    if agency.number_at == "signing":
        await _take_number(session, letter, agency, now, by=confirmed.contact_id)
    return letter


async def sign_letters(
    session: AsyncSession, clock: Clock, letter_ids: Sequence[str], confirmed: Confirmed, *, approver: bool
) -> list[Letter]:
    """Sign several letters with one code, all or none.

    Raises:
        Invalid: none, or too many at once.
        Forbidden, Conflict: see :func:`sign_letter`.
    """
    wanted = list(dict.fromkeys(letter_ids))
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        raise Invalid(
            f"เลือกหนังสือ 1 ถึง {MOST_AT_ONCE} ฉบับ",
            f"Choose 1 to {MOST_AT_ONCE} letters.",
            field="letter_ids",
        )
    # sorted: two people who sign overlapping lists wait for each other and do not deadlock
    signed = {
        one: await sign_letter(session, clock, one, confirmed, approver=approver) for one in sorted(wanted)
    }
    return [signed[one] for one in wanted]


async def number_letter(
    session: AsyncSession, clock: Clock, letter_id: str, by: str, given: GivenNumber, *, staff: bool
) -> Letter:
    """The registry numbers a signed letter: the next number and today's date, or what it gave on paper.

    Numbers between, which were given outside of this system, are written into the book with their reason, so
    that the book has no gap.

    Args:
        staff: see :meth:`Agency.check_registry`.

    Raises:
        Forbidden: others keep this agency's registry.
        Conflict: it is not signed, has a number already, or the number is taken.
        Invalid: a date outside of signing day and today, or numbers left out without a reason.
    """
    letter = await repository.letters.letter(session, letter_id, lock=True)
    now = await clock.now(session, letter.contest_id)
    agency = await agency_of(session, letter.contest_id, letter.agency, now)
    agency.check_registry(by, staff=staff)
    after(LetterState(letter.state), Step.NUMBER)
    if letter.number_text:
        raise Conflict(
            f"หนังสือนี้มีเลขแล้ว: {letter.number_text}", f"It has its number already: {letter.number_text}."
        )
    at = _dated(given.dated, letter, now)
    await _take_number(session, letter, agency, at, by=by, given=given)
    await repository.letters.add_step(session, letter, Step.NUMBER, by, now, letter.number_text)
    return letter


async def proposed_number(session: AsyncSession, letter: Letter, agency: Agency, now: datetime) -> str:
    """How the letter's number would read if it were taken now; somebody else may be faster."""
    form, counter, year = agency.form_of(letter.kind), agency.counter_of(letter.kind), register_year(now)
    number = await repository.register.expected_number(
        session,
        letter.contest_id,
        agency=letter.agency,
        series=counter,
        year=year,
        first=agency.profile.series[counter].first.get(year, 1),
    )
    return number_text(agency.profile.series[form].format, code=agency.profile.code, number=number, year=year)


def _dated(dated: date | None, letter: Letter, now: datetime) -> datetime:
    today = now.astimezone(BANGKOK).date()
    if dated is None or dated == today:
        return now
    signed = (letter.signed_at or now).astimezone(BANGKOK).date()
    if not signed <= dated <= today:
        raise Invalid(
            "วันที่ของหนังสือต้องอยู่ระหว่างวันลงนามกับวันนี้",
            "The letter's date lies between the day of signing and today.",
            field="dated",
        )
    return datetime.combine(dated, time(12), BANGKOK)


async def _take_number(
    session: AsyncSession,
    letter: Letter,
    agency: Agency,
    at: datetime,
    *,
    by: str,
    given: GivenNumber | None = None,
) -> None:
    """Number, instant, hash of the inputs and the register's entry."""
    form, counter = agency.form_of(letter.kind), agency.counter_of(letter.kind)
    year = register_year(at)
    first = agency.profile.series[counter].first.get(year, 1)
    place: dict[str, Any] = {"agency": letter.agency, "series": counter, "year": year, "first": first}
    if given is not None and given.number is not None:
        number = given.number
        expected = await repository.register.take_given_number(
            session, letter.contest_id, **place, given=number
        )
        await _note_elsewhere(
            session, letter, counter, year, at, given_elsewhere(expected, number), given, by
        )
    else:
        number = await repository.letters.take_number(session, letter.contest_id, **place)
    letter.series, letter.year, letter.number = counter, year, number
    letter.number_text = number_text(
        agency.profile.series[form].format, code=agency.profile.code, number=number, year=year
    )
    letter.issued_at = at.replace(microsecond=0)
    letter.inputs_sha256 = inputs_of(letter)
    await repository.register.append(
        session,
        letter.contest_id,
        letter.agency,
        Book.OUT,
        EntryKind.NUMBERED,
        at,
        {
            "letter_id": letter.letter_id,
            "series": counter,
            "year": year,
            "number": number,
            "number_text": letter.number_text,
            "issued_at": letter.issued_at.astimezone(UTC).isoformat(),
            "sender": agency.profile.name,
            "subject": letter.subject,
            "addressee": letter.addressee,
            "recipients": len(letter.recipients),
            "inputs_sha256": letter.inputs_sha256,
            "signed_by": letter.signed_by,
            "signed_at": (letter.signed_at or at).astimezone(UTC).isoformat(),
            "numbered_by": by,
        },
    )


def inputs_of(letter: Letter) -> str:
    """The hash of everything that the letter's bytes follow from."""
    issued_at = letter.issued_at.astimezone(UTC).isoformat() if letter.issued_at else ""
    layout = contest_files(letter.contest_id).template(letter.template).layout
    return inputs_sha256(layout, {**(letter.content or {}), "number": letter.number_text, "at": issued_at})


async def _note_elsewhere(
    session: AsyncSession,
    letter: Letter,
    series: str,
    year: int,
    at: datetime,
    between: tuple[int, int] | None,
    given: GivenNumber,
    by: str,
) -> None:
    if between is None:
        return
    if not given.reason.strip():
        raise Invalid(
            f"เลข {between[0]} ถึง {between[1]} ยังไม่มีในทะเบียนนี้ โปรดระบุว่าใช้กับเรื่องใดนอกระบบ",
            f"Numbers {between[0]} to {between[1]} are not in this book: say what they were given to.",
            field="reason",
        )
    await repository.register.append(
        session,
        letter.contest_id,
        letter.agency,
        Book.OUT,
        EntryKind.ELSEWHERE,
        at,
        {
            "series": series,
            "year": year,
            "from": between[0],
            "to": between[1],
            "reason": given.reason.strip()[:300],
            "noted_by": by,
            "nonce": new_id(),  # nobody can try reasons against the entry's hash, which is public
        },
    )
