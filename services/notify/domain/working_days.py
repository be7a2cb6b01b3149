"""Working days in Thailand, for how long something has waited and for gaps in the calendar."""

from datetime import date, timedelta
from functools import lru_cache


@lru_cache(maxsize=16)
def _holidays(year: int) -> dict[date, str]:
    import holidays

    return dict(holidays.country_holidays("TH", years=year, language="th"))


def holiday(day: date) -> str:
    """The name of the public holiday; empty where there is none."""
    return _holidays(day.year).get(day, "")


def is_working(day: date) -> bool:
    return day.weekday() < 5 and not holiday(day)


def working_days_between(start: date, end: date) -> int:
    """Working days after ``start`` and before ``end``."""
    days = (start + timedelta(days=step) for step in range(1, max(0, (end - start).days)))
    return sum(is_working(day) for day in days)
