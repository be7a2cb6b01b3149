"""Addressees from a CSV file: every fault is told with its line, and nothing of a faulty file is kept."""

import csv
import io
import re
from collections.abc import Iterable

from services.notify.domain.letters import Addressee
from shared.errors import Invalid

MAX_RECIPIENTS = 10_000
MAX_CSV_BYTES = 2_000_000
MOST_FAULTS = 20
"""Faults that are listed; more are counted."""
COLUMNS = ("code", "place", "post", "email", "place_en")
_LONGEST = {"code": 40, "place": 200, "post": 200, "email": 200, "place_en": 200}
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ARCHIVES = (b"PK", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ", b"\xd0\xcf\x11\xe0")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def _refused(th: str, en: str) -> Invalid:
    return Invalid(th, en, field="recipients")


def decoded(content: bytes) -> str:
    """The text of a CSV file.

    Raises:
        Invalid: it is too large, an archive or a spreadsheet, or not UTF-8; the text says how to save it.
    """
    if len(content) > MAX_CSV_BYTES:
        raise _refused("ไฟล์ CSV ใหญ่เกิน 2 MB", "The CSV is larger than 2 MB.")
    if content.startswith(_ARCHIVES):
        raise _refused(
            "ไฟล์นี้เป็นไฟล์บีบอัดหรือ Excel ไม่ใช่ CSV ใน Excel เลือก “บันทึกเป็น” แล้วเลือก CSV UTF-8",
            "This is an archive or a spreadsheet, no CSV. In Excel choose “Save as”, “CSV UTF-8”.",
        )
    try:
        if content.startswith(_UTF16) or b"\0" in content:
            raise UnicodeDecodeError("utf-8", content, 0, 1, "UTF-16")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(
            "ไฟล์ไม่ได้บันทึกเป็น UTF-8 ใน Excel เลือก “บันทึกเป็น” แล้วเลือก CSV UTF-8",
            "The file is not saved as UTF-8. In Excel choose “Save as”, “CSV UTF-8”.",
        ) from error


def addressees_of(text: str, taken: Iterable[str] = ()) -> tuple[Addressee, ...]:
    """Addressees from CSV with the columns ``code, place, post, email`` (and ``place_en``).

    Args:
        taken: codes that are on the list already.

    Raises:
        Invalid: ``errors`` has one entry for each faulty line, with its number.
    """
    if len(text.encode()) > MAX_CSV_BYTES:
        raise _refused("ไฟล์ CSV ใหญ่เกิน 2 MB", "The CSV is larger than 2 MB.")
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline=""), strict=True)
    seen, found = set(taken), list[Addressee]()
    faults = list[tuple[int, str, str]]()
    try:
        missing = {"code", "post"} - {name.strip() for name in reader.fieldnames or ()}
        if missing:
            names = ", ".join(sorted(missing))
            raise _refused(
                f"บรรทัดแรกต้องเป็นชื่อคอลัมน์ ขาด {names} (place และ email ไม่บังคับ)",
                f"The first line names the columns. Missing: {names} (place and email are optional).",
            )
        for row in reader:
            if len(found) + len(faults) >= MAX_RECIPIENTS:
                raise _refused("ผู้รับเกิน 10,000 ราย", "More than 10,000 addressees.")
            values = {name: " ".join((row.get(name) or "").split()) for name in COLUMNS}
            if not any(values.values()):
                continue
            fault = _fault(values, row, seen)
            if fault:
                faults.append((reader.line_num, *fault))
                continue
            seen.add(values["code"])
            found.append(Addressee(**values))
    except csv.Error as error:
        raise _refused(
            f"CSV บรรทัด {reader.line_num} อ่านไม่ได้ ตรวจเครื่องหมายคำพูด",
            f"CSV line {reader.line_num} cannot be read ({error}): check its quotes.",
        ) from error
    if faults:
        raise _listed(faults)
    return tuple(found)


def _fault(values: dict[str, str], row: dict[str, str], seen: set[str]) -> tuple[str, str] | None:
    if None in row:
        return "มีช่องเกินจำนวนคอลัมน์", "it has more cells than there are columns"
    if not values["post"] or not values["code"]:
        return "ไม่มี code หรือ post", "code or post is missing"
    for name, value in values.items():
        if value.startswith(_FORMULA):
            return f"ช่อง {name} ขึ้นต้นเหมือนสูตร: {value[:20]}", f"{name} begins like a formula: {value[:20]}"
        if len(value) > _LONGEST[name]:
            return f"ช่อง {name} ยาวเกิน {_LONGEST[name]} ตัวอักษร", f"{name} is longer than {_LONGEST[name]}"
        if not value.isprintable():
            return f"ช่อง {name} มีอักขระที่พิมพ์ไม่ได้", f"{name} has characters that cannot be printed"
    if values["email"] and not _EMAIL.fullmatch(values["email"]):
        return f"อีเมลไม่ถูกต้อง: {values['email'][:40]}", f"no e-mail address: {values['email'][:40]}"
    if values["code"] in seen:
        return f"ใช้ code ซ้ำ: {values['code']}", f"the code {values['code']} stands twice"
    return None


def _listed(faults: list[tuple[int, str, str]]) -> Invalid:
    shown = faults[:MOST_FAULTS]
    more = len(faults) - len(shown)
    th = "; ".join(f"CSV บรรทัด {line}: {text}" for line, text, _ in shown)
    en = "; ".join(f"CSV line {line}: {text}" for line, _, text in shown)
    if more:
        th, en = f"{th}; และอีก {more} บรรทัด", f"{en}; and {more} lines more"
    return Invalid(th, en, field="recipients", errors=(_refused(th, en),))
