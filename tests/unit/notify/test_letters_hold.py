"""What must hold of every document: its bytes, its line breaks, its tags, and that nothing in it runs."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pdfplumber
import pdfua
import pypdf
import pytest
import typst

from services.notify.contest_files import ContestFiles, Profile
from services.notify.domain.letters import Addressee
from services.notify.fonts import typeface
from services.notify.letters.compose import Numbered, Typesetting, contest_facts
from services.notify.letters.linebreak import LineBreaker
from services.notify.letters.papers import PaperSetting, labels
from services.notify.letters.render import STANDARDS, TEMPLATES, canonical, inputs_sha256, render_pdf
from shared.errors import Invalid
from shared.testing.rulebooks import a_rulebook
from tests.unit.notify.seed_letters import CIRCULAR, COVER, corrected
from tests.unit.notify.test_letters_rendering import FILES, INSTANT, ROW, content_of, render

LETTERS = FILES.template_names()
PAPERS = FILES.papers()


def paper(name: str) -> bytes:
    """A paper with five rows."""
    rulebook = a_rulebook()
    setting = PaperSetting(FILES, rulebook, contest_facts(rulebook, "https://showcase.example"))
    rows = [{**ROW, "contact_id": ""}] * 5
    return render_pdf(PAPERS[name].layout, setting.inputs(PAPERS[name], rows, rows[:2]), INSTANT).pdf


def certificate(name: str = "certificate") -> bytes:
    content = {
        "recipient": "เทศบาลนครตัวอย่าง",
        "award": "รางวัลดีเด่น",
        "title": "คลองใส เมืองเย็น",
        "contest": "The Smart City Showcase Awards 2022",
        "serial": "SCSA-2565-0001",
        "code": "7KQ2-M9XD-4TBA",
    }
    template = FILES.certificate(name)
    inputs = Typesetting(FILES).certificate(template, content, INSTANT, "https://showcase.example/verify")
    return render_pdf("certificate", inputs, INSTANT).pdf


DOCUMENTS = {
    **{name: lambda name=name: render(name).pdf for name in LETTERS},
    **{name: lambda name=name: paper(name) for name in PAPERS},
    **{name: lambda name=name: certificate(name) for name in ("certificate", "certificate-finalist")},
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_is_tagged_thai_titled_and_sound(name: str, tmp_path: Path) -> None:
    path = tmp_path / "document.pdf"
    path.write_bytes(DOCUMENTS[name]())
    report = pdfua.validate(path)
    assert [finding for finding in report.findings if finding.severity is pdfua.Severity.ERROR] == []
    reader = pypdf.PdfReader(path)
    assert reader.metadata is not None
    assert reader.metadata.title
    root = reader.trailer["/Root"].get_object()
    assert str(root["/Lang"]).startswith("th")  # type: ignore[index]  # pypdf types the root loosely


def test_typsts_own_validation_is_asked_for() -> None:
    assert STANDARDS == ["a-2a", "ua-1"]


def test_same_bytes_in_three_processes_two_days_apart() -> None:
    script = (
        "import sys, time, datetime as d; real = time.time; time.time = lambda: real() + float(sys.argv[1]);"
        "from tests.unit.notify.test_letters_rendering import render;"
        "from tests.unit.notify.test_letters_hold import certificate;"
        "from hashlib import sha256;"
        "print(render('circular-governors').sha256, sha256(certificate()).hexdigest())"
    )
    said = set()
    for days in (0, 1, 2):
        command = [sys.executable, "-c", script, str(timedelta(days=days).total_seconds())]
        if faketime := shutil.which("faketime"):
            command = [faketime, f"+{days}d", *command]
        environment = {
            **os.environ,
            "PYTHONHASHSEED": str(days),
            "TZ": ("UTC", "Asia/Tokyo", "America/Lima")[days],
        }
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        said.add(done.stdout.strip())
    assert len(said) == 1


WIDTHS = range(70, 162, 4)
_LINES = """#import "common.typ": *
#set document(title: "x")
#set text(font: face, fallback: false, lang: "th", region: "TH", size: pt16, hyphenate: false)
#set par(justify: true)
#for width in data.widths {
  set page(width: (width + 40) * 1mm, height: auto, margin: 20mm)
  for paragraph in data.paragraphs {
    block(width: width * 1mm, par(first-line-indent: (amount: 25mm, all: true), runs(paragraph)))
    v(12mm)
  }
  pagebreak(weak: true)
}
"""


def test_no_line_breaks_inside_a_glossary_word_at_23_widths() -> None:
    breaker = LineBreaker([FILES.glossary])
    contest = tomllib.loads((FILES.letters.parent / "contest.toml").read_text(encoding="utf-8"))
    annex = [text["th"] for name in ("rationale", "purposes") for text in contest[name]]
    paragraphs = [line for line in corrected(CIRCULAR) + corrected(COVER) + annex if len(line) > 60]
    widths = list(WIDTHS)
    assert len(widths) == 23
    data = canonical(
        {"widths": widths, "paragraphs": [breaker.runs(text) for text in paragraphs], "draft": False}
    )
    face = typeface()
    sources = {"main": _LINES.encode(), "common.typ": (TEMPLATES / "common.typ").read_bytes()}
    pdf = typst.compile(
        sources,
        font_paths=[face.folder],
        ignore_system_fonts=True,
        sys_inputs={"data": data, "face": face.family, "scale": str(face.scale)},
    )
    done = subprocess.run(
        ["pdftotext", "-raw", "-", "-"], input=pdf, capture_output=True, check=True
    ).stdout.decode()
    printed = [line for line in done.replace("\f", "\n").split("\n") if line.strip()]
    broken, breaks, position = [], 0, 0
    for _ in widths:
        for text in paragraphs:
            bare = re.sub(r"\s", "", text)
            inside = _inside_words(breaker, text)
            said = ""
            while len(said) < len(bare):
                if said:
                    breaks += 1
                    if len(said) in inside:
                        broken.append(inside[len(said)])
                said += re.sub(r"\s", "", printed[position])
                position += 1
            assert said == bare
    assert broken == []
    assert breaks > 1_500


def _inside_words(breaker: LineBreaker, text: str) -> dict[int, str]:
    """Offsets, spaces not counted, that are inside a glossary word → the word."""
    found: dict[int, str] = {}
    position = 0
    for word in breaker.words(text):
        length = len(re.sub(r"\s", "", word))
        if word in breaker.glossary:
            found |= dict.fromkeys(range(position + 1, position + length), word)
        position += length
    return found


def test_circular_to_77_has_one_text_and_a_file_for_each() -> None:
    template = FILES.template("circular-governors")
    content = content_of("circular-governors")
    numbered = Numbered("สศด. ๐๓๐๑/ว ๐๑๔๖๑", INSTANT)
    typesetting = Typesetting(FILES)
    addressees = FILES.recipients(template)
    inputs = [typesetting.letter(template, content, numbered, addressee) for addressee in addressees]
    bodies = {inputs_sha256("external", {**one, "to": []}) for one in inputs}
    assert (len(addressees), len(bodies), len({canonical(one) for one in inputs})) == (77, 1, 77)
    some = {render_pdf("external", one, INSTANT).sha256 for one in inputs[::20]}
    assert len(some) == len(inputs[::20])


ATTACKS = [
    '#panic("x")',
    '#read("/etc/passwd") #import "x.typ"',
    '<script>alert(1)</script> &amp; <b>"x"</b>',
    "$ sum_(i=1) $ *b* _i_ `c` @ref <label> // comment /* x */ \\u{1F600}",
    "{{ 7*7 }} {% raw %} {contest.name}",
    "=1+1 -2+3 @SUM(A1) +cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_printed_literally(attack: str, tmp_path: Path) -> None:
    said = attack.replace("{contest.name}", "The Smart City Showcase Awards 2022")
    rendered = render("cover-narathiwat", subject=attack, paragraphs=[attack, "จึงเรียนมาเพื่อทราบ"])
    path = tmp_path / "letter.pdf"
    path.write_bytes(rendered.pdf)
    text = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, text=True, check=True).stdout
    assert re.sub(r"\s", "", text).count(re.sub(r"\s", "", said)) == 2
    reader = pypdf.PdfReader(path)
    assert not {"/AA", "/OpenAction", "/AcroForm"} & set(reader.trailer["/Root"].get_object())  # type: ignore[arg-type]
    for key in ("/JS", "/JavaScript", "/Launch", "/EmbeddedFile"):
        assert key.encode() not in rendered.pdf


@pytest.mark.parametrize("attack", ATTACKS[:2])
@pytest.mark.parametrize(
    "place", ["subject", "to", "urgency", "references", "enclosures", "copies", "after", "paragraphs"]
)
def test_no_free_text_of_a_letter_runs(place: str, attack: str) -> None:
    enclosed = {"text": "x", "copies": attack} if place == "copies" else {"text": attack, "copies": ""}
    given: Any = {
        "references": [attack],
        "enclosures": [enclosed],
        "copies": [enclosed],
        "after": [attack],
        "paragraphs": [attack],
    }.get(place, attack)
    name = "enclosures" if place == "copies" else place
    rendered = render("cover-narathiwat", **{name: given})
    text = "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(rendered.pdf)).pages)
    assert re.sub(r"\s", "", attack) in re.sub(r"\s", "", text)


@pytest.mark.parametrize("attack", ATTACKS[:2])
def test_no_free_text_of_an_addressee_a_signer_or_a_row_runs(attack: str) -> None:
    template = FILES.template("circular-governors")
    addressee = Addressee("1", attack, attack)
    inputs = Typesetting(FILES).letter(
        template, content_of("circular-governors"), Numbered(attack, INSTANT), addressee
    )
    inputs["signer"] = {"name": attack, "lines": [attack]}
    inputs["sender"], inputs["owner"] = [attack], [attack]
    inputs["table"] = Typesetting(FILES).table(
        {"columns": [{"name": attack, "width": 1, "centred": False}], "rows": [[attack]]}
    )
    rendered = render_pdf("external", inputs, INSTANT)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(rendered.pdf)).pages)
    assert re.sub(r"\s", "", text).count(re.sub(r"\s", "", attack)) >= 5
    office = Addressee("1", f"ถนน {attack}", attack)
    label = labels([office], attack, attack, attack, Typesetting(FILES))
    head = {"title": attack, "letterhead": inputs["letterhead"], "draft": False}
    sheet = render_pdf("labels", {**head, "labels": label}, INSTANT)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(sheet.pdf)).pages)
    assert re.sub(r"\s", "", text).count(re.sub(r"\s", "", attack)) == 5


def test_control_characters_in_a_subject_are_refused() -> None:
    with pytest.raises(Invalid, match=r"U\+000D"):
        render("cover-narathiwat", subject="เรื่อง\r\nBcc: a@b.example")


@pytest.mark.parametrize(("emblem", "order"), [(False, False), (True, False), (False, True), (True, True)])
def test_the_draft_mark_goes_only_with_emblem_and_order(
    monkeypatch: pytest.MonkeyPatch, *, emblem: bool, order: bool
) -> None:
    plain = FILES.profile("narathiwat")
    signer = plain.signer.model_copy(update={"authorised_by": "คำสั่งที่ ๑/๒๕๖๕" if order else ""})
    profile = plain.model_copy(update={"emblem": "emblem.svg" if emblem else "", "signer": signer})
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle cx="4" cy="4" r="4"/></svg>'

    def given(self: ContestFiles, name: str) -> Profile:
        return profile

    def picture(self: ContestFiles, profile: Profile) -> bytes:
        return svg if profile.emblem else b""

    monkeypatch.setattr(ContestFiles, "profile", given)
    monkeypatch.setattr(ContestFiles, "emblem", picture)
    template = FILES.template("cover-narathiwat")
    inputs = Typesetting(FILES).letter(template, content_of("cover-narathiwat"), Numbered("นธ ๑", INSTANT))
    assert inputs["draft"] is not (emblem and order)
    page = pdfplumber.open(BytesIO(render_pdf("external", inputs, INSTANT).pdf)).pages[0]
    assert any(char["size"] > 60 for char in page.chars) is not (emblem and order)


def test_two_lines_of_text_stand_before_a_closing_on_its_page() -> None:
    paragraph = "ในการนี้ จังหวัดขอให้ท่านพิจารณาส่งผลงานเข้าร่วมประกวดต่อไป "
    for count in (24, 28, 32, 36, 40):
        pdf = render(
            "cover-narathiwat", paragraphs=[paragraph * 14, paragraph * (count - 14), "จึงเรียนมาเพื่อทราบ"]
        ).pdf
        pages = (
            subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
            .stdout.decode()
            .split("\f")
        )
        page = next(page for page in pages if "ขอแสดงความนับถือ" in page)
        before = page[: page.index("ขอแสดงความนับถือ")].splitlines()
        assert sum(bool(re.search("[ก-ฮ]", line)) for line in before) >= 2


def test_addressee_is_a_post() -> None:
    posts = {
        "เทศบาลนครหาดใหญ่": "นายกเทศมนตรีนครหาดใหญ่",
        "อบต. บางนาค": "นายกองค์การบริหารส่วนตำบลบางนาค",
        "สำนักงานจังหวัดน่าน": "ผู้ว่าราชการจังหวัดน่าน",
        "บริษัท ตัวอย่าง จำกัด": "กรรมการผู้จัดการ บริษัท ตัวอย่าง จำกัด",
        "มูลนิธิตัวอย่าง": "หัวหน้าหน่วยงาน มูลนิธิตัวอย่าง",
    }
    assert {name: FILES.post_of(name) for name in posts} == posts
    assert Addressee("1", "x", posts["เทศบาลนครหาดใหญ่"]).post.startswith("นายก")
