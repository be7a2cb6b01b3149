"""The table of notices: event → audience → channel → template → timing. It is the contest's data."""

from dataclasses import dataclass
from enum import StrEnum

from shared.contracts.notify import Channel


class Audience(StrEnum):
    """Who is told."""

    SUBJECT = "subject"
    """The person that the event is about."""
    ENTRANT = "entrant"
    """Whoever entered the entry that the event is about."""
    FINALISTS = "finalists"
    NOT_SELECTED = "not_selected"
    WINNERS = "winners"
    ENTRANTS = "entrants"
    """Everyone with an entry that is still in the contest."""
    CONCERNED = "concerned"
    """Everyone with an entry, a briefing registration or a judge's seat, and staff."""
    JUDGES = "judges"
    STAFF = "staff"
    APPROVERS = "approvers"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    event: str
    audience: Audience
    channel: Channel
    template: str
    condition: str = ""
    """A name that the event's facts must hold, e.g. ``accepted``; empty = always."""
    days_before: tuple[int, ...] = ()
    """For reminders: days before the applications close."""


class NoticeState(StrEnum):
    PLANNED = "planned"
    BUILT = "built"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


STATE_NAMES: dict[NoticeState, tuple[str, str]] = {
    NoticeState.PLANNED: ("รอสร้าง", "planned"),
    NoticeState.BUILT: ("รอส่ง", "waiting"),
    NoticeState.SENT: ("ส่งแล้ว", "sent"),
    NoticeState.FAILED: ("ส่งไม่สำเร็จ", "failed"),
    NoticeState.CANCELLED: ("ยกเลิก", "cancelled"),
}
