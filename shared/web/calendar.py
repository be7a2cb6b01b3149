"""The calendar of a contest as the timeline shows it: what is over, what is now, what comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.clock import BANGKOK
from shared.contracts.rulebook import Milestone
from shared.thai import dates


@dataclass(frozen=True, slots=True)
class Mark:
    """One milestone on the timeline. ``state``: done, now or next; ``now`` says why it is marked."""

    milestone: Milestone
    state: str
    when: str
    now: str = ""


def marks(milestones: Sequence[Milestone], now: datetime, language: str) -> list[Mark]:
    """Mark what is going on; where nothing is, what comes next.

    An interval is half open, as the rulebook says; a milestone without length is over at its instant.
    """
    going_on = [m for m in milestones if m.starts_at <= now < m.ends_at]
    coming = sorted((m for m in milestones if m.starts_at > now), key=lambda m: m.starts_at)
    english = language == "en"
    found = []
    for milestone in milestones:
        state, why = ("done", "") if milestone.starts_at <= now else ("next", "")
        if milestone in going_on:
            state, why = "now", "now" if english else "ตอนนี้"
        elif not going_on and coming and milestone is coming[0]:
            today = milestone.starts_at.astimezone(BANGKOK).date() == now.astimezone(BANGKOK).date()
            state = "now"
            why = ("today" if english else "วันนี้") if today else ("next" if english else "ถัดไป")
        found.append(Mark(milestone, state, _when(milestone, language), why))
    return found


def _when(milestone: Milestone, language: str) -> str:
    first = dates.page_date(milestone.starts_at, language, year=False)
    last = dates.page_date(milestone.ends_at, language, year=False)
    return first if first == last else f"{first} – {last}"
