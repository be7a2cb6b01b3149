"""Working days in Thailand: Monday to Friday without public holidays."""

from datetime import date, timedelta
from functools import cache

import holidays

from shared.thai.dates import ENGLISH_WEEKDAYS, WEEKDAYS


@cache
def _holidays(year: int, language: str) -> holidays.HolidayBase:
    return holidays.country_holidays("TH", years=year, language=language)


def why_no_working_day(day: date) -> tuple[str, str] | None:
    """The holiday or weekend day that ``day`` is, in Thai and English; None for a working day."""
    thai = _holidays(day.year, "th").get(day)
    if thai is not None:
        return thai, _holidays(day.year, "en_US").get(day, thai)
    if day.weekday() >= 5:
        return f"วัน{WEEKDAYS[day.weekday()]}", ENGLISH_WEEKDAYS[day.weekday()]
    return None


def is_working_day(day: date) -> bool:
    """Whether offices are open on ``day``."""
    return why_no_working_day(day) is None


def next_working_day(day: date) -> date:
    """``day`` itself if it is a working day, else the first one after it."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def add_working_days(day: date, count: int) -> date:
    """The ``count``-th working day after ``day``; for 0 the same as :func:`next_working_day`."""
    day = next_working_day(day) if count == 0 else day
    for _ in range(count):
        day = next_working_day(day + timedelta(days=1))
    return day


def working_days_between(first: date, last: date) -> int:
    """How many working days lie after ``first`` up to and with ``last``; 0 where ``last`` is not later."""
    days = (last - first).days
    return sum(is_working_day(first + timedelta(days=n)) for n in range(1, days + 1))
