"""ทะเบียนหนังสือส่ง and ทะเบียนหนังสือรับ: what comes in is stamped, and both books are read as lines."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain.letters import STATE_NAMES, LetterState
from services.notify.domain.numbering import register_year
from services.notify.domain.register import Book, EntryKind
from services.notify.domain.uploads import Upload, clean_name, media_type_of
from services.notify.handlers.agencies import Agency, agency_of
from services.notify.register_tables import Incoming, StoredFile
from shared.clock import Clock
from shared.contracts.event import LocalizedText
from shared.contracts.ids import new_id
from shared.errors import Invalid, as_one

INCOMING = "incoming"
"""The series of receive numbers."""
SOURCES = ("acknowledgement", "passed_on", "manual")
_LENGTHS = {"number_text": 80, "sender": 200, "addressee": 200, "subject": 400, "action": 200, "note": 300}
_NEEDED = {
    "sender": ("โปรดกรอกผู้ส่ง", "Give the sender."),
    "subject": ("โปรดกรอกเรื่อง", "Give the subject."),
}


@dataclass(frozen=True, slots=True)
class IncomingLetter:
    """What the registry writes of something that came in."""

    sender: str
    subject: str
    number_text: str = ""
    dated: date | None = None
    addressee: str = ""
    action: str = ""
    note: str = ""
    source: str = "manual"
    dispatch_id: str = ""
    file: StoredFile | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a book, as it is printed."""

    position: int
    number: int
    number_text: str
    dated: date | datetime | None
    sender: str
    addressee: str
    subject: str
    action: LocalizedText
    note: str
    letter_id: str = ""
    received_at: datetime | None = None
    file_id: str = ""
    void: bool = False


async def keep_file(
    session: AsyncSession, contest_id: str, upload: Upload, *, by: str, now: datetime, scans: bool = True
) -> StoredFile:
    """Keep a file with its hash.

    Raises:
        Invalid: see :func:`services.notify.domain.uploads.media_type_of`.
    """
    media_type = media_type_of(upload, scans=scans)
    row = StoredFile(
        contest_id=contest_id,
        file_id=new_id(),
        name=clean_name(upload.name),
        media_type=media_type,
        size=len(upload.content),
        sha256=hashlib.sha256(upload.content).hexdigest(),
        content=upload.content,
        added_at=now,
        added_by=by,
    )
    session.add(row)
    return row


async def receive_by_registry(
    session: AsyncSession,
    clock: Clock,
    contest_id: str,
    agency: str,
    letter: IncomingLetter,
    *,
    by: str,
    staff: bool,
) -> Incoming:
    """The registry stamps something that came in by other ways.

    Raises:
        Forbidden: others keep this agency's registry.
        Invalid: no sender or subject, or a text too long; every fault at once.
    """
    now = await clock.now(session, contest_id)
    (await agency_of(session, contest_id, agency, now)).check_registry(by, staff=staff)
    faults = []
    for field, longest in _LENGTHS.items():
        value = " ".join(str(getattr(letter, field)).split())
        if field in _NEEDED and not value:
            faults.append(Invalid(*_NEEDED[field], field=field))
        if len(value) > longest:
            th, en = f"ยาวเกิน {longest} ตัวอักษร", f"Longer than {longest} characters."
            faults.append(Invalid(th, en, field=field))
    if letter.dated is not None and letter.dated > now.date():
        faults.append(Invalid("วันที่ของหนังสืออยู่ในอนาคต", "The letter's date is in the future.", field="dated"))
    if faults:
        raise as_one(faults)
    return await receive(session, clock, contest_id, agency, letter, by=by)


async def receive(
    session: AsyncSession, clock: Clock, contest_id: str, agency: str, letter: IncomingLetter, *, by: str
) -> Incoming:
    """Take the next receive number of the year, with the stamp of the instant, and write it into the book."""
    now = await clock.now(session, contest_id)
    year = register_year(now)
    number = await repository.letters.take_number(
        session, contest_id, agency=agency, series=INCOMING, year=year, first=1
    )
    row = Incoming(
        contest_id=contest_id,
        incoming_id=new_id(),
        agency=agency,
        year=year,
        number=number,
        received_at=now,
        source=letter.source,
        number_text=" ".join(letter.number_text.split()),
        dated=letter.dated,
        sender=" ".join(letter.sender.split()),
        addressee=" ".join(letter.addressee.split()),
        subject=" ".join(letter.subject.split()),
        action=" ".join(letter.action.split()),
        note=" ".join(letter.note.split()),
        file_id=letter.file.file_id if letter.file else "",
        dispatch_id=letter.dispatch_id,
        by=by,
    )
    session.add(row)
    facts = row.model_dump(mode="json", exclude={"contest_id", "agency"})
    facts |= {"series": INCOMING, "file_sha256": letter.file.sha256 if letter.file else ""}
    await repository.register.append(session, contest_id, agency, Book.IN, EntryKind.RECEIVED, now, facts)
    return row


async def outgoing_lines(session: AsyncSession, agency: Agency, year: int) -> list[Line]:
    """The lines of a year's book of outgoing letters, in the order in which numbers were taken."""
    entries = await repository.register.entries(session, agency.contest_id, agency.name, Book.OUT)
    void = {
        entry.facts["letter_id"]: entry.facts["reason"] for entry in entries if entry.kind == EntryKind.VOID
    }
    states = {
        one.letter_id: one.state for one in await repository.letters.letters(session, agency.contest_id)
    }
    lines = []
    for entry in entries:
        facts = entry.facts
        if facts.get("year") != year:
            continue
        if entry.kind == EntryKind.ELSEWHERE:
            span = f"{facts['from']}–{facts['to']}" if facts["from"] != facts["to"] else str(facts["from"])
            text = LocalizedText(th="ออกเลขนอกระบบ", en="numbered outside of this system")
            lines.append(
                Line(
                    position=entry.position,
                    number=facts["from"],
                    number_text=span,
                    dated=entry.at,
                    sender=agency.profile.name,
                    addressee="",
                    subject="",
                    action=text,
                    note=facts["reason"],
                )
            )
        elif entry.kind == EntryKind.NUMBERED:
            letter_id = facts["letter_id"]
            names = STATE_NAMES[LetterState(states.get(letter_id, LetterState.SIGNED))]
            lines.append(
                Line(
                    position=entry.position,
                    number=facts["number"],
                    number_text=facts["number_text"],
                    dated=datetime.fromisoformat(facts["issued_at"]),
                    sender=facts["sender"],
                    addressee=facts["addressee"],
                    subject=facts["subject"],
                    action=LocalizedText(th=names[0], en=names[1]),
                    note=void.get(letter_id, ""),
                    letter_id=letter_id,
                    void=letter_id in void,
                )
            )
    return lines


async def incoming_lines(session: AsyncSession, agency: Agency, year: int) -> list[Line]:
    """The lines of a year's book of incoming letters, by receive number."""
    rows = await repository.register.incoming(session, agency.contest_id, agency.name, year)
    return [
        Line(
            position=row.number,
            number=row.number,
            number_text=row.number_text,
            dated=row.dated,
            sender=row.sender,
            addressee=row.addressee,
            subject=row.subject,
            action=LocalizedText(th=row.action or "–", en=row.action or "–"),
            note=row.note,
            received_at=row.received_at,
            file_id=row.file_id,
        )
        for row in rows
    ]


def years_of(now: datetime, lines: Sequence[int]) -> list[int]:
    """The years to choose from, the newest first: those with entries, and the present one."""
    return sorted({register_year(now), *lines}, reverse=True)
