"""What the records office would send a letter back for, found before it is signed.

Pure: what is known of the contest, the register and the abbreviation comes in as :class:`Known`. Each finding
names the place and says what to do.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from services.notify.domain.letters import Finding
from shared.thai.agencies import ABBREVIATIONS
from shared.thai.dates import (
    BUDDHIST_ERA,
    ENGLISH_WEEKDAYS,
    MONTHS,
    WEEKDAYS,
    letter_date,
    letter_time,
    page_date,
)
from shared.thai.digits import arabic_digits
from shared.zone import BANGKOK

_WRONG = {"สศค.": "สศด.", "สศต.": "สศด.", "สสค.": "สศด.", "MSteams": "MS Teams", "Ms Team": "MS Teams"}
"""As the source documents write them, and what is meant."""
_USUAL = frozenset(
    {"น.", "พ.ศ.", "ค.ศ.", "ดร.", "ผศ.", "รศ.", "ศ.", "โทร.", "อ.", "จ.", "ต.", "ม.", "ซ.", "ถ."}
)
_SHORT = re.compile(r"(?<![ก-๙.])[ก-ฮ]{2,5}\.(?![ก-ฮ]\.)")
_DATE = re.compile(
    rf"(?:วัน({'|'.join(WEEKDAYS)})ที่ )?([0-9๐-๙]{{1,2}}) ({'|'.join(MONTHS)})(?: พ\.ศ\.)? ([0-9๐-๙]{{4}})"
    r"(?: เวลา ([0-9๐-๙]{1,2}\.[0-9๐-๙]{2}) - ([0-9๐-๙]{1,2}\.[0-9๐-๙]{2}) น\.)?"
)
_LATIN_WORD = r"[A-Za-z][A-Za-z0-9.,:/&'’()-]*"
_LATIN = re.compile(
    rf"(?:https?://|www\.)\S+|[\w.+-]+@[\w.-]+|{_LATIN_WORD}(?: [A-Za-z0-9][A-Za-z0-9.,:/&'’()-]*)*"
)
_ARABIC = re.compile(r"[0-9][0-9.,]*")
_MIXED = re.compile(r"[0-9][.,]?[๐-๙]|[๐-๙][.,]?[0-9]")
_REFERENCE = re.compile(r"ที่ (?P<number>[^\n]*?/ ?ว?\.? ?[0-9๐-๙]+)")
_MERGE = re.compile(r"\{to\.[a-z_.]+\}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands: the field of the form, and what people call it."""

    field: str
    th: str
    en: str


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A step of the calendar: its name, and when it begins and ends."""

    th: str
    en: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """What a letter may be held against."""

    steps: tuple[Scheduled, ...] = ()
    """Of the rulebook's calendar: a date that is in none of them is pointed out. Empty = not checked."""
    days: frozenset[date] = frozenset()
    """Other days that may stand in it: of its slot, of the letter that it encloses."""
    numbers: Mapping[str, date | None] = field(default_factory=dict)
    """Letters in the books of outgoing and incoming letters, by :func:`plain_number`, with their dates."""
    abbreviation: str = "สศด."


def plain_number(text: str) -> str:
    """A letter's number for comparing: ASCII digits, no spaces, no full stop after ว."""
    return re.sub(r"\s", "", arabic_digits(text)).replace("ว.", "ว")


def check_text(text: str, place: Place | str, known: Known | None = None) -> Iterator[Finding]:
    """Abbreviations, digits, days and hours of one text."""
    at = Place(place, "", "") if isinstance(place, str) else place
    known = known or Known()
    yield from _check_abbreviations(text, at, known)
    if mixed := _MIXED.search(text):
        yield _finding(
            at,
            "mixed-digits",
            f"เลขไทยปนเลขอารบิก “{_around(text, mixed)}” ให้ใช้เลขไทยทั้งหมด",
            f"Thai and Arabic digits are mixed in “{_around(text, mixed)}”; use Thai digits throughout.",
        )
    elif arabic := _ARABIC.search(_masked(text)):
        yield _finding(
            at,
            "arabic-digits",
            f"มีเลขอารบิก “{arabic.group()}” ในข้อความไทย ให้เปลี่ยนเป็นเลขไทย",
            f"Arabic digits “{arabic.group()}” in Thai text; change them to Thai digits.",
        )
    for found in _DATE.finditer(text):
        yield from _check_date(found, at, known)


def check_references(references: Iterable[str], known: Known) -> Iterator[Finding]:
    """อ้างถึง names only letters that were sent or received: the recipient must hold them."""
    for position, text in enumerate(references, start=1):
        at = Place("references", f"อ้างถึง ข้อ {position}", f"Reference {position}")
        found = _REFERENCE.search(text)
        number = plain_number(found["number"]) if found else ""
        if number not in known.numbers:
            yield _finding(
                at,
                "reference",
                f"“{text}” ไม่อยู่ในทะเบียนหนังสือส่งหรือรับ ให้ตรวจเลขที่ หรือเอาออก",
                f"“{text}” is in neither book of letters. Check its number (ที่ …/…), or take it out.",
            )
            continue
        dated, written = known.numbers[number], _DATE.search(text)
        if dated and written and _day(written) != dated:
            yield _finding(
                at,
                "reference-date",
                f"หนังสือนี้ในทะเบียนลงวันที่ {letter_date(dated)} ให้แก้วันที่ให้ตรง",
                f"In the register this letter is dated {page_date(dated, 'en')}; correct the date.",
            )


def check_circular(texts: Iterable[tuple[Place, str]]) -> Iterator[Finding]:
    """A circular says the same to all: no merge field in its text."""
    for at, text in texts:
        if found := _MERGE.search(text):
            yield _finding(
                at,
                "merge-field",
                f"หนังสือเวียนต้องมีข้อความเหมือนกันทุกฉบับ ให้เอา {found.group()} ออก (ใช้ได้เฉพาะในช่องเรียน)",
                f"A circular has one text for all: take {found.group()} out (it may stand only in เรียน).",
                blocking=True,
            )


def check_pages(pages: int, *, one_page: bool) -> Iterator[Finding]:
    """Whether a letter that should fit one page does."""
    if one_page and pages > 1:
        yield Finding(
            "overflow",
            f"หนังสือยาว {pages} หน้า ให้ตัดข้อความให้พอดีหนึ่งหน้า หรือย้ายรายละเอียดไปเป็นสิ่งที่ส่งมาด้วย",
            f"The letter takes {pages} pages. Shorten it to one, or move the details to an enclosure.",
            "paragraphs",
        )


def check_glyphs(missing: Iterable[str], at: Place, face: str) -> Iterator[Finding]:
    """Characters that the typeface cannot print."""
    for character in missing:
        named = f"“{character}” (U+{ord(character):04X})"
        yield _finding(
            at,
            "glyph",
            f"แบบอักษร {face} ไม่มีตัวอักษร {named} ให้ลบหรือพิมพ์ใหม่",
            f"{face} has no glyph for {named}; delete it or write it otherwise.",
            blocking=True,
        )


def _finding(at: Place, code: str, th: str, en: str, *, blocking: bool = False) -> Finding:
    return Finding(
        code,
        f"{at.th}: {th}" if at.th else th,
        f"{at.en}: {en}" if at.en else en,
        at.field,
        blocking=blocking,
    )


def _masked(text: str) -> str:
    return _LATIN.sub(lambda match: " " * len(match.group()), text)


def _around(text: str, match: re.Match[str]) -> str:
    start, end = match.span()
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    return text[start:end][:40]


def _check_abbreviations(text: str, at: Place, known: Known) -> Iterator[Finding]:
    wrong = {short: right for short, right in _WRONG.items() if short in text}
    for short in _SHORT.findall(text):
        if short not in ABBREVIATIONS and short not in _USUAL and _one_off(short, known.abbreviation):
            wrong[short] = known.abbreviation
    for short, right in wrong.items():
        yield _finding(
            at,
            "abbreviation",
            f"ใช้อักษรย่อ “{short}” ให้แก้เป็น “{right}”",
            f"“{short}” should be “{right}”; correct it.",
        )


def _one_off(short: str, right: str) -> bool:
    return len(short) == len(right) and sum(a != b for a, b in zip(short, right, strict=True)) == 1


def _day(found: re.Match[str]) -> date | None:
    _, day, month, year, *_ = found.groups()
    try:
        return date(int(arabic_digits(year)) - BUDDHIST_ERA, MONTHS.index(month) + 1, int(arabic_digits(day)))
    except ValueError:
        return None


def _check_date(found: re.Match[str], at: Place, known: Known) -> Iterator[Finding]:
    weekday, written = found[1], found.group().partition(" เวลา ")[0]
    meant = _day(found)
    if meant is None:
        yield _finding(
            at,
            "no-such-day",
            f"ไม่มีวันที่นี้ในปฏิทิน: {written} ให้แก้วัน",
            f"There is no such day: {written}. Correct it.",
            blocking=True,
        )
        return
    right = WEEKDAYS[meant.weekday()]
    if weekday and right != weekday:
        yield _finding(
            at,
            "weekday",
            f"“{written}” ที่จริงเป็นวัน{right} ให้แก้วันหรือวันที่",
            f"“{written}” is in fact a {ENGLISH_WEEKDAYS[meant.weekday()]}; correct the weekday or the date.",
            blocking=True,
        )
    elif known.steps and meant not in known.days:
        yield from _check_calendar(meant, found, at, known)


def _check_calendar(meant: date, found: re.Match[str], at: Place, known: Known) -> Iterator[Finding]:
    """The rulebook's calendar is the one source of days and hours."""
    on_it = [step for step in known.steps if meant in _days(step)]
    if not on_it:
        step = min(known.steps, key=lambda step: min(abs((meant - day).days) for day in _days(step)))
        day = min(_days(step), key=lambda day: abs((meant - day).days))
        yield _finding(
            at,
            "date-rulebook",
            f"วันที่ {letter_date(meant)} ไม่อยู่ในกำหนดการของกติกา ใกล้ที่สุดคือ “{step.th}” {letter_date(day)} "
            "ให้ตรวจวันที่",
            f"{page_date(meant, 'en')} is no date of the rulebook; the nearest is “{step.en}”, "
            f"{page_date(day, 'en')}. Check the date.",
        )
        return
    if not found[5]:
        return
    written = tuple(arabic_digits(text).rjust(5, "0") for text in (found[5], found[6]))
    timed = [step for step in on_it if _days(step) == {meant} and step.starts_at != step.ends_at]
    if timed and all(written != _hours(step) for step in timed):
        step = timed[0]
        right = letter_time(step.starts_at, step.ends_at)
        yield _finding(
            at,
            "hours-rulebook",
            f"เวลา {found[5]} - {found[6]} น. ไม่ตรงกติกา “{step.th}” คือ {right} ให้แก้เวลา",
            f"The hours {'–'.join(written)} disagree with the rulebook: “{step.en}” is "
            f"{'–'.join(_hours(step))}. Correct them.",
        )


def _days(step: Scheduled) -> set[date]:
    return {instant.astimezone(BANGKOK).date() for instant in (step.starts_at, step.ends_at)}


def _hours(step: Scheduled) -> tuple[str, ...]:
    return tuple(f"{instant.astimezone(BANGKOK):%H.%M}" for instant in (step.starts_at, step.ends_at))
