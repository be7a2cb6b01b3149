"""Does the register hold? The chain of every book, its numbers, and the letters and files it speaks of."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain.register import Book, Broken, EntryKind, first_broken, first_gap
from services.notify.handlers.signing import inputs_of
from services.notify.register_tables import RegisterEntry, RegisterHead
from shared.db import Database
from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class BookChecked:
    """A book, and the first entry that does not hold; None = all hold."""

    contest_id: str
    agency: str
    book: str
    entries: int
    head_sha256: str
    broken: Broken | None


async def verify_registers(database: Database, contest_id: str = "") -> list[BookChecked]:
    """Check every book, of one contest or of all. Each book is read in a transaction of its own."""
    async with database.transaction() as session:
        heads = await repository.register.heads(session, contest_id)
    return [await _checked(database, head) for head in heads]


async def _checked(database: Database, head: RegisterHead) -> BookChecked:
    async with database.transaction() as session:
        # the head first and again: what is written meanwhile is not taken for a fault
        book = Book(head.book)
        now = await repository.register.head(session, head.contest_id, head.agency, book)
        position, sha256 = (now.position, now.sha256) if now else (head.position, head.sha256)
        entries = [
            entry
            for entry in await repository.register.entries(session, head.contest_id, head.agency, book)
            if entry.position <= position or now is None
        ]
        links = [(repository.register.link_of(entry), entry.sha256) for entry in entries]
        found = first_broken(head.agency, head.book, links, (position, sha256))
        if found is None:
            found = first_gap(head.agency, head.book, [link for link, _ in links])
        if found is None:
            found = await _first_unlike(session, head, entries)
    return BookChecked(head.contest_id, head.agency, head.book, len(entries), sha256, found)


async def _first_unlike(
    session: AsyncSession, head: RegisterHead, entries: Sequence[RegisterEntry]
) -> Broken | None:
    """The first entry whose letter or file is not what the entry says."""
    checks = {
        EntryKind.NUMBERED: _letter_unlike,
        EntryKind.DOCUMENT: _document_unlike,
        EntryKind.RECEIVED: _file_unlike,
    }
    for entry in entries:
        check = checks.get(EntryKind(entry.kind))
        if check is None:
            continue
        try:
            what = await check(session, entry)
        except NotFound:
            what = "what it tells of is gone"
        if what:
            return Broken(head.agency, head.book, entry.position, what)
    return None


async def _letter_unlike(session: AsyncSession, entry: RegisterEntry) -> str:
    letter = await repository.letters.letter(session, entry.facts["letter_id"])
    if (letter.number_text, letter.subject) != (entry.facts["number_text"], entry.facts["subject"]):
        return "the letter has another number or subject"
    if inputs_of(letter) != entry.facts["inputs_sha256"]:
        return "the letter's text was changed after it was numbered"
    return ""


async def _document_unlike(session: AsyncSession, entry: RegisterEntry) -> str:
    letter = await repository.letters.letter(session, entry.facts["letter_id"])
    kept = await repository.letters.letter_pdf(session, letter)
    same = kept is not None and hashlib.sha256(kept).hexdigest() == entry.facts["sha256"]
    return "" if same else "the letter's PDF is another one"


async def _file_unlike(session: AsyncSession, entry: RegisterEntry) -> str:
    if not entry.facts["file_id"]:
        return ""
    file = await repository.register.stored_file(session, entry.contest_id, entry.facts["file_id"])
    same = hashlib.sha256(file.content).hexdigest() == entry.facts["file_sha256"]
    return "" if same else "its file was changed"
