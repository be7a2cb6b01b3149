"""What the records office would send a letter back for, found before it is approved."""

import re
from collections.abc import Iterator
from datetime import date

from services.notify.domain.letters import Finding
from shared.thai.dates import BUDDHIST_ERA, MONTHS, WEEKDAYS
from shared.thai.digits import arabic_digits

_WRONG_ABBREVIATIONS = ("สศค.", "สศต.", "สสค.")
_DATE = re.compile(
    rf"วัน({'|'.join(WEEKDAYS)})ที่ ([0-9๐-๙]{{1,2}}) ({'|'.join(MONTHS)})(?: พ\.ศ\.)? ([0-9๐-๙]{{4}})"
)
_LATIN_WORD = r"[A-Za-z][A-Za-z0-9.,:/&'’()-]*"
_LATIN = re.compile(
    rf"(?:https?://|www\.)\S+|[\w.+-]+@[\w.-]+|{_LATIN_WORD}(?: [A-Za-z0-9][A-Za-z0-9.,:/&'’()-]*)*"
)
_ARABIC = re.compile(r"[0-9][0-9.,]*")
_MIXED = re.compile(r"[0-9][.,]?[๐-๙]|[๐-๙][.,]?[0-9]")


def check_text(text: str, field: str) -> Iterator[Finding]:
    """Digits, abbreviations and weekdays of one text."""
    for wrong in _WRONG_ABBREVIATIONS:
        if wrong in text:
            yield Finding(
                "abbreviation",
                f"ใช้อักษรย่อ “{wrong}” ควรเป็น “สศด.”",
                f"“{wrong}” should be “สศด.”",
                field,
            )
    if mixed := _MIXED.search(text):
        yield Finding(
            "mixed-digits",
            f"เลขไทยปนเลขอารบิก “{mixed.group()}”",
            f"Thai and Arabic digits are mixed: “{mixed.group()}”",
            field,
        )
    elif arabic := _ARABIC.search(_LATIN.sub("", text)):
        yield Finding(
            "arabic-digits",
            f"มีเลขอารบิก “{arabic.group()}” ในข้อความไทย ควรใช้เลขไทย",
            f"Arabic digits “{arabic.group()}” in Thai text; letters use Thai digits.",
            field,
        )
    for found in _DATE.finditer(text):
        yield from _check_weekday(found, field)


def _check_weekday(found: re.Match[str], field: str) -> Iterator[Finding]:
    weekday, day, month, year = found.groups()
    try:
        meant = date(
            int(arabic_digits(year)) - BUDDHIST_ERA, MONTHS.index(month) + 1, int(arabic_digits(day))
        )
    except ValueError:
        yield Finding(
            "no-such-day", f"ไม่มีวันที่นี้ในปฏิทิน: {found.group()}", f"No such day: {found.group()}", field
        )
        return
    right = WEEKDAYS[meant.weekday()]
    if right != weekday:
        yield Finding(
            "weekday",
            f"“{found.group()}” ที่จริงเป็นวัน{right}",
            f"“{found.group()}” is in fact a {meant:%A}.",
            field,
            blocking=True,
        )
