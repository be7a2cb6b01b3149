"""Who signs for an agency and keeps its registry, and how it numbers; every change is written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain.emblems import emblem_of
from services.notify.domain.uploads import Upload, clean_name
from services.notify.handlers.agencies import DUTIES, Agency, agency_of, emblem_file
from services.notify.register_tables import AgencySetting, Officer, StoredFile
from shared.clock import Clock
from shared.errors import Invalid

LONGEST = 200


@dataclass(frozen=True, slots=True)
class Appointment:
    """A person's duty for an agency."""

    contact_id: str
    duty: str
    valid_from: date
    authorised_by: str = ""
    """The order: ``คำสั่ง สศด. ที่ …``; a signer needs one, or letters bear ฉบับร่าง."""
    lines: Sequence[str] = ()
    """The posts under the name; empty = the letterhead's."""
    valid_until: date | None = None


async def appoint(
    session: AsyncSession, clock: Clock, contest_id: str, agency: str, appointment: Appointment, *, by: str
) -> Officer:
    """Appoint someone, or change their appointment; an end date ends it.

    Raises:
        NotFound: the contest has no such letterhead.
        Invalid: no such duty, dates the wrong way round, or texts too long.
    """
    now = await clock.now(session, contest_id)
    await agency_of(session, contest_id, agency, now)
    lines = [" ".join(line.split()) for line in appointment.lines if line.strip()]
    order = " ".join(appointment.authorised_by.split())
    _check(appointment, lines, order)
    officer = Officer(
        contest_id=contest_id,
        agency=agency,
        contact_id=appointment.contact_id,
        duty=appointment.duty,
        lines=lines,
        authorised_by=order,
        valid_from=appointment.valid_from,
        valid_until=appointment.valid_until,
        appointed_by=by,
        appointed_at=now,
    )
    await repository.signers.keep_officer(session, officer)
    await repository.signers.audit(
        session,
        contest_id,
        at=now,
        by=by,
        what="officer-appointed",
        about=agency,
        detail=officer.model_dump(
            mode="json", include={"contact_id", "duty", "authorised_by", "lines", "valid_from", "valid_until"}
        ),
    )
    return officer


def _check(appointment: Appointment, lines: Sequence[str], order: str) -> None:
    if appointment.duty not in DUTIES:
        raise Invalid("เลือกหน้าที่: ผู้ลงนาม หรือนายทะเบียน", "Choose the duty: signer or registry.", field="duty")
    if not appointment.contact_id.strip():
        raise Invalid("โปรดเลือกบุคคล", "Choose the person.", field="contact_id")
    if appointment.valid_until is not None and appointment.valid_until < appointment.valid_from:
        raise Invalid("วันสิ้นสุดต้องไม่ก่อนวันเริ่ม", "It cannot end before it begins.", field="valid_until")
    if len(lines) > 4 or any(len(line) > LONGEST for line in (*lines, order)):
        raise Invalid(
            f"ตำแหน่งไม่เกิน 4 บรรทัด บรรทัดละไม่เกิน {LONGEST} ตัวอักษร",
            f"At most 4 lines of {LONGEST} characters.",
            field="lines",
        )


async def set_numbering(
    session: AsyncSession,
    clock: Clock,
    contest_id: str,
    agency: str,
    *,
    number_at: str,
    circulars: str,
    by: str,
) -> AgencySetting:
    """Set who gives numbers, and which series circulars take. Letters that have a number keep it.

    Raises:
        NotFound: the contest has no such letterhead.
        Invalid: another word than the settings know.
    """
    if number_at not in ("registry", "signing") or circulars not in ("own", "ordinary"):
        raise Invalid("ค่าที่เลือกไม่ถูกต้อง", "That is none of the choices.", field="number_at")
    now = await clock.now(session, contest_id)
    before = await agency_of(session, contest_id, agency, now)
    row = await setting_for_change(session, before, by, now)
    row.number_at, row.circulars = number_at, circulars
    await repository.signers.audit(
        session,
        contest_id,
        at=now,
        by=by,
        what="numbering-set",
        about=agency,
        detail={
            "before": {"number_at": before.number_at, "circulars": before.circulars},
            "after": {"number_at": number_at, "circulars": circulars},
        },
    )
    return row


async def set_emblem(
    session: AsyncSession, clock: Clock, contest_id: str, agency: str, upload: Upload, *, by: str
) -> AgencySetting:
    """Set the agency's emblem. Letters that are signed keep the one that they bear.

    Raises:
        NotFound: the contest has no such letterhead.
        Invalid: see :func:`services.notify.domain.emblems.emblem_of`.
    """
    emblem = emblem_of(upload)
    now = await clock.now(session, contest_id)
    before = await agency_of(session, contest_id, agency, now)
    row = await setting_for_change(session, before, by, now)
    old, row.emblem, row.emblem_type = row.emblem_sha256, emblem.content, emblem.media_type
    row.emblem_sha256 = emblem.sha256
    await repository.register.keep_once(
        session,
        StoredFile(
            contest_id=contest_id,
            file_id=emblem_file(emblem.sha256),
            name=clean_name(upload.name),
            media_type=emblem.media_type,
            size=len(emblem.content),
            sha256=emblem.sha256,
            content=emblem.content,
            added_at=now,
            added_by=by,
        ),
    )
    await repository.signers.audit(
        session,
        contest_id,
        at=now,
        by=by,
        what="emblem-set",
        about=agency,
        detail={
            "sha256": emblem.sha256,
            "before": old,
            "uploaded_sha256": sha256(upload.content).hexdigest(),
        },
    )
    return row


async def setting_for_change(session: AsyncSession, agency: Agency, by: str, now: datetime) -> AgencySetting:
    """The agency's own settings, locked; new where it has none yet."""
    found = await repository.signers.setting(session, agency.contest_id, agency.name, lock=True)
    row = found or AgencySetting(
        contest_id=agency.contest_id, agency=agency.name, changed_by=by, changed_at=now
    )
    row.changed_by, row.changed_at = by, now
    session.add(row)
    return row
