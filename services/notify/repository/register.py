"""The books of the registries: their chain, the numbers, and what came in."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify.domain.register import GENESIS, Book, ChainLink, EntryKind
from services.notify.register_tables import Incoming, RegisterEntry, RegisterHead, StoredFile
from shared.errors import NotFound

_LOCK_HEAD = text(
    """
    INSERT INTO register_head (contest_id, agency, book, position, sha256)
    VALUES (:contest_id, :agency, :book, 0, :genesis)
    ON CONFLICT (contest_id, agency, book) DO UPDATE SET position = register_head.position
    RETURNING position, sha256
    """
)
"""Locks the head of a book until the transaction ends: its entries are written one after the other."""
_MOVE_HEAD = text(
    """
    UPDATE register_head SET position = :position, sha256 = :sha256
    WHERE contest_id = :contest_id AND agency = :agency AND book = :book
    """
)
_LOCK_COUNTER = text(
    """
    INSERT INTO register_counter (contest_id, agency, series, year, last)
    VALUES (:contest_id, :agency, :series, :year, :before)
    ON CONFLICT (contest_id, agency, series, year) DO UPDATE SET last = register_counter.last
    RETURNING last
    """
)
_SET_COUNTER = text(
    """
    UPDATE register_counter SET last = :last
    WHERE contest_id = :contest_id AND agency = :agency AND series = :series AND year = :year
    """
)
_COUNTER = text(
    """
    SELECT last FROM register_counter
    WHERE contest_id = :contest_id AND agency = :agency AND series = :series AND year = :year
    """
)
_INCOMING_NUMBERS = text(
    "SELECT number_text, dated FROM incoming WHERE contest_id = :contest_id AND number_text <> ''"
)


async def expected_number(
    session: AsyncSession, contest_id: str, *, agency: str, series: str, year: int, first: int
) -> int:
    """The next number of a series, without taking it."""
    values = {"contest_id": contest_id, "agency": agency, "series": series, "year": year}
    last = (await session.execute(_COUNTER, values)).scalar_one_or_none()
    return first if last is None else last + 1


async def take_given_number(
    session: AsyncSession, contest_id: str, *, agency: str, series: str, year: int, first: int, given: int
) -> int:
    """Take the number that a registry gave; the counter goes on from it.

    Returns:
        The number that was expected. Locks the counter; the caller refuses a number below it.
    """
    values = {"contest_id": contest_id, "agency": agency, "series": series, "year": year}
    last: int = (await session.execute(_LOCK_COUNTER, {**values, "before": first - 1})).scalar_one()
    await session.execute(_SET_COUNTER, {**values, "last": max(last, given)})
    return last + 1


async def append(
    session: AsyncSession,
    contest_id: str,
    agency: str,
    book: Book,
    kind: EntryKind,
    at: datetime,
    facts: Mapping[str, Any],
) -> RegisterEntry:
    """Write the next entry of a book. ``facts`` hold texts, whole numbers and lists of them."""
    key = {"contest_id": contest_id, "agency": agency, "book": book.value}
    position, previous = (await session.execute(_LOCK_HEAD, {**key, "genesis": GENESIS})).one()
    link = ChainLink(contest_id, agency, book.value, position + 1, kind.value, at, facts, previous)
    entry = RegisterEntry(
        contest_id=contest_id,
        agency=agency,
        book=book.value,
        position=link.position,
        kind=kind.value,
        at=at,
        facts=dict(facts),
        previous_sha256=previous,
        sha256=link.sha256(),
    )
    session.add(entry)
    await session.flush()
    await session.execute(_MOVE_HEAD, {**key, "position": entry.position, "sha256": entry.sha256})
    return entry


def link_of(entry: RegisterEntry) -> ChainLink:
    """A stored entry as the chain sees it."""
    return ChainLink(
        entry.contest_id,
        entry.agency,
        entry.book,
        entry.position,
        entry.kind,
        entry.at,
        entry.facts,
        entry.previous_sha256,
    )


async def entries(
    session: AsyncSession, contest_id: str, agency: str, book: Book, *, up_to: int | None = None
) -> Sequence[RegisterEntry]:
    """Every entry of a book, or those up to a position, in order."""
    query = select(RegisterEntry).where(
        RegisterEntry.contest_id == contest_id,
        RegisterEntry.agency == agency,
        RegisterEntry.book == book.value,
    )
    if up_to is not None:
        query = query.where(RegisterEntry.position <= up_to)
    return (await session.exec(query.order_by(col(RegisterEntry.position)))).all()


async def heads(session: AsyncSession, contest_id: str = "") -> Sequence[RegisterHead]:
    """The heads of all books, of one contest or of all."""
    query = select(RegisterHead)
    if contest_id:
        query = query.where(RegisterHead.contest_id == contest_id)
    order = (col(RegisterHead.contest_id), col(RegisterHead.agency), col(RegisterHead.book))
    return (await session.exec(query.order_by(*order))).all()


async def head(session: AsyncSession, contest_id: str, agency: str, book: Book) -> RegisterHead | None:
    """The head of a book; None where nothing is in it."""
    return await session.get(RegisterHead, (contest_id, agency, book.value))


async def entry(
    session: AsyncSession, contest_id: str, agency: str, book: str, position: int
) -> RegisterEntry | None:
    """One entry of a book; None where there is none."""
    return await session.get(RegisterEntry, (contest_id, agency, book, position))


async def incoming(session: AsyncSession, contest_id: str, agency: str, year: int) -> Sequence[Incoming]:
    """The lines of a year's book of incoming letters, the oldest first."""
    query = select(Incoming).where(
        Incoming.contest_id == contest_id, Incoming.agency == agency, Incoming.year == year
    )
    return (await session.exec(query.order_by(col(Incoming.number)))).all()


async def incoming_numbers(session: AsyncSession, contest_id: str) -> Sequence[tuple[str, date | None]]:
    """(the sender's ที่, its date) of every letter in the contest's books of incoming letters."""
    return [
        (number, dated)
        for number, dated in await session.execute(_INCOMING_NUMBERS, {"contest_id": contest_id})
    ]


async def incoming_years(session: AsyncSession, contest_id: str, agency: str) -> Sequence[int]:
    """The years (C.E.) of which there is a book of incoming letters."""
    query = select(Incoming.year).where(Incoming.contest_id == contest_id, Incoming.agency == agency)
    return (await session.exec(query.distinct().order_by(col(Incoming.year)))).all()


async def incoming_letter(session: AsyncSession, contest_id: str, incoming_id: str) -> Incoming:
    """One line of the book. Raises NotFound."""
    found = await session.get(Incoming, (contest_id, incoming_id))
    if found is None:
        raise NotFound("ไม่พบหนังสือรับรายการนี้", "There is no such incoming letter.", field="incoming_id")
    return found


async def stored_file(session: AsyncSession, contest_id: str, file_id: str) -> StoredFile:
    """A file that came from outside. Raises NotFound."""
    found = await session.get(StoredFile, (contest_id, file_id))
    if found is None:
        raise NotFound("ไม่พบไฟล์นี้", "There is no such file.", field="file_id")
    return found


async def agency_of_file(session: AsyncSession, contest_id: str, file_id: str) -> str:
    """The agency in whose book of what came in the file is. Raises NotFound where it is in none."""
    query = select(Incoming.agency).where(Incoming.contest_id == contest_id, Incoming.file_id == file_id)
    found = (await session.exec(query)).first()
    if found is None:
        raise NotFound("ไม่พบไฟล์นี้", "There is no such file.", field="file_id")
    return found


async def keep_once(session: AsyncSession, file: StoredFile) -> None:
    """Keep a file whose id follows from its content; the same again changes nothing."""
    await session.execute(insert(StoredFile).values(file.model_dump()).on_conflict_do_nothing())
