"""The heads of the registers' chains, for whoever compares later: what was published once must stay so.

A head is a position and the hash of the entry there. It tells how many entries a book has and nothing of what
they say; whoever keeps one can tell later whether the entries up to it are still the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.domain.register import Book, first_broken
from shared.errors import Invalid, NotFound

ADDRESS = "/documents/registers"
"""Where the heads are published; printed books name it."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a book's chain at an entry."""

    agency: str
    book: Book
    position: int
    sha256: str
    at: datetime


async def published_heads(session: AsyncSession, contest_id: str) -> list[Head]:
    """The newest head of every book that has an entry, by agency and book."""
    return [
        await head_at(session, contest_id, row.agency, row.book, row.position)
        for row in await repository.register.heads(session, contest_id)
        if row.position
    ]


async def head_at(session: AsyncSession, contest_id: str, agency: str, book: str, position: int) -> Head:
    """The head as it was when the book had ``position`` entries. Raises NotFound where it has fewer."""
    entry = await repository.register.entry(session, contest_id, agency, book, position)
    if entry is None:
        raise NotFound(
            "เล่มทะเบียนนี้ไม่มีรายการลำดับนี้", "The book has no entry of that position.", field="position"
        )
    return Head(entry.agency, Book(entry.book), entry.position, entry.sha256, entry.at)


async def still_holds(session: AsyncSession, contest_id: str, kept: Sequence[str]) -> bool:
    """Whether a head that somebody kept is still in the chain, every entry up to it unchanged: each is hashed
    anew.

    Args:
        kept: agency, book, position, SHA-256, as they were published or printed; Thai digits may stand there.

    Raises:
        Invalid: that is no head.
    """
    agency, book, position, sha256 = kept if len(kept) == 4 else ("", "", "", "")
    digits = position.strip()
    if not (digits.isdecimal() and len(digits) <= 9 and len(sha256.strip()) == 64):
        raise Invalid(
            "กรอกลำดับรายการและ SHA-256 64 ตัวอักษรตามที่พิมพ์ท้ายเล่ม",
            "Give the entry's position and the 64 characters of its SHA-256, as printed at the book's end.",
            field="sha256" if digits.isdecimal() else "position",
        )
    try:
        found = await head_at(session, contest_id, agency, book, int(digits))
    except NotFound:
        return False
    wanted = sha256.strip().lower()
    if found.sha256 != wanted:
        return False
    entries = await repository.register.entries(session, contest_id, agency, found.book, up_to=found.position)
    links = [(repository.register.link_of(entry), entry.sha256) for entry in entries]
    return first_broken(agency, book, links, (found.position, wanted)) is None
