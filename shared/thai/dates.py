"""Dates as Thai people read them: Buddhist era, Bangkok time; Arabic digits on pages, Thai in letters."""

import re
from datetime import date, datetime, timedelta

from shared.thai.digits import arabic_digits, thai_digits
from shared.zone import BANGKOK

BUDDHIST_ERA = 543
MONTHS = (
    "มกราคม", "กุมภาพันธ์", "มีนาคม", "เมษายน", "พฤษภาคม", "มิถุนายน",
    "กรกฎาคม", "สิงหาคม", "กันยายน", "ตุลาคม", "พฤศจิกายน", "ธันวาคม",
)  # fmt: skip
SHORT_MONTHS = (
    "ม.ค.", "ก.พ.", "มี.ค.", "เม.ย.", "พ.ค.", "มิ.ย.",
    "ก.ค.", "ส.ค.", "ก.ย.", "ต.ค.", "พ.ย.", "ธ.ค.",
)  # fmt: skip
WEEKDAYS = ("จันทร์", "อังคาร", "พุธ", "พฤหัสบดี", "ศุกร์", "เสาร์", "อาทิตย์")
ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
ENGLISH_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def in_bangkok(moment: datetime | date) -> datetime | date:
    """An instant as Bangkok's clocks show it; a plain date stays.

    Raises:
        ValueError: the instant has no offset.
    """
    if not isinstance(moment, datetime):
        return moment
    if moment.tzinfo is None:
        raise ValueError("a naive datetime is no instant")
    return moment.astimezone(BANGKOK)


def page_date(day: datetime | date, language: str, *, long: bool = False, year: bool = True) -> str:
    """``5 ส.ค. 2565`` / ``5 Aug 2022``; long: ``วันศุกร์ที่ 5 สิงหาคม 2565`` / ``Friday 5 August 2022``;
    without the year ``5 ส.ค.`` / ``5 Aug``."""
    local = in_bangkok(day)
    if not year:
        names = [month[:3] for month in ENGLISH_MONTHS] if language == "en" else SHORT_MONTHS
        return f"{local.day} {names[local.month - 1]}"
    if language == "en":
        month = ENGLISH_MONTHS[local.month - 1]
        if long:
            return f"{ENGLISH_WEEKDAYS[local.weekday()]} {local.day} {month} {local.year}"
        return f"{local.day} {month[:3]} {local.year}"
    if long:
        weekday = WEEKDAYS[local.weekday()]
        return f"วัน{weekday}ที่ {local.day} {MONTHS[local.month - 1]} {local.year + BUDDHIST_ERA}"
    return f"{local.day} {SHORT_MONTHS[local.month - 1]} {local.year + BUDDHIST_ERA}"


def page_time(instant: datetime, language: str, *, seconds: bool = False) -> str:
    """``09.12 น.`` / ``09:12``; with seconds ``13:04:22 น.``."""
    local = in_bangkok(instant)
    if seconds:
        return f"{local:%H:%M:%S}" if language == "en" else f"{local:%H:%M:%S} น."
    return f"{local:%H:%M}" if language == "en" else f"{local:%H.%M} น."


def page_instant(instant: datetime, language: str, *, seconds: bool = False) -> str:
    """``5 ส.ค. 2565 เวลา 09.12 น.`` / ``5 Aug 2022, 09:12``."""
    joint = ", " if language == "en" else " เวลา "
    return f"{page_date(instant, language)}{joint}{page_time(instant, language, seconds=seconds)}"


def letter_date(day: datetime | date, *, weekday: bool = False) -> str:
    """As letters write it: ``๑ กรกฎาคม ๒๕๖๕``, or ``วันศุกร์ที่ ๑ กรกฎาคม ๒๕๖๕``."""
    local = in_bangkok(day)
    text = f"{local.day} {MONTHS[local.month - 1]} {local.year + BUDDHIST_ERA}"
    if weekday:
        text = f"วัน{WEEKDAYS[local.weekday()]}ที่ {text}"
    return thai_digits(text)


def letter_time(instant: datetime, until: datetime | None = None) -> str:
    """As letters write it: ``๑๓.๓๐ น.``, or ``๑๓.๓๐ - ๑๕.๐๐ น.``."""
    text = f"{in_bangkok(instant):%H.%M}"
    if until is not None:
        text = f"{text} - {in_bangkok(until):%H.%M}"
    return thai_digits(f"{text} น.")


def letter_instant(instant: datetime, until: datetime | None = None, *, weekday: bool = True) -> str:
    """``วันศุกร์ที่ ๑ กรกฎาคม ๒๕๖๕ เวลา ๑๓.๓๐ - ๑๕.๐๐ น.``; ``until`` is on the same day."""
    return f"{letter_date(instant, weekday=weekday)} เวลา {letter_time(instant, until)}"


def page_span(starts: datetime, ends: datetime, language: str) -> str:
    """A span as short as it can be: ``1 ก.ค. 2565 เวลา 13.30–15.00 น.``, ``5–10 ส.ค. 2565``,
    ``20 มิ.ย. – 30 ก.ค. 2565``."""
    first, last = in_bangkok(starts), in_bangkok(ends)
    if starts == ends:
        return page_instant(starts, language)
    if (first.year, first.month, first.day) == (last.year, last.month, last.day):
        begin = page_time(starts, language).removesuffix(" น.")
        joint = ", " if language == "en" else " เวลา "
        return f"{page_date(starts, language)}{joint}{begin}–{page_time(ends, language)}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{page_date(ends, language)}"
    begin = page_date(starts, language, year=first.year != last.year)
    return f"{begin} – {page_date(ends, language)}"


_WRITTEN = re.compile(
    r"(?:วัน\S{2,8}ที่\s*)?(?P<day>\d{1,2})\s*(?P<month>[ก-๙.]+)\s*(?:พ\.ศ\.\s*)?(?P<year>\d{4})"
)
_NUMERIC = re.compile(r"(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})[/.-](?P<year>\d{4})")
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})")


def parse_date(text: str) -> date:
    """The day that a person wrote: ``๑ กรกฎาคม ๒๕๖๕``, ``1 ก.ค. 2565``, ``1/7/2565``, ``2022-07-01``.

    A year after 2400 is of the Buddhist era.

    Raises:
        ValueError: the text is no date.
    """
    arabic = arabic_digits(text.strip())
    month: int | None = None
    if match := _ISO.fullmatch(arabic) or _NUMERIC.fullmatch(arabic):
        month = int(match["month"])
    elif match := _WRITTEN.fullmatch(arabic):
        for names in (MONTHS, SHORT_MONTHS):
            if match["month"] in names:
                month = names.index(match["month"]) + 1
    if match is None or month is None:
        raise ValueError(f"not a date: {text!r}")
    year = int(match["year"])
    return date(year - BUDDHIST_ERA if year > 2400 else year, month, int(match["day"]))


_TIME = re.compile(r"(?P<hour>\d{1,2})[.:](?P<minute>\d{2})(?:\s*น\.)?")


def parse_time(text: str) -> tuple[int, int]:
    """Hour and minute of ``๑๓.๓๐ น.`` or ``13:30``.

    Raises:
        ValueError: the text is no time of day.
    """
    match = _TIME.fullmatch(arabic_digits(text.strip()))
    if match is None or int(match["hour"]) > 23 or int(match["minute"]) > 59:
        raise ValueError(f"not a time of day: {text!r}")
    return int(match["hour"]), int(match["minute"])


def time_left(now: datetime, until: datetime, language: str) -> str:
    """The two largest units of what is left: ``2 วัน 4 ชั่วโมง``; ``หมดเวลาแล้ว`` when it is over."""
    left = until - now
    if left <= timedelta(0):
        return "time is up" if language == "en" else "หมดเวลาแล้ว"
    minutes = max(1, int(left.total_seconds() // 60))
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    units = (
        [(days, "day"), (hours, "hour"), (minutes, "minute")]
        if language == "en"
        else [(days, "วัน"), (hours, "ชั่วโมง"), (minutes, "นาที")]
    )
    parts = [(count, unit) for count, unit in units if count]
    first = next(index for index, (count, _) in enumerate(units) if count)
    shown = [part for part in parts if part in units[first : first + 2]]
    if language == "en":
        return " ".join(f"{count} {unit}{'s' if count > 1 else ''}" for count, unit in shown)
    return " ".join(f"{count} {unit}" for count, unit in shown)
