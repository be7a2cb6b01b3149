"""How often the calendar reminds offices that sleep, from the contest's file and the days alone."""

import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from shared.thai.working_days import is_working_day, working_days_between

REGISTER_FILE = Path(__file__).resolve().parents[2] / "contests" / "smart-city-2022" / "register.toml"


def reminders_of_one(sent: date, days: Sequence[date]) -> int:
    """Reminders to an addressee that never acknowledges a letter of ``sent``, where the calendar is looked at
    on ``days``, in their order. Written apart from notify's own rule, so that the two can differ."""
    level = tomllib.loads(REGISTER_FILE.read_text(encoding="utf-8"))["level"][0]
    count, since, patience = 0, sent, level["asleep_after"]
    for day in days:
        due = is_working_day(day) and working_days_between(since, day) >= patience
        if due and count < level["reminders"]:
            count, since, patience = count + 1, day, level["remind_every"]
    return count
