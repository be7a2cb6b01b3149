"""Files of an entry."""

import asyncio
import hashlib
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake import repository
from services.intake.domain import files
from services.intake.handlers.entries import editable
from services.intake.tables import Attachment, AttachmentContent, Entry
from shared.clock import Clock
from shared.contracts.ids import new_id
from shared.contracts.intake import Role
from shared.errors import Conflict, Forbidden, Invalid, NotFound


@dataclass(frozen=True, slots=True)
class Download:
    """A file as it goes to whoever may have it."""

    name: str
    media_type: str
    content: bytes


async def add_attachment(
    session: AsyncSession,
    clock: Clock,
    contest_id: str,
    entry_id: str,
    contact_id: str,
    name: str,
    content: bytes,
) -> tuple[Attachment, Entry]:
    """Add a file to the working copy; the same bytes again under the same name change nothing.

    Raises:
        Invalid: the file is too large, of a kind that is not taken, or not what its name says.
        Conflict: the entry has as many files as it may have, or cannot change any more.
    """
    entry, _, now = await editable(session, clock, contest_id, entry_id, contact_id, None)
    cleaned = files.clean_name(name)
    if not cleaned:
        raise Invalid("ไฟล์ไม่มีชื่อ", "The file has no name.", field="file")
    media_type = await asyncio.to_thread(files.media_type, cleaned, content)  # it unpacks office files
    digest = hashlib.sha256(content).hexdigest()
    present = await repository.attachments(session, contest_id, entry_id)
    for file in present:
        if (file.name, file.sha256) == (cleaned, digest):
            return file, entry
    if len(present) >= files.MAXIMUM_FILES:
        raise Conflict(
            f"แนบได้ไม่เกิน {files.MAXIMUM_FILES} ไฟล์ ลบไฟล์เดิมก่อน",
            f"An entry has {files.MAXIMUM_FILES} files at most: remove one first.",
            field="file",
        )
    if sum(file.size for file in present) + len(content) > files.MAXIMUM_TOTAL:
        raise Conflict(
            f"ไฟล์แนบรวมกันใหญ่เกิน {files.MAXIMUM_TOTAL // 2**20} MB",
            f"All files together may have {files.MAXIMUM_TOTAL // 2**20} MB.",
            field="file",
        )
    row = Attachment(
        contest_id=contest_id,
        attachment_id=new_id(),
        entry_id=entry_id,
        name=cleaned,
        media_type=media_type,
        size=len(content),
        sha256=digest,
        added_at=now,
    )
    session.add(row)
    session.add(AttachmentContent(contest_id=contest_id, attachment_id=row.attachment_id, content=content))
    _changed(entry)
    entry.changed_at = now
    session.add(entry)
    return row, entry


def _changed(entry: Entry) -> None:
    entry.revision += 1
    entry.unsent_changes = entry.sent is not None


async def remove_attachment(
    session: AsyncSession, clock: Clock, contest_id: str, entry_id: str, contact_id: str, attachment_id: str
) -> Entry:
    """Take a file out of the working copy; what was sent with it keeps it.

    Raises:
        NotFound: the entry has no such file.
    """
    entry, _, now = await editable(session, clock, contest_id, entry_id, contact_id, None)
    row = await repository.attachment(session, contest_id, entry_id, attachment_id)
    if row.removed_at is None:
        row.removed_at = now
        session.add(row)
        _changed(entry)
        entry.changed_at = now
        session.add(entry)
    return entry


async def open_attachment(
    session: AsyncSession,
    contest_id: str,
    entry_id: str,
    attachment_id: str,
    contact_id: str,
    roles: frozenset[Role],
) -> Download:
    """A file of an entry: any for its applicant, one that was sent for staff and for the entry's judges.

    Raises:
        Forbidden: the entry is somebody else's, or the judge does not have it or was recused.
        NotFound: there is no such file, or it was not sent.
    """
    entry = await repository.entry(session, contest_id, entry_id)
    own = entry.contact_id == contact_id
    judges = Role.JUDGE in roles and await repository.judges_entry(session, contest_id, contact_id, entry_id)
    if not (own or judges or roles & {Role.STAFF, Role.ADMIN}):
        raise Forbidden("ผลงานนี้เป็นของผู้อื่น", "This entry belongs to someone else.")
    row = await repository.attachment(session, contest_id, entry_id, attachment_id)
    if not own and attachment_id not in entry.sent_attachments:
        raise NotFound("ไม่พบไฟล์แนบนี้", "There is no such attachment.")
    content = await repository.attachment_content(session, contest_id, attachment_id)
    return Download(row.name, row.media_type, content)
