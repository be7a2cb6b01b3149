"""Tables of sending: what was done to a notice, whom nothing is sent, paces, digests, webhooks."""

from datetime import date, datetime

from sqlalchemy import Column, Date, Index, LargeBinary
from sqlmodel import Field

from services.notify.columns import instant, json_value
from services.notify.tables import Row


class NoticeStep(Row, table=True):
    """Who did what to a notice, and when: edited, approved, discarded, sent again, bounced, telephoned."""

    __tablename__ = "notice_step"
    __table_args__ = (Index("notice_step_of", "contest_id", "notice_id"),)

    contest_id: str = Field(primary_key=True)
    step_id: str = Field(primary_key=True)
    notice_id: str
    step: str
    by: str
    at: datetime = instant()
    note: str = ""


class Suppression(Row, table=True):
    """An address to which nothing is sent until a person lifts it."""

    __tablename__ = "suppression"

    contest_id: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    """In lower case."""
    reason: str
    """bounced, refused or staff."""
    status: str = ""
    detail: str = ""
    notice_id: str = ""
    since: datetime = instant()
    lifted_at: datetime | None = instant(nullable=True)
    lifted_by: str = ""


class ReminderStop(Row, table=True):
    """A person who wants no reminders. Decisions and official letters still reach them."""

    __tablename__ = "reminder_stop"

    contest_id: str = Field(primary_key=True)
    contact_id: str = Field(primary_key=True)
    at: datetime = instant()
    by: str
    """link (one click in the mail) or page."""


class SendingPace(Row, table=True):
    """The end of the virtual queue of a channel, or of one mail domain in it. One for all contests."""

    __tablename__ = "sending_pace"

    contest_id: str = Field(primary_key=True)
    channel: str = Field(primary_key=True)
    domain: str = Field(primary_key=True)
    free_at: datetime = instant()


class DigestDay(Row, table=True):
    """That the digests of a day were made, also where nobody had anything to be told."""

    __tablename__ = "digest_day"

    contest_id: str = Field(primary_key=True)
    day: date = Field(sa_column=Column(Date, primary_key=True))


class Webhook(Row, table=True):
    """Another system that is told of public events."""

    __tablename__ = "webhook"

    contest_id: str = Field(primary_key=True)
    webhook_id: str = Field(primary_key=True)
    name: str
    url: str
    events: list[str] = json_value()
    """Names of events; empty = all that the table of notices offers."""
    secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Sealed under the service's own key."""
    old_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """Signs beside the new one until ``old_until``."""
    old_until: datetime | None = instant(nullable=True)
    paused_at: datetime | None = instant(nullable=True)
    paused_reason: str = ""
    made_by: str
    made_at: datetime = instant()
