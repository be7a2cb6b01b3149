"""Appointments as iCalendar: Asia/Bangkok, a stable UID, a sequence that grows with each change."""

from dataclasses import dataclass
from datetime import datetime

from shared.clock import BANGKOK


@dataclass(frozen=True, slots=True)
class Appointment:
    """One appointment of one person."""

    uid: str
    sequence: int
    summary: str
    description: str
    url: str
    starts_at: datetime
    ends_at: datetime
    organiser_name: str
    organiser_email: str
    attendee_email: str
    made_at: datetime
    cancelled: bool = False

    @property
    def method(self) -> str:
        return "CANCEL" if self.cancelled else "REQUEST"


def ics(appointment: Appointment) -> bytes:
    """The appointment as an ``.ics`` file; the same bytes every time."""
    from icalendar import Calendar, Event, vCalAddress, vText

    calendar = Calendar()
    calendar.add("prodid", "-//Showcase//notify//TH")
    calendar.add("version", "2.0")
    calendar.add("method", appointment.method)
    event = Event()
    event.add("uid", appointment.uid)
    event.add("sequence", appointment.sequence)
    event.add("dtstamp", appointment.made_at)
    event.add("dtstart", appointment.starts_at.astimezone(BANGKOK))
    event.add("dtend", appointment.ends_at.astimezone(BANGKOK))
    event.add("summary", appointment.summary)
    event.add("description", appointment.description)
    event.add("location", appointment.url)
    event.add("url", appointment.url)
    event.add("status", "CANCELLED" if appointment.cancelled else "CONFIRMED")
    organiser = vCalAddress(f"mailto:{appointment.organiser_email}")
    organiser.params["CN"] = vText(appointment.organiser_name)
    event["organizer"] = organiser
    attendee = vCalAddress(f"mailto:{appointment.attendee_email}")
    attendee.params["RSVP"] = vText("FALSE")
    event.add("attendee", attendee, encode=False)
    calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())
