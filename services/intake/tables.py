"""Intake's tables. Every key starts with the contest."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Date, DateTime, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


def _instant(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_type=DateTime(timezone=True), nullable=nullable)


class Row(SQLModel, registry=registry()):
    """Base of intake's own tables, apart from those of the other services in the same process."""


class Contest(Row, table=True):
    """A contest file that staff brought in, and what came of it."""

    contest_id: str = Field(primary_key=True)
    state: str
    """``draft`` or ``sealed``."""
    toml: str = Field(sa_type=Text)
    number: int = 0
    """Of the newest rulebook; 0 before sealing."""
    revision: int = 0
    """Of the contest's events."""
    rehearsal: bool = False
    reference_prefix: str
    last_reference: int = 0
    """The newest entry's number: given under this row's lock, so numbers have no gaps."""
    shortlist_revision: int = 0
    results_revision: int = 0
    """The newest decisions of the judges that were applied."""
    created_by: str
    created_at: datetime = _instant()
    sealed_at: datetime | None = _instant(nullable=True)
    shortlisted_at: datetime | None = _instant(nullable=True)
    results_at: datetime | None = _instant(nullable=True)


class ContestVersion(Row, table=True):
    """One sealed rulebook: number 1 is the sealing, the others are amendments."""

    __tablename__ = "contest_version"

    contest_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    toml: str = Field(sa_type=Text)
    rulebook: dict[str, Any] = Field(sa_type=JSONB)
    sha256: str
    changed: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(String), nullable=False))
    reason_th: str = ""
    reason_en: str = ""
    made_by: str
    made_at: datetime = _instant()


class Contact(Row, table=True):
    """A person. Erasing one destroys this row; a tombstone tells everybody else."""

    __table_args__ = (
        UniqueConstraint("contest_id", "email", name="contact_email"),
        Index("contact_by_email", "email"),
    )

    contest_id: str = Field(primary_key=True)
    contact_id: str = Field(primary_key=True)
    revision: int
    name: str = ""
    email: str
    phone: str = ""
    organisation: str = ""
    position: str = ""
    province_code: str = ""
    roles: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(String), nullable=False))
    language: str = "th"
    sessions_valid_from: datetime = _instant()
    created_at: datetime = _instant()


class SignInCode(Row, table=True):
    """A code that was sent; neither the code nor the address can be read from it."""

    __tablename__ = "sign_in_code"
    __table_args__ = (Index("sign_in_code_by_email", "contest_id", "email_hash"),)

    contest_id: str = Field(primary_key=True)
    code_id: str = Field(primary_key=True)
    email_hash: str
    code_hash: str
    tries: int = 0
    created_at: datetime = _instant()
    expires_at: datetime = _instant()
    used_at: datetime | None = _instant(nullable=True)


class Registration(Row, table=True):
    """Someone's place at the briefing; one per contact, cancelled and renewed in place."""

    __table_args__ = (UniqueConstraint("contest_id", "contact_id", name="registration_contact"),)

    contest_id: str = Field(primary_key=True)
    registration_id: str = Field(primary_key=True)
    contact_id: str
    revision: int
    state: str
    """``registered`` or ``cancelled``."""
    attends_as: str
    representative: str = ""
    """The representative's name: personal data, kept here alone."""
    organisation: str
    province_code: str = ""
    registered_at: datetime = _instant()
    cancelled_at: datetime | None = _instant(nullable=True)
    attended_at: datetime | None = _instant(nullable=True)


class Entry(Row, table=True):
    """An entry: the working copy that its applicant edits, and the copy that was sent last."""

    __table_args__ = (
        UniqueConstraint("contest_id", "reference", name="entry_reference"),
        Index("entry_by_contact", "contest_id", "contact_id"),
        Index("entry_by_state", "contest_id", "state"),
    )

    contest_id: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    contact_id: str
    revision: int
    state: str
    reference: str | None = None
    content: dict[str, Any] = Field(sa_type=JSONB)
    sent: dict[str, Any] | None = Field(default=None, sa_type=JSONB, nullable=True)
    """What was submitted or amended last; None for a draft."""
    sent_attachments: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(String), nullable=False))
    unsent_changes: bool = False
    title: str = ""
    applicant_name: str = ""
    province_code: str = ""
    category_id: str = ""
    operating_since: date | None = Field(default=None, sa_type=Date, nullable=True)
    reasons: list[Any] = Field(default_factory=list, sa_type=JSONB)
    """Of the last return or refusal."""
    outcome: str = "pending"
    awards: list[Any] = Field(default_factory=list, sa_type=JSONB)
    started_at: datetime = _instant()
    changed_at: datetime = _instant()
    submitted_at: datetime | None = _instant(nullable=True)
    screened_at: datetime | None = _instant(nullable=True)
    screened_by: str = ""


class EntryVersion(Row, table=True):
    """The history of an entry: who did what when, and what was sent."""

    __tablename__ = "entry_version"

    contest_id: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    act: str
    by: str
    at: datetime = _instant()
    note: str = Field(default="", sa_type=Text)
    content: dict[str, Any] | None = Field(default=None, sa_type=JSONB, nullable=True)


class Attachment(Row, table=True):
    """A file of an entry. A removed one stays as long as a version that was sent has it."""

    __table_args__ = (Index("attachment_by_entry", "contest_id", "entry_id"),)

    contest_id: str = Field(primary_key=True)
    attachment_id: str = Field(primary_key=True)
    entry_id: str
    name: str
    media_type: str
    size: int
    sha256: str
    added_at: datetime = _instant()
    removed_at: datetime | None = _instant(nullable=True)


class JudgeList(Row, table=True):
    """Whose evidence a judge may open: the entries that scoring assigned in one round."""

    __tablename__ = "judge_list"
    __table_args__ = (Index("judge_list_by_contact", "contest_id", "contact_id"),)

    contest_id: str = Field(primary_key=True)
    judge_id: str = Field(primary_key=True)
    round: str = Field(primary_key=True)
    contact_id: str
    revision: int
    entry_ids: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(String), nullable=False))


class Recusal(Row, table=True):
    """A judge who must not see an entry again, whatever a list says."""

    contest_id: str = Field(primary_key=True)
    contact_id: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)


class AttachmentContent(Row, table=True):
    """The bytes, apart, so that a list of files does not read them."""

    __tablename__ = "attachment_content"

    contest_id: str = Field(primary_key=True)
    attachment_id: str = Field(primary_key=True)
    content: bytes = Field(sa_type=LargeBinary)
