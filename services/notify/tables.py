"""Notify's tables. Every key starts with the contest."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Date, DateTime, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from services.notify.columns import instant as _instant
from services.notify.columns import json_value as _json

Json = dict[str, Any]


class Row(SQLModel, registry=registry()):
    """What notify's tables descend from: their own registry, so that services share a process."""


class Contact(Row, table=True):
    """A person as letters and mail need them. Erased by the topic's tombstone: the row goes."""

    __tablename__ = "contact"
    __table_args__ = (Index("contact_by_id", "contact_id"),)

    contest_id: str = Field(primary_key=True)
    contact_id: str = Field(primary_key=True)
    revision: int
    name: str
    email: str
    phone: str = ""
    organisation: str = ""
    position: str = ""
    province_code: str = ""
    roles: list[str] = _json()
    language: str = "th"


class Entry(Row, table=True):
    """An entry as the board and the notices need it."""

    __tablename__ = "entry"

    contest_id: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    revision: int
    state: str
    contact_id: str
    reference: str = ""
    applicant_name: str = ""
    province_code: str = ""
    category_id: str = ""
    title: Json | None = _json(nullable=True)
    changed_at: datetime = _instant()


class Briefing(Row, table=True):
    """A registration for the briefing."""

    __tablename__ = "briefing"

    contest_id: str = Field(primary_key=True)
    registration_id: str = Field(primary_key=True)
    revision: int
    contact_id: str
    cancelled: bool = False


class Judge(Row, table=True):
    """A judge, and how far they are."""

    __tablename__ = "judge"

    contest_id: str = Field(primary_key=True)
    judge_id: str = Field(primary_key=True)
    revision: int
    contact_id: str
    accepted: bool = False


class Assignment(Row, table=True):
    """A judge's whole list of entries in a round."""

    __tablename__ = "assignment"

    contest_id: str = Field(primary_key=True)
    judge_id: str = Field(primary_key=True)
    round: str = Field(primary_key=True)
    revision: int
    entry_ids: list[str] = _json()
    due_at: datetime = _instant()


class Recusal(Row, table=True):
    """An entry that a judge must not score."""

    __tablename__ = "recusal"

    contest_id: str = Field(primary_key=True)
    judge_id: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    at: datetime = _instant()


class Score(Row, table=True):
    """That a judge has scored an entry; the points are not notify's business."""

    __tablename__ = "score"

    contest_id: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    judge_id: str = Field(primary_key=True)
    round: str = Field(primary_key=True)
    revision: int


class Slot(Row, table=True):
    """When a finalist presents. ``sequence`` counts the moves, as calendars want it."""

    __tablename__ = "slot"

    contest_id: str = Field(primary_key=True)
    slot_id: str = Field(primary_key=True)
    revision: int
    entry_id: str
    starts_at: datetime = _instant()
    ends_at: datetime = _instant()
    meeting_url: str = ""


class Decision(Row, table=True):
    """The newest decision of a kind: shortlist, winners, results, voting_opened, voting_closed, popular; with
    ``-awaited`` behind it, that one waits for another signature."""

    __tablename__ = "decision"

    contest_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    revision: int
    at: datetime = _instant()
    facts: Json = _json()


class Tally(Row, table=True):
    """The cumulative count of an entry."""

    __tablename__ = "tally"

    contest_id: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    revision: int
    counted: int


class TallyMinute(Row, table=True):
    """The highest count of an entry seen within a minute: the rate is recomputed from these."""

    __tablename__ = "tally_minute"

    contest_id: str = Field(primary_key=True)
    minute: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    entry_id: str = Field(primary_key=True)
    counted: int


class HeldVotes(Row, table=True):
    """A decision about received votes: held, struck or released."""

    __tablename__ = "held_votes"

    contest_id: str = Field(primary_key=True)
    decision_id: str = Field(primary_key=True)
    kind: str
    receipts: int
    reason: str = ""


class Notice(Row, table=True):
    """Something that one recipient is told because of one event, by one channel: exactly one row."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("contest_id", "event_id", "recipient", "channel", name="notice_once"),
        Index("notice_pending", "next_attempt_at", postgresql_where=text("state IN ('planned', 'built')")),
        Index("notice_by_contact", "contest_id", "contact_id"),
        Index("notice_by_state", "contest_id", "state"),
        Index("notice_by_message", "message_id"),
        Index("notice_by_id", "notice_id"),
    )

    contest_id: str = Field(primary_key=True)
    notice_id: str = Field(primary_key=True)
    event_id: str
    recipient: str
    """``contact:<id>``, ``entry:<id>`` (whoever entered it), ``dispatch:<id>`` (an office) or
    ``webhook:<id>`` (another system)."""
    channel: str
    template: str
    event: str = ""
    """The name in the table of notices: ``EntrySubmitted``."""
    contact_id: str | None = None
    entry_id: str | None = None
    facts: Json = _json()
    state: str
    language: str = "th"
    subject: str = ""
    correlation_id: str = ""
    review: bool = False
    """Nothing leaves before a person has approved what it says."""
    reminder: bool = False
    """A person may unsubscribe from it."""
    urgent: bool = False
    words: Json | None = _json(nullable=True)
    """What staff wrote in place of the contest's text, with its places still open."""
    reviewed_by: str = ""
    reviewed_at: datetime | None = _instant(nullable=True)
    created_at: datetime = _instant()
    next_attempt_at: datetime = _instant()
    lease_until: datetime | None = _instant(nullable=True)
    attempts: int = 0
    bounces: int = 0
    """How often it came back for now (4.x.x); after some, it has failed."""
    domain: str = ""
    """Of the address: the queue that it stands in."""
    status: str = ""
    """The last enhanced status or HTTP code."""
    last_error: str = ""
    message_id: str = ""
    sent_at: datetime | None = _instant(nullable=True)
    read_at: datetime | None = _instant(nullable=True)
    handled_by: str = ""
    """Who took care of a failed one, by telephone."""


class Mail(Row, table=True):
    """The bytes of a notice's mail, built once and resent as they are. Erasing the contact destroys them."""

    __tablename__ = "mail"

    contest_id: str = Field(primary_key=True)
    notice_id: str = Field(primary_key=True)
    address: str
    message: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Letter(Row, table=True):
    """A letter in the register. After signing nothing of it changes but its way to the addressees."""

    __tablename__ = "letter"
    __table_args__ = (
        UniqueConstraint("contest_id", "agency", "series", "year", "number", name="letter_number"),
        Index("letter_by_id", "letter_id"),
    )

    contest_id: str = Field(primary_key=True)
    letter_id: str = Field(primary_key=True)
    template: str
    kind: str
    agency: str
    series: str
    state: str
    overrides: Json = _json()
    """What staff changed of the template's text."""
    facts: Json = _json()
    """Of the event that led to it, e.g. the finalists."""
    parent_id: str | None = None
    """The letter that this one encloses and passes on."""
    subject: str
    addressee: str
    urgency: str = ""
    content: Json | None = _json(nullable=True)
    """Frozen at the approval."""
    recipients: list[Json] = _json()
    year: int | None = None
    number: int | None = None
    number_text: str = ""
    issued_at: datetime | None = _instant(nullable=True)
    """The instant of the number: the date that the letter bears."""
    signed_at: datetime | None = _instant(nullable=True)
    signed_by: str = ""
    inputs_sha256: str = ""
    sha256: str = ""
    pages: int = 0
    drafted_by: str
    drafted_at: datetime = _instant()


class LetterStep(Row, table=True):
    """Who did what to a letter, and when."""

    __tablename__ = "letter_step"

    contest_id: str = Field(primary_key=True)
    letter_id: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    step: str
    by: str
    at: datetime = _instant()
    note: str = ""


class LetterFile(Row, table=True):
    """The PDF of a signed letter."""

    __tablename__ = "letter_file"

    contest_id: str = Field(primary_key=True)
    letter_id: str = Field(primary_key=True)
    pdf: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class RegisterCounter(Row, table=True):
    """The last number taken in a book; locked while a letter takes the next."""

    __tablename__ = "register_counter"

    contest_id: str = Field(primary_key=True)
    agency: str = Field(primary_key=True)
    series: str = Field(primary_key=True)
    year: int = Field(primary_key=True)
    last: int


class Dispatch(Row, table=True):
    """One addressee of a letter, and what became of it there."""

    __tablename__ = "dispatch"
    __table_args__ = (
        UniqueConstraint("contest_id", "letter_id", "parent_id", "code", name="dispatch_once"),
        Index("dispatch_by_token", "token_sha256"),
        Index("dispatch_by_parent", "contest_id", "parent_id"),
    )

    contest_id: str = Field(primary_key=True)
    dispatch_id: str = Field(primary_key=True)
    letter_id: str
    code: str
    place: str
    place_en: str = ""
    post: str
    email: str = ""
    """Of an office; empty where there is none, or where a contact has it."""
    contact_id: str = ""
    """Whose address the letter goes to, where that is no office's own."""
    state: str
    token_sha256: str = ""
    """Of the one-time link; the link itself is only in the mail."""
    sent_at: datetime | None = _instant(nullable=True)
    opened_at: datetime | None = _instant(nullable=True)
    acknowledged_at: datetime | None = _instant(nullable=True)
    receive_number: str = ""
    received_on: date | None = Field(default=None, sa_column=Column(Date, nullable=True))
    acknowledged_by: str = ""
    passed_on_at: datetime | None = _instant(nullable=True)
    passed_on: Json | None = _json(nullable=True)
    """ที่, date, the signer's post and the number of recipients of the province's own cover letter."""
    parent_id: str = ""
    """The dispatch whose office passed the letter on to this one; empty for the letter's own addressees."""
    level: int = 1
    """1 = the letter's own addressees (governors), 2 = heads and districts, 3 = local bodies."""
    reminders: int = 0
    reminded_at: datetime | None = _instant(nullable=True)
    posted_at: datetime | None = _instant(nullable=True)
    """Since when it is in the post: what becomes of a mail there says nothing of it any more."""
