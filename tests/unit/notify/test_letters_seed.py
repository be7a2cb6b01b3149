"""The source's two letters, rebuilt: every word, and every measure on the rendered page."""

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pdfplumber
import pytest
import zxingcpp
from PIL import Image

from services.notify.domain.letters import Addressee
from services.notify.fonts import typeface
from services.notify.letters.compose import Numbered, Typesetting
from services.notify.letters.render import Rendered, render_pdf
from tests.unit.notify.seed_letters import ADDED, CIRCULAR, COVER, corrected
from tests.unit.notify.test_letters_rendering import FILES, INSTANT, NARATHIWAT, content_of

MM = 72 / 25.4
WITHIN = 1.0
"""Millimetres."""
ISSUED = {"circular-governors": INSTANT.replace(day=20), "cover-narathiwat": INSTANT}
NUMBERS = {"circular-governors": "สศด. ๐๓๐๑/ว ๐๑๔๖๑", "cover-narathiwat": "นธ ๐๐๑๗.๒/ว ๒๕๖๕"}
SOURCES = {"circular-governors": CIRCULAR, "cover-narathiwat": COVER}
WORD = re.compile(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(.*?)</word>')
pytestmark = pytest.mark.skipif(not typeface().official, reason="measures are of TH Sarabun New")


@cache
def rebuilt(name: str) -> Rendered:
    template = FILES.template(name)
    numbered = Numbered(NUMBERS[name], ISSUED[name])
    data = Typesetting(FILES).letter(template, content_of(name), numbered, _addressee(name))
    return render_pdf(template.layout, data, ISSUED[name])


def _addressee(name: str) -> Addressee | None:
    return NARATHIWAT if name == "circular-governors" else None


@cache
def characters(name: str) -> tuple[dict[str, Any], ...]:
    """Every character of the first page but the draft mark, in points from the top left."""
    page = pdfplumber.open(BytesIO(rebuilt(name).pdf)).pages[0]
    return tuple(
        char for char in page.chars if char["size"] < 60 and char["upright"] and not char["text"].isspace()
    )


@dataclass(frozen=True)
class Line:
    """From a word to the end of its line, in points from the top left."""

    left: float
    right: float
    top: float
    bottom: float
    characters: tuple[dict[str, Any], ...]

    @property
    def centre(self) -> float:
        return (self.left + self.right) / 2


@cache
def words(name: str) -> tuple[tuple[tuple[float, float, float, float, str], ...], ...]:
    """The lines of the page as poppler reads them, which heeds the text behind the glyphs."""
    done = subprocess.run(
        ["pdftotext", "-bbox-layout", "-", "-"], input=rebuilt(name).pdf, capture_output=True, check=True
    )
    return tuple(
        tuple((*(float(side) for side in word[:4]), unescape(word[4])) for word in WORD.findall(line))
        for line in done.stdout.decode().split("<line ")[1:]
    )


def lines_at(name: str, text: str) -> list[Line]:
    """The lines that begin with ``text``, or that have it after other words."""
    wanted, found = _bare(text), []
    for line in words(name):
        for start, word in enumerate(line):
            if "".join(each[4] for each in line[start:]).startswith(wanted):
                left, top, bottom = word[0], word[1], word[3]
                right = max(each[2] for each in line)
                inside = tuple(
                    char
                    for char in characters(name)
                    if left - 1 <= char["x0"] <= right
                    and top - 1 <= (char["top"] + char["bottom"]) / 2 <= bottom + 1
                )
                found.append(Line(left, right, top, bottom, inside))
    assert found, f"no line begins with {text}"
    return found


def line_at(name: str, text: str) -> Line:
    return lines_at(name, text)[0]


def near(points: float, millimetres: float) -> bool:
    return abs(points / MM - millimetres) <= WITHIN


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("name", SOURCES)
def test_text_equals_the_sources_after_its_corrections(name: str, tmp_path: Path) -> None:
    path = tmp_path / "letter.pdf"
    path.write_bytes(rebuilt(name).pdf)
    printed = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, text=True, check=True)
    text = _bare(printed.stdout)
    for line in corrected(SOURCES[name]):
        for part in line.split(" ", 1) if line.startswith(("เรื่อง", "เรียน", "สิ่งที่ส่งมาด้วย")) else [line]:
            assert _bare(part) in text, part
    # Nothing else is said: what is left is the letterhead, the urgency, the draft mark and what was added.
    left = text
    for line in sorted(corrected(SOURCES[name]), key=len, reverse=True):
        for part in line.split(" ", 1) if line.startswith(("เรื่อง", "เรียน", "สิ่งที่ส่งมาด้วย")) else [line]:
            left = left.replace(_bare(part), "", 1)
    profile = FILES.profile(FILES.template(name).profile)
    known = [
        "ด่วนที่สุด",
        "ตราครุฑ",
        "ตราหน่วยงาน",
        "ฉบับร่าง",
        profile.name,
        profile.name_en,
        *profile.sender,
        *ADDED,
        *ADDED,
    ]
    for each in sorted(map(_bare, known), key=len, reverse=True):
        left = left.replace(each, "")
    assert set(left) <= set("ฉบับร่าง"), left
    assert "ำ" in text


@pytest.mark.parametrize("name", SOURCES)
def test_letter_fits_one_page_without_being_tightened(name: str) -> None:
    assert (rebuilt(name).pages, rebuilt(name).density) == (1, 1.0)


@pytest.mark.parametrize("name", SOURCES)
def test_margins_type_and_indent(name: str) -> None:
    found = characters(name)
    body = line_at(name, "ด้วย")
    assert near(min(char["x0"] for char in found), 30)
    assert near(max(char["x1"] for char in found), 210 - 20)
    assert max(char["bottom"] for char in found) <= (297 - 20 + WITHIN) * MM
    assert near(body.left, 30 + 25)
    assert {round(char["size"], 1) for char in body.characters} == {16.0}
    assert {char["fontname"].partition("+")[2] for char in body.characters} == {"THSarabunNew"}


@pytest.mark.parametrize("name", SOURCES)
def test_date_and_closing_stand_on_the_axis(name: str) -> None:
    date = "๒๐ มิถุนายน" if name == "circular-governors" else "๓๐ มิถุนายน"
    closing = line_at(name, "ขอแสดงความนับถือ")
    assert near(line_at(name, date).left, 30 + 80)
    assert near(closing.left, 30 + 80)
    signer = FILES.profile(FILES.template(name).profile).signer
    for text in (signer.name, *signer.lines):
        # What stands above the closing is the letter's own text.
        [line] = [line for line in lines_at(name, text) if line.top > closing.bottom]
        assert near(abs(line.centre - closing.centre), 0), text
    assert 4 * 16 * 1.2 <= line_at(name, signer.name).bottom - closing.bottom <= 6 * 16 * 1.4


@pytest.mark.parametrize("name", SOURCES)
def test_urgency_is_red_bold_32_points_and_above_the_number(name: str) -> None:
    urgency = line_at(name, "ด่วนที่สุด")
    big = [char for char in urgency.characters if char["size"] > 30]
    assert len(big) == len("ด่วนที่สุด")
    assert all(char["size"] >= 32 and "Bold" in char["fontname"] for char in big)
    red, green, blue = big[0]["non_stroking_color"]
    assert red > 0.7
    assert max(green, blue) < 0.1
    assert urgency.top < line_at(name, "ที่").top
    assert near(urgency.left, 30)


def picture(name: str, dpi: int = 200) -> Image.Image:
    ppm = subprocess.run(
        ["pdftoppm", "-r", str(dpi), "-png", "-"], input=rebuilt(name).pdf, capture_output=True, check=True
    )
    return Image.open(BytesIO(ppm.stdout))


def test_emblem_of_the_province_is_30_mm_high_at_the_top_centre() -> None:
    dots = np.asarray(picture("cover-narathiwat").convert("L")) < 200
    per_mm = 200 / 25.4
    part = dots[round(10 * per_mm) : round(46.5 * per_mm), round(80 * per_mm) : round(122 * per_mm)]
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    top, bottom = (rows[0] / per_mm + 10, rows[-1] / per_mm + 10)
    centre = (columns[0] + columns[-1]) / 2 / per_mm + 80
    assert abs(top - 15) <= WITHIN
    assert abs(bottom - top - 30) <= WITHIN
    assert abs(centre - 105) <= WITHIN
    # ที่ stands level with the emblem's feet, and the sender's first line beside it.
    number, sender = line_at("cover-narathiwat", "ที่ นธ"), line_at("cover-narathiwat", "ศาลากลางจังหวัดนราธิวาส")
    assert abs(number.bottom - sender.bottom) < 1
    assert number.top / MM <= bottom <= number.bottom / MM + WITHIN


def test_both_codes_decode_from_the_rendered_page() -> None:
    found = zxingcpp.read_barcodes(picture("circular-governors"))
    assert [code.text for code in found] == ["https://showcase.example/briefing"] * 2
