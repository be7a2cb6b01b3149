"""The books on paper: A4 across, with the end of the chain and how long they are kept."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.notify.contest_files import contest_files
from services.notify.domain.register import Book
from services.notify.handlers.agencies import Agency
from services.notify.handlers.books import Line
from services.notify.handlers.register_heads import ADDRESS
from services.notify.letters.compose import Typesetting
from services.notify.letters.render import printable, render_pdf
from services.notify.register_rules import register_rules
from services.notify.register_tables import RegisterHead
from shared.thai.dates import BUDDHIST_ERA, letter_date, letter_instant
from shared.thai.digits import thai_digits

Json = dict[str, Any]
TITLES = {Book.OUT: "ทะเบียนหนังสือส่ง", Book.IN: "ทะเบียนหนังสือรับ"}
_COLUMNS = {
    Book.OUT: (
        ("เลขทะเบียนส่ง", 7, True), ("ที่", 12, False), ("ลงวันที่", 11, False), ("จาก", 15, False),
        ("ถึง", 18, False), ("เรื่อง", 26, False), ("การปฏิบัติ", 10, False), ("หมายเหตุ", 12, False),
    ),
    Book.IN: (
        ("เลขทะเบียนรับ", 7, True), ("รับเมื่อ", 12, False), ("ที่", 11, False), ("ลงวันที่", 10, False),
        ("จาก", 16, False), ("ถึง", 13, False), ("เรื่อง", 24, False), ("การปฏิบัติ", 9, False),
        ("หมายเหตุ", 11, False),
    ),
}  # fmt: skip
MOST_LINES = 2_000
"""Of one printed book; a longer one is printed as CSV."""


def cells(book: Book, line: Line) -> list[str]:
    """A line as its columns are printed, with Thai digits."""
    dated = letter_date(line.dated) if line.dated else ""
    first = [thai_digits(line.number)]
    if book is Book.IN:
        stamp = letter_instant(line.received_at, weekday=False) if line.received_at else ""
        first.append(stamp)
    note = " ".join(filter(None, ("ยกเลิก" if line.void else "", line.note)))
    return [
        *first,
        thai_digits(line.number_text),
        dated,
        line.sender,
        line.addressee,
        line.subject,
        line.action.th,
        note,
    ]


async def print_book(
    agency: Agency,
    book: Book,
    year: int,
    lines: Sequence[Line],
    head: RegisterHead | None,
    now: datetime,
    public_url: str,
) -> bytes:
    """The book as PDF/A, with the end of its chain and the address where that is published. What the typeface
    cannot print stands as ``-``: a book is never refused for one character that somebody else wrote."""
    columns = [{"name": name, "width": width, "centred": centred} for name, width, centred in _COLUMNS[book]]
    content = {
        "columns": columns,
        "rows": [[printable(cell) for cell in cells(book, line)] for line in lines],
    }
    return await asyncio.to_thread(_render, agency, book, year, content, len(lines), head, now, public_url)


def _render(
    agency: Agency,
    book: Book,
    year: int,
    content: Json,
    count: int,
    head: RegisterHead | None,
    now: datetime,
    public_url: str,
) -> bytes:
    typesetting = Typesetting(contest_files(agency.contest_id))
    profile, runs = agency.profile, typesetting.breaker.runs
    year_be = thai_digits(year + BUDDHIST_ERA)
    kept_until = thai_digits(year + register_rules(agency.contest_id).retention_years + BUDDHIST_ERA)
    foot = [
        f"รวม {thai_digits(count)} รายการ พิมพ์เมื่อ {letter_instant(now, weekday=False)}",
        f"เก็บรักษาถึงสิ้นปี พ.ศ. {kept_until} และทำลายเมื่อมีคำสั่งเท่านั้น",
    ]
    if head is not None:
        foot.append(f"ปลายสายโซ่รายการที่ {thai_digits(head.position)} SHA-256 {head.sha256}")
        foot.append(f"ตรวจเทียบค่านี้ภายหลังได้ที่ {public_url}{ADDRESS}")
    part = {
        "heading": runs(TITLES[book]),
        "heads": [runs(f"{profile.name} ประจำปี พ.ศ. {year_be}")],
        "paragraphs": [],
        "table": typesetting.table(content),
        "after": typesetting.texts(foot),
        "signers": [{"name": "", "runs": [], "lines": ["นายทะเบียน"]}],
    }
    inputs = {
        "title": f"{TITLES[book]} {profile.name} {year_be}",
        "keywords": [],
        "draft": False,
        "letterhead": typesetting.letterhead(profile),
        "landscape": True,
        "row_pt": 2.5,
        "parts": [part],
        "signer": {"name": "", "lines": []},
    }
    return render_pdf("sheet", inputs, now).pdf
