"""Files of an entry."""

import hashlib

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake import repository
from services.intake.domain import files
from services.intake.handlers.entries import editable
from services.intake.tables import Attachment, AttachmentContent, Entry
from shared.clock import Clock
from shared.contracts.ids import new_id
from shared.errors import Conflict, Invalid


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
    media_type = files.media_type(cleaned, content)
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
