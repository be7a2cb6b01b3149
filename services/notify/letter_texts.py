"""The shapes of a contest's letter texts: letters, certificates and papers, with their places still open."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.notify.domain.texts import places
from shared.contracts.event import LocalizedText
from shared.contracts.notify import LetterKind

Layout = Literal["external", "announcement", "memorandum", "minutes"]
Source = Literal["finalists", "slots", "awards", "winners", "unsuccessful", "judges"]
"""What notify knows in rows: see :mod:`services.notify.handlers.sources`."""


class TextFile(BaseModel):
    """A part of a text file; a key that it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Signer(TextFile):
    """Who signs, by post; ``authorised_by`` names the order that lets them."""

    name: str
    lines: tuple[str, ...]
    authorised_by: str = ""


class Enclosure(TextFile):
    text: str
    copies: str = ""


class Code(TextFile):
    """A QR code at the foot of a letter."""

    caption: str
    url: str


class Column(TextFile):
    name: str
    value: str
    """With ``{row.…}``; empty leaves the cell to be written by hand."""
    width: Annotated[int, Field(ge=0)]
    """A share of the width; 0 = as wide as its words."""
    centred: bool
    each: Literal["", "dimensions"] = ""
    """One such column for each dimension of the rubric; its name has ``{dimension.…}``."""


class TableText(TextFile):
    source: Source
    columns: tuple[Column, ...]


class ListText(TextFile):
    """A list of persons, as minutes have it."""

    heading: str
    source: Source
    name: str
    detail: str


class LetterTemplate(TextFile):
    """One letter of the contest, with its places still open.

    A paragraph that begins with ``# `` is a heading.
    """

    kind: LetterKind
    layout: Layout
    profile: str
    name: LocalizedText
    subject: str
    to: str = ""
    to_all: str = ""
    urgency: str = ""
    unique: bool = False
    """At most one such letter that is not void."""
    event: str = ""
    """The event that drafts it by itself."""
    each: Source | Literal[""] = ""
    """A letter of its own, with its own number, for each row of the source: its text may use ``{row.…}``."""
    parent: str = ""
    """The template of the letter that it encloses."""
    recipients: str = ""
    """The CSV file of its addressees …"""
    recipients_from: Source | Literal[""] = ""
    """… or the source whose rows are its addressees."""
    signer: Signer | None = None
    second_signer: Signer | None = None
    """Who checked it, where a document bears two names (minutes)."""
    heading: str = ""
    """Of announcements, orders and minutes; empty = ประกาศ and the agency's name."""
    number_label: str = ""
    """What stands before the number where it is printed in the heading: ``ที่``, ``ครั้งที่``."""
    given_label: str = "ประกาศ ณ วันที่"
    given: str = ""
    """The milestone on whose day it should be issued."""
    one_page: bool = True
    """Whether a second page is worth a warning."""
    heads: tuple[str, ...] = ()
    lists: tuple[ListText, ...] = ()
    references: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    paragraphs: tuple[str, ...]
    after: tuple[str, ...] = ()
    codes: tuple[Code, ...] = ()
    table: TableText | None = None

    def sources(self) -> frozenset[str]:
        """What must be known of the contest to fill it."""
        named: set[str] = {self.each, self.recipients_from, *(each.source for each in self.lists)}
        if self.table:
            named.add(self.table.source)
        for text in (self.subject, *self.paragraphs, *self.after, *self.heads):
            named |= {name.removesuffix(".count") for name in places(text) if name.endswith(".count")}
        return frozenset(named) - {""}


class CertificateTemplate(TextFile):
    kind: LetterKind
    layout: Literal["certificate"]
    profile: str
    name: LocalizedText
    award: LocalizedText | None = None
    """What it is given for, where that is no award of the rulebook."""
    opening: str
    lines: tuple[str, ...]
    given: str = ""


class PaperSigner(TextFile):
    """A place to sign; an empty name leaves a dotted line."""

    name: str = ""
    lines: tuple[str, ...] = ()


class Paper(TextFile):
    """A working paper: it has no number and goes into no register."""

    layout: Literal["sheet", "labels", "plaque"]
    profile: str
    name: LocalizedText
    about: LocalizedText
    """When one needs it."""
    source: Source
    each: Source | Literal[""] = ""
    """A sheet of its own for each row of this source, with ``{each.…}``; empty = one sheet."""
    single: bool = False
    """Whether each row of ``source`` has a sheet of its own, with ``{row.…}``."""
    landscape: bool = False
    row_pt: Annotated[float, Field(gt=0)] = 2.5
    """Space above and below the words of a row, in points."""
    heading: str
    heads: tuple[str, ...] = ()
    paragraphs: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    after: tuple[str, ...] = ()
    signers: tuple[PaperSigner, ...] = ()


class PostOf(TextFile):
    """How the head of a kind of agency is addressed: ``prefix`` of its name → post with ``{rest}``."""

    prefix: str
    post: str


class Posts(TextFile):
    """Whom letters go to: a post, never a person."""

    judge: str = "กรรมการตัดสิน"
    """Of a judge who gave no post."""
    post: tuple[PostOf, ...] = ()
    """The heads of agencies; the first whose prefix fits counts."""
