"""Working days in Thailand: Monday to Friday without public holidays, in Bangkok time."""

from datetime import date, timedelta
from functools import cache

import holidays

from shared.contracts.event import LocalizedText

_WEEKDAYS = (
    ("วันจันทร์", "Monday"),
    ("วันอังคาร", "Tuesday"),
    ("วันพุธ", "Wednesday"),
    ("วันพฤหัสบดี", "Thursday"),
    ("วันศุกร์", "Friday"),
    ("วันเสาร์", "Saturday"),
    ("วันอาทิตย์", "Sunday"),
)


@cache
def _holidays(year: int, language: str) -> holidays.HolidayBase:
    return holidays.country_holidays("TH", years=year, language=language)


def why_no_working_day(day: date) -> LocalizedText | None:
    """The holiday or weekend day that ``day`` is; None for a working day."""
    thai = _holidays(day.year, "th").get(day)
    if thai is not None:
        return LocalizedText(th=thai, en=_holidays(day.year, "en_US").get(day, thai))
    if day.weekday() >= 5:
        th, en = _WEEKDAYS[day.weekday()]
        return LocalizedText(th=th, en=en)
    return None


def is_working_day(day: date) -> bool:
    """Whether offices are open on ``day``."""
    return why_no_working_day(day) is None


def days_between(first: date, last: date) -> tuple[date, ...]:
    """The days strictly between ``first`` and ``last``."""
    return tuple(first + timedelta(days=n) for n in range(1, (last - first).days))


def next_working_day(day: date) -> date:
    """``day`` itself if it is a working day, else the next one."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def weekday_name(day: date) -> LocalizedText:
    """The day of the week."""
    th, en = _WEEKDAYS[day.weekday()]
    return LocalizedText(th=th, en=en)
