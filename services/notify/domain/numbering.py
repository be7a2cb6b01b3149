"""Numbers of the register (ทะเบียนหนังสือส่ง): one book per agency, series and calendar year in Bangkok."""

import re
from datetime import datetime

from shared.errors import Conflict
from shared.thai.dates import BUDDHIST_ERA
from shared.zone import BANGKOK

_FIELDS = re.compile(r"\{(code|number|year_be)(?::(0\d{1,2}))?\}")


def register_year(instant: datetime) -> int:
    """The calendar year (C.E.) of the book that ``instant`` falls into: it turns at Bangkok's midnight."""
    return instant.astimezone(BANGKOK).year


def number_text(form: str, *, code: str, number: int, year: int) -> str:
    """The number as the agency writes it, with ASCII digits: ``สศด. 0301/ว 01461``.

    Args:
        form: with ``{code}``, ``{number}`` or ``{number:05}``, and ``{year_be}``.

    Raises:
        ValueError: the form has no ``{number}``, so two letters would be alike.
    """
    if "{number" not in form:
        raise ValueError(f"the form of a number needs {{number}}: {form!r}")

    def value(match: re.Match[str]) -> str:
        field, padding = match.groups()
        if field == "code":
            return code
        return format(number if field == "number" else year + BUDDHIST_ERA, padding or "d")

    return _FIELDS.sub(value, form)


def next_number(last: int | None, first: int) -> int:
    """The number that follows ``last``; ``first`` where the book is empty."""
    return first if last is None else last + 1


def given_elsewhere(expected: int, given: int) -> tuple[int, int] | None:
    """The numbers between, which the registry gave outside of this system; None where there are none.

    Raises:
        Conflict: ``given`` is taken already: numbers only go up.
    """
    if given < expected:
        raise Conflict(
            f"เลข {given} ถูกใช้ไปแล้ว เลขถัดไปคือ {expected}",
            f"Number {given} is taken; the next one is {expected}.",
            field="number",
        )
    return (expected, given - 1) if given > expected else None
