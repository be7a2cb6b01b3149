"""Tables of the registers, of those who sign, and of the way down the cascade. Every key starts with the
contest."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Date, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from services.notify.columns import content, day, instant, json_value
from services.notify.tables import Row

Json = dict[str, Any]


class RegisterHead(Row, table=True):
    """The newest entry of a book; locked while the next one is written."""

    __tablename__ = "register_head"

    contest_id: str = Field(primary_key=True)
    agency: str = Field(primary_key=True)
    book: str = Field(primary_key=True)
    position: int
    sha256: str


class RegisterEntry(Row, table=True):
    """One entry of a book (ทะเบียนหนังสือส่ง, ทะเบียนหนังสือรับ). Its hash includes the one before; a trigger
    refuses to change or delete it."""

    __tablename__ = "register_entry"

    contest_id: str = Field(primary_key=True)
    agency: str = Field(primary_key=True)
    book: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    kind: str
    at: datetime = instant()
    facts: Json = json_value()
    previous_sha256: str
    sha256: str


class Incoming(Row, table=True):
    """A line of the book of incoming letters, with the stamp of its receipt."""

    __tablename__ = "incoming"
    __table_args__ = (UniqueConstraint("contest_id", "agency", "year", "number", name="incoming_number"),)

    contest_id: str = Field(primary_key=True)
    incoming_id: str = Field(primary_key=True)
    agency: str
    year: int
    number: int
    received_at: datetime = instant()
    source: str
    """acknowledgement, passed_on or manual."""
    number_text: str
    """The sender's ที่."""
    dated: date | None = day()
    sender: str
    addressee: str
    subject: str
    action: str = ""
    note: str = ""
    file_id: str = ""
    dispatch_id: str = ""
    by: str


class StoredFile(Row, table=True):
    """A file that came from outside: a signed letter of a province, a scan of what came in."""

    __tablename__ = "stored_file"

    contest_id: str = Field(primary_key=True)
    file_id: str = Field(primary_key=True)
    name: str
    media_type: str
    size: int
    sha256: str
    pages: int = 0
    content: bytes = content()
    added_at: datetime = instant()
    added_by: str


class SecondFactor(Row, table=True):
    """A person's key for one-time codes, encrypted. Not confirmed = enrolment has begun."""

    __tablename__ = "second_factor"

    contest_id: str = Field(primary_key=True)
    contact_id: str = Field(primary_key=True)
    sealed_secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    begun_at: datetime = instant()
    confirmed_at: datetime | None = instant(nullable=True)
    failures: int = 0
    locked_until: datetime | None = instant(nullable=True)


class SecondFactorUse(Row, table=True):
    """A time step whose code was used: the same code is refused from then on."""

    __tablename__ = "second_factor_use"

    contest_id: str = Field(primary_key=True)
    contact_id: str = Field(primary_key=True)
    step: int = Field(sa_column=Column(BigInteger, primary_key=True))
    used_at: datetime = instant()


class RecoveryCode(Row, table=True):
    """A recovery code, as its keyed hash; it works once."""

    __tablename__ = "recovery_code"

    contest_id: str = Field(primary_key=True)
    contact_id: str = Field(primary_key=True)
    code_sha256: str = Field(primary_key=True)
    used_at: datetime | None = instant(nullable=True)


class Officer(Row, table=True):
    """Who signs for an agency, or keeps its registry. No name: the contact has it."""

    __tablename__ = "officer"

    contest_id: str = Field(primary_key=True)
    agency: str = Field(primary_key=True)
    contact_id: str = Field(primary_key=True)
    duty: str = Field(primary_key=True)
    """signer or registry."""
    lines: list[str] = json_value()
    """The posts under a signer's name, with ``ปฏิบัติราชการแทน`` where the signature is delegated."""
    authorised_by: str
    """The order that authorises the signer."""
    valid_from: date = Field(sa_column=Column(Date, nullable=False))
    valid_until: date | None = day()
    appointed_by: str
    appointed_at: datetime = instant()


class AgencySetting(Row, table=True):
    """What an agency set of its letterhead in place of the contest's file."""

    __tablename__ = "agency_setting"

    contest_id: str = Field(primary_key=True)
    agency: str = Field(primary_key=True)
    emblem: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    emblem_type: str = ""
    emblem_sha256: str = ""
    number_at: str = ""
    circulars: str = ""
    changed_by: str
    changed_at: datetime = instant()


class AuditEntry(Row, table=True):
    """Who changed what of agencies, officers, second factors and links."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("audit_entry_by_about", "contest_id", "about", "at"),)

    contest_id: str = Field(primary_key=True)
    audit_id: str = Field(primary_key=True)
    at: datetime = instant()
    by: str
    what: str
    about: str
    detail: Json = json_value()


class Passing(Row, table=True):
    """An office's own cover letter for the next level: drafted here, numbered and signed there."""

    __tablename__ = "passing"
    __table_args__ = (UniqueConstraint("contest_id", "dispatch_id", name="passing_once"),)

    contest_id: str = Field(primary_key=True)
    passing_id: str = Field(primary_key=True)
    dispatch_id: str
    letter_id: str
    subject: str
    paragraphs: list[str] = json_value()
    recipients: list[Json] = json_value()
    number: str = ""
    issued_on: date | None = day()
    signer_post: str = ""
    file_id: str = ""
    changed_at: datetime = instant()
    sent_at: datetime | None = instant(nullable=True)
    erased_at: datetime | None = instant(nullable=True)
    """When it lost what named a person who was erased; the office is told to look it over."""


class PublicLetter(Row, table=True):
    """A letter that anyone may download."""

    __tablename__ = "public_letter"
    __table_args__ = (Index("public_letter_by_code", "code", unique=True),)

    contest_id: str = Field(primary_key=True)
    letter_id: str = Field(primary_key=True)
    code: str
    published_by: str
    published_at: datetime = instant()
    withdrawn_at: datetime | None = instant(nullable=True)


class ShortLink(Row, table=True):
    """A short address ``/s/<code>`` and where it leads."""

    __tablename__ = "short_link"
    __table_args__ = (Index("short_link_by_code", "code", unique=True),)

    contest_id: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    target: str
    label: str
    made_by: str
    made_at: datetime = instant()
    disabled_at: datetime | None = instant(nullable=True)


class ShortLinkDay(Row, table=True):
    """How often a short address was opened on a day, and nothing about who did."""

    __tablename__ = "short_link_day"

    contest_id: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    day: date = Field(sa_column=Column(Date, primary_key=True))
    hits: int
