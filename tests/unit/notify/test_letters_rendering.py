"""Letters as they are printed: text, layout, bytes."""

import re
import subprocess
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdf
import pytest

from services.notify.contest_files import contest_files
from services.notify.domain.letters import Addressee
from services.notify.fonts import typeface
from services.notify.letters.compose import (
    Numbered,
    Typesetting,
    compose,
    contest_facts,
    row_facts,
    row_words,
)
from services.notify.letters.render import Rendered, missing_glyphs, refuse_missing_glyphs, render_pdf
from shared.errors import Invalid
from shared.testing.rulebooks import a_rulebook

FILES = contest_files("smart-city-2022")
INSTANT = datetime(2022, 6, 30, 3, tzinfo=UTC)
PARENT = {"parent.number": "สศด. ๐๓๐๑/ว ๐๑๔๖๑", "parent.date": "๒๐ มิถุนายน ๒๕๖๕", "parent.urgency": "ด่วนที่สุด"}
ROW = {
    "about": "entry-1",
    "code": "SC65-0001",
    "reference": "SC65-0001",
    "title": "ศูนย์รับเรื่องร้องเรียนอัจฉริยะ",
    "applicant": "เทศบาลนครตัวอย่าง",
    "place": "เทศบาลนครตัวอย่าง",
    "post": "นายกเทศมนตรีนครตัวอย่าง",
    "award": "รางวัลดีเด่นด้านการบริการอย่างชาญฉลาด (Smart City Solution) ด้าน Smart Environment",
    "name": "รองศาสตราจารย์ตัวอย่าง หนึ่ง",
    "detail": "ผู้เชี่ยวชาญด้านเมือง มหาวิทยาลัยตัวอย่าง",
    "day": "วันพฤหัสบดีที่ ๑๑ สิงหาคม ๒๕๖๕",
    "hours": "๑๐.๐๐ - ๑๐.๑๕ น.",
    "starts": "๑๐.๐๐ น.",
    "url": "https://meet.example/slot-1",
}
"""A row that has what every source's rows have."""
NARATHIWAT = Addressee("96", "จังหวัดนราธิวาส", "ผู้ว่าราชการจังหวัดนราธิวาส")


def facts() -> dict[str, str]:
    rulebook = a_rulebook(theme={"th": "การพัฒนาเมืองน่าอยู่เมืองทันสมัย ยกระดับคุณภาพชีวิตของประชาชน"})
    counts = {f"{source}.count": "๑" for source in ("finalists", "awards", "judges", "slots")}
    return contest_facts(rulebook, "https://showcase.example") | PARENT | counts | row_facts(ROW)


def content_of(name: str, **overrides: Any) -> dict[str, Any]:
    """What the letter says, with one row in each of its tables."""
    template = FILES.template(name)
    rows = {source: [row_words(ROW, 1)] for source in template.sources()}
    return compose(template, facts(), rows, overrides)


def render(name: str, number: str = "สศด. ๐๓๐๑/ว ๐๑๔๖๑", **overrides: Any) -> Rendered:
    template = FILES.template(name)
    content = content_of(name, **overrides)
    inputs = Typesetting(FILES).letter(template, content, Numbered(number, INSTANT), NARATHIWAT)
    return render_pdf(template.layout, inputs, INSTANT)


def text_of(rendered: Rendered, tmp_path: Path) -> str:
    path = tmp_path / "letter.pdf"
    path.write_bytes(rendered.pdf)
    text = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, text=True, check=True).stdout
    return _bare(text)


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("name", ["circular-governors", "cover-narathiwat"])
def test_letter_fits_one_page_and_says_what_its_source_says(name: str, tmp_path: Path) -> None:
    rendered = render(name)
    assert (rendered.pages, rendered.density) == (1, 1.0)
    printed = text_of(rendered, tmp_path)
    content = content_of(name)
    for paragraph in [content["subject"], *content["paragraphs"], content["enclosures"][0]["text"]]:
        assert _bare(paragraph) in printed


@pytest.mark.parametrize("name", FILES.template_names())
def test_every_letter_bears_the_draft_mark_until_emblem_and_signer_are_set(name: str, tmp_path: Path) -> None:
    assert set("ฉบับร่าง") <= set(text_of(render(name), tmp_path))
    reader = pypdf.PdfReader(BytesIO(render(name).pdf))
    assert reader.metadata is not None
    assert reader.metadata.title
    root = reader.trailer["/Root"]
    assert root["/Lang"].startswith("th")
    assert root["/MarkInfo"]["/Marked"]
    xmp = root["/Metadata"].get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in xmp
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in xmp
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp


def test_same_inputs_same_bytes_in_another_process() -> None:
    script = (
        "from tests.unit.notify.test_letters_rendering import render;print(render('cover-narathiwat').sha256)"
    )
    import sys

    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert other.strip() == render("cover-narathiwat").sha256
    assert render("cover-narathiwat", number="นธ ๑").sha256 != other.strip()


def test_urgency_is_red_bold_and_at_least_32_points() -> None:
    found: list[tuple[float, str]] = []

    def visit(text: str, _cm: Any, matrix: list[float], font: Any, size: float) -> None:
        if text.strip() and font:
            found.append((size * abs(matrix[3]), str(font["/BaseFont"])))

    reader = pypdf.PdfReader(BytesIO(render("cover-narathiwat").pdf))
    reader.pages[0].extract_text(visitor_text=visit)
    size, font = max(found)
    assert round(size, 2) >= 32 * typeface().scale
    assert "Bold" in font
    stream = reader.pages[0].get_contents().get_data().decode("latin-1")
    assert re.search(r"0\.75\d* 0 0 (sc|scn|rg)", stream)


def test_injected_typst_is_printed_as_text(tmp_path: Path) -> None:
    attack = '#panic("x") #read("/etc/passwd") $x$ *b* \\ "q"'
    printed = text_of(render("cover-narathiwat", paragraphs=[attack, "จึงเรียนมาเพื่อทราบ"]), tmp_path)
    assert _bare(attack) in printed


def test_missing_glyph_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match=r"U\+1F33F"):
        refuse_missing_glyphs({"a": ["ก", {"b": "คลอง 🌿"}]})
    assert missing_glyphs(["ก–ฮ ๐๙ ฯ ๆ “ก”"]) == ()


def test_longer_letter_numbers_its_pages_and_announces_the_next_word(tmp_path: Path) -> None:
    paragraph = "ในการนี้ จังหวัดขอให้ท่านพิจารณาส่งผลงานเข้าร่วมประกวดต่อไป " * 8
    rendered = render("cover-narathiwat", paragraphs=[paragraph] * 4)
    printed = text_of(rendered, tmp_path)
    assert rendered.pages == 2
    assert "–๒–" in printed
    assert "..." in printed


def test_the_text_of_a_circular_is_the_same_for_every_governor(tmp_path: Path) -> None:
    template = FILES.template("circular-governors")
    content = content_of("circular-governors")
    texts = set()
    for addressee in FILES.recipients(template)[:3]:
        inputs = Typesetting(FILES).letter(template, content, Numbered("x", INSTANT), addressee)
        printed = text_of(render_pdf("external", inputs, INSTANT), tmp_path)
        assert _bare(addressee.post) in printed
        texts.add(printed.replace(_bare(addressee.post), ""))
    assert len(texts) == 1
    assert len(FILES.recipients(template)) == 77
