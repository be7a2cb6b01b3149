"""The contest's calendar as an iCalendar file."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from icalendar import Calendar, Event, vText

from shared.contracts.rulebook import Milestone, Rulebook
from shared.zone import BANGKOK


def calendar(
    rulebook: Rulebook, milestones: Iterable[Milestone], language: str, *, origin: str, stamp: datetime
) -> bytes:
    """An ``.ics`` file of ``milestones``. The UID of each stays the same over amendments, and its
    SEQUENCE grows with the rulebook's number, so that calendars replace what changed."""
    file = Calendar()
    file.add("prodid", "-//Showcase//Contest calendar//EN")
    file.add("version", "2.0")
    file.add("calscale", "GREGORIAN")
    file["x-wr-calname"] = vText(rulebook.name.in_language(language))
    host = urlsplit(origin).hostname or "showcase.invalid"
    for milestone in milestones:
        event = Event()
        event.add("uid", f"{rulebook.contest_id}-{milestone.kind.value}@{host}")
        event.add("sequence", rulebook.number - 1)
        event.add("dtstamp", stamp)
        event.add("dtstart", milestone.starts_at.astimezone(BANGKOK))
        ends = milestone.ends_at if milestone.ends_at > milestone.starts_at else None
        event.add("dtend", (ends or milestone.starts_at + timedelta(minutes=30)).astimezone(BANGKOK))
        event.add(
            "summary", f"{milestone.name.in_language(language)} – {rulebook.name.in_language(language)}"
        )
        if milestone.note is not None:
            event.add("description", milestone.note.in_language(language))
        event.add("url", f"{origin}/contest")
        file.add_component(event)
    file.add_missing_timezones()
    return bytes(file.to_ical())
