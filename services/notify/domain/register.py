"""The chain over a register: each entry's hash includes the one before, so that nothing can be changed, left
out or put in between without every later hash telling of it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

GENESIS = "0" * 64
"""What the first entry of a book has before it."""


class Book(StrEnum):
    """The two books of a registry."""

    OUT = "out"
    """ทะเบียนหนังสือส่ง"""
    IN = "in"
    """ทะเบียนหนังสือรับ"""


class EntryKind(StrEnum):
    """What an entry of a book tells."""

    NUMBERED = "numbered"
    """A letter took its number."""
    ELSEWHERE = "elsewhere"
    """Numbers that the registry gave outside of this system."""
    DOCUMENT = "document"
    """The bytes that a numbered letter has."""
    VOID = "void"
    """A letter is void; its number stays taken."""
    RECEIVED = "received"
    """Something came in and was stamped."""


@dataclass(frozen=True, slots=True)
class ChainLink:
    """An entry as the chain sees it."""

    contest_id: str
    agency: str
    book: str
    position: int
    kind: str
    at: datetime
    facts: Mapping[str, Any]
    previous_sha256: str

    def sha256(self) -> str:
        """The hash of everything above; facts hold texts and whole numbers only."""
        said = {
            "contest_id": self.contest_id,
            "agency": self.agency,
            "book": self.book,
            "position": self.position,
            "kind": self.kind,
            "at": self.at.astimezone(UTC).isoformat(),
            "facts": dict(self.facts),
            "previous": self.previous_sha256,
        }
        text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place at which a book does not hold."""

    agency: str
    book: str
    position: int
    what: str


def first_broken(
    agency: str, book: str, links: Iterable[tuple[ChainLink, str]], head: tuple[int, str]
) -> Broken | None:
    """The first entry that does not hold, or None.

    Args:
        links: (entry, its stored hash) in the order of their positions.
        head: position and hash that the book's head remembers.
    """
    position, previous = 0, GENESIS
    for link, stored in links:
        if link.position != position + 1:
            return Broken(agency, book, position + 1, f"entry {position + 1} is missing")
        if link.previous_sha256 != previous:
            return Broken(agency, book, link.position, "it does not follow from the entry before it")
        if link.sha256() != stored:
            return Broken(agency, book, link.position, "it was changed after it was written")
        position, previous = link.position, stored
    if (position, previous) != head:
        return Broken(agency, book, position + 1, f"the book ends at {position}, its head says {head[0]}")
    return None


def first_gap(agency: str, book: str, links: Iterable[ChainLink]) -> Broken | None:
    """The first entry whose number does not follow the one before in its series and year, or None."""
    last: dict[tuple[str, int], int] = {}
    for link in links:
        facts = link.facts
        if link.kind == EntryKind.ELSEWHERE:
            series, first, end = (facts["series"], facts["year"]), facts["from"], facts["to"]
        elif link.kind in (EntryKind.NUMBERED, EntryKind.RECEIVED):
            series, first, end = (facts["series"], facts["year"]), facts["number"], facts["number"]
        else:
            continue
        expected = last.get(series, first - 1) + 1
        if first != expected:
            return Broken(
                agency, book, link.position, f"it has number {first} where {expected} should follow"
            )
        last[series] = end
    return None
