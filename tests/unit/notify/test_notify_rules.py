"""Numbers, texts, checks, codes and back-off."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.contest_files import addressees_from_csv, contest_files
from services.notify.domain.certificates import CODE_LENGTH, new_code, normal_code
from services.notify.domain.checks import (
    Known,
    Place,
    Scheduled,
    check_circular,
    check_glyphs,
    check_pages,
    check_references,
    check_text,
)
from services.notify.domain.delivery import ATTEMPTS, wait_before
from services.notify.domain.letters import LetterState, Step, after, may_confirm, step_note
from services.notify.domain.numbering import number_text, register_year
from services.notify.domain.texts import fill, refuse_merge_fields
from services.notify.letters.linebreak import LineBreaker
from services.notify.mail.words import person_words
from services.notify.notice_files import OFFICE_TEMPLATES
from services.notify.tables import Contact
from shared.errors import Conflict, Forbidden, Invalid


def test_the_register_turns_at_bangkoks_midnight() -> None:
    new_year = datetime(2022, 12, 31, 17, 0, tzinfo=UTC)
    assert (register_year(new_year - timedelta(seconds=1)), register_year(new_year)) == (2022, 2023)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("{code}/ว {number:05}", "สศด. 0301/ว 01461"),
        ("ประกาศ {number}/{year_be}", "ประกาศ 1461/2565"),
        ("SCSA-{year_be}-{number:04}", "SCSA-2565-1461"),
    ],
)
def test_number_is_written_as_the_agency_writes_it(form: str, text: str) -> None:
    assert number_text(form, code="สศด. 0301", number=1461, year=2022) == text


def test_number_without_its_number_is_refused() -> None:
    with pytest.raises(ValueError, match="number"):
        number_text("{code}", code="x", number=1, year=2022)


def test_steps_lead_only_forward() -> None:
    allowed = {(state, step) for state in LetterState for step in Step if _allowed(state, step)}
    assert (LetterState.SIGNED, Step.EDIT) not in allowed
    assert (LetterState.DRAFT, Step.SIGN) not in allowed
    assert (LetterState.VOID, Step.VOID) not in allowed
    assert {state for state, step in allowed if step is Step.SIGN} == {LetterState.APPROVED}
    with pytest.raises(Forbidden):
        may_confirm("a", "a")


def _allowed(state: LetterState, step: Step) -> bool:
    try:
        after(state, step)
    except Conflict:
        return False
    return True


@given(st.text())
def test_filled_values_are_never_filled_again(value: str) -> None:
    assert fill("{a.b}", {"a.b": value}) == value


def test_circular_refuses_a_merge_field() -> None:
    with pytest.raises(Invalid, match=r"to\.post"):
        refuse_merge_fields(["เรียน {to.post}"])


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("ใน วันศุกร์ที่ ๑ กรกฎาคม ๒๕๖๕ เวลา ๑๓.๓๐ - ๑๕.๐๐ น.", []),
        ("ใน วันพุธที่ ๑ กรกฎาคม ๒๕๖๕", ["weekday"]),
        ("ใน วันพุธที่ ๓๑ มิถุนายน ๒๕๖๕", ["no-such-day"]),
        ("โครงการ The Smart City Showcase Awards 2022 ที่ www.depa.or.th/2022", []),
        ("จำนวน 77 จังหวัด", ["arabic-digits"]),
        ("วันที่ ๑2 กรกฎาคม", ["mixed-digits"]),
        ("ของ สศค. และ สศด.", ["abbreviation"]),
    ],
)
def test_checks_find_what_the_records_office_would(text: str, codes: list[str]) -> None:
    assert [finding.code for finding in check_text(text, "paragraphs")] == codes


BRIEFING = datetime(2022, 7, 1, 6, 30, tzinfo=UTC)
KNOWN = Known(
    steps=(
        Scheduled("ชี้แจง", "Briefing", BRIEFING, BRIEFING + timedelta(minutes=90)),
        Scheduled("รับสมัคร", "Applications", BRIEFING, datetime(2022, 7, 30, 11, tzinfo=UTC)),
    ),
    numbers={"สศด.0301/ว01461": date(2022, 6, 20)},
)
PLACE = Place("paragraphs", "ย่อหน้าที่ 2", "Paragraph 2")


@pytest.mark.parametrize(
    ("text", "codes", "words"),
    [
        ("วันศุกร์ที่ ๑ กรกฎาคม ๒๕๖๕ เวลา ๑๓.๓๐ - ๑๕.๐๐ น.", [], ""),
        ("วันศุกร์ที่ ๑ กรกฎาคม ๒๕๖๕ เวลา ๑๓.๓๐ - ๑๔.๓๐ น.", ["hours-rulebook"], "๑๓.๓๐ - ๑๕.๐๐ น."),
        ("ภายในวันที่ ๓๑ กรกฎาคม ๒๕๖๕", ["date-rulebook"], "“รับสมัคร” ๓๐ กรกฎาคม ๒๕๖๕"),
        ("ภายในวันที่ ๓๐ กรกฎาคม ๒๕๖๕", [], ""),
        ("วันเสาร์ที่ ๑ กรกฎาคม ๒๕๖๕", ["weekday"], "วันศุกร์"),
        ("โดย สศบ. และ อปท.", ["abbreviation"], "“สศบ.” ให้แก้เป็น “สศด.”"),
        ("สทป. กับ กทม.", [], ""),
        ("ระบบ Ms Team", ["abbreviation"], "MS Teams"),
        ("ข้อ ๑.2", ["mixed-digits"], "๑.2"),
    ],
)
def test_checks_hold_a_text_against_the_rulebook(text: str, codes: list[str], words: str) -> None:
    found = list(check_text(text, PLACE, KNOWN))
    assert [finding.code for finding in found] == codes
    for finding in found:
        assert words in finding.th
        assert finding.th.startswith("ย่อหน้าที่ 2: ")
        assert finding.en.startswith("Paragraph 2: ")
        assert finding.field == "paragraphs"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("หนังสือ สศด. ที่ สศด. ๐๓๐๑/ว ๐๑๔๖๑ ลงวันที่ ๒๐ มิถุนายน ๒๕๖๕", []),
        ("หนังสือ ที่ สศด. ๐๓๐๑ / ว. ๐๑๔๖๑ ลงวันที่ ๒๑ มิถุนายน ๒๕๖๕", ["reference-date"]),
        ("หนังสือ ที่ สศด. ๐๓๐๑/ว ๐๑๔๖๒ ลงวันที่ ๒๐ มิถุนายน ๒๕๖๕", ["reference"]),
        ("หนังสือฉบับก่อน", ["reference"]),
    ],
)
def test_a_reference_must_be_in_the_register(text: str, codes: list[str]) -> None:
    assert [finding.code for finding in check_references([text], KNOWN)] == codes


def test_a_circular_names_the_place_of_its_merge_field() -> None:
    found = list(check_circular([(PLACE, "เรียน {to.post} โปรดทราบ"), (PLACE, "โปรดทราบ")]))
    assert [(finding.code, finding.blocking) for finding in found] == [("merge-field", True)]
    assert "{to.post}" in found[0].th


def test_glyphs_and_overflow_are_pointed_out() -> None:
    glyphs = [finding.code for finding in check_glyphs("🌿", PLACE, "TH Sarabun New")]
    assert (glyphs, [finding.code for finding in check_pages(2, one_page=True)]) == (["glyph"], ["overflow"])
    assert not list(check_pages(2, one_page=False)) + list(check_pages(1, one_page=True))


def test_codes_are_read_however_they_are_typed() -> None:
    code = new_code()
    assert len(code.replace("-", "")) == CODE_LENGTH
    assert normal_code(f" {code.lower().replace('-', ' ')} ") == code


def test_back_off_grows_to_about_a_day() -> None:
    waits = [wait_before(attempt) for attempt in range(1, ATTEMPTS)]
    assert waits == sorted(waits)
    assert timedelta(hours=12) < sum(waits, timedelta()) < timedelta(hours=36)


@pytest.mark.parametrize("text", ["code,post\n1,\n", "code,post\n1,ก\n1,ข\n", "post\nก\n"])
def test_recipient_lists_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        addressees_from_csv(text)


BREAKER = LineBreaker([Path("contests/smart-city-2022/letters/glossary.txt").resolve()])


@pytest.mark.parametrize(
    "phrase",
    [
        "นายกองค์การ",
        "นวัตกรรม",
        "เมืองอัจฉริยะ",
        "วันพฤหัสบดีที่ ๑๑ สิงหาคม ๒๕๖๕",
        "เวลา ๑๓.๓๐ - ๑๕.๐๐ น.",
        "(ตัวอย่าง)",
        "จำนวน ๑ ฉบับ",
    ],
)
def test_phrases_stay_on_one_line(phrase: str) -> None:
    runs = BREAKER.runs(f"ข้อความก่อน {phrase} ข้อความหลัง")
    assert any(phrase in run and kept for run, kept in runs)


def test_runs_are_the_text_and_marks_stay_with_their_words() -> None:
    files = contest_files("smart-city-2022")
    for name in files.template_names():
        for paragraph in files.template(name).paragraphs:
            runs = BREAKER.runs(paragraph)
            assert "".join(run for run, _ in runs) == paragraph
            for (before, _), (following, _) in pairwise(runs):
                assert not following.startswith(("”", ")", "ๆ")) or before.endswith(" ")
                assert not before.endswith(("“", "("))


def test_every_notice_of_the_table_has_words_in_both_languages() -> None:
    files = contest_files("smart-city-2022")
    rules = files.rules()
    assert len(rules) >= 35
    written = {rule.template for rule in rules if rule.template}
    for template in {*written, *OFFICE_TEMPLATES}:
        thai, english = (files.notice(template, language) for language in ("th", "en"))
        assert thai.subject != english.subject
        assert thai.url == english.url


def test_a_step_is_noted_in_words() -> None:
    assert step_note(Step.SIGN, "totp", "th") == "ยืนยันด้วยรหัสจากแอป"
    assert step_note(Step.DISPATCH, "1077", "en") == "1,077 offices"
    assert step_note(Step.RETURN, "7", "en") == "7"


def test_whoever_gave_no_name_is_greeted_by_post_or_office() -> None:
    contact = Contact(contest_id="c", contact_id="p", revision=1, email="a@office.example", roles=[])
    assert person_words(contact)["person.name"] == "ท่านผู้เกี่ยวข้อง"
    contact.language = "en"
    assert person_words(contact)["person.name"] == "Sir or Madam"
    contact.organisation = "เทศบาลตัวอย่าง"
    assert person_words(contact)["person.name"] == "เทศบาลตัวอย่าง"
    contact.position = "นายกเทศมนตรี"
    assert person_words(contact)["person.name"] == "นายกเทศมนตรี"
