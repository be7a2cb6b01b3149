"""Rules of entries: six months, the door, files, codes."""

import contextlib
import io
import zipfile
import zlib
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import files, sign_in
from services.intake.domain.eligibility import months_before, same_applicant
from services.intake.domain.entry import Door, door, reference
from shared.contracts.rulebook import MilestoneKind
from shared.errors import Invalid
from shared.testing.rulebooks import a_rulebook

DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 1, 1))


@pytest.mark.parametrize(
    ("day", "start"),
    [
        (date(2022, 7, 30), date(2022, 1, 30)),
        (date(2022, 8, 31), date(2022, 2, 28)),
        (date(2024, 8, 31), date(2024, 2, 29)),
        (date(2022, 3, 1), date(2021, 9, 1)),
    ],
)
def test_six_months_before(day: date, start: date) -> None:
    assert months_before(day, 6) == start


@given(DAYS, st.integers(min_value=0, max_value=60))
def test_months_before_is_ordered_and_within_the_month(day: date, months: int) -> None:
    start = months_before(day, months)
    assert (day.year * 12 + day.month) - (start.year * 12 + start.month) == months
    assert start.day <= day.day
    assert months_before(day + timedelta(days=1), months) >= start


@given(st.integers(min_value=-(10**10), max_value=10**10))
def test_the_door_is_half_open(microseconds: int) -> None:
    rulebook = a_rulebook()
    period = rulebook.milestone(MilestoneKind.APPLICATIONS)
    after_open = door(rulebook, period.starts_at + timedelta(microseconds=microseconds))
    after_close = door(rulebook, period.ends_at + timedelta(microseconds=microseconds))
    assert after_open is (Door.NOT_YET if microseconds < 0 else Door.OPEN)
    assert after_close is (Door.OPEN if microseconds < 0 else Door.CLOSED)


def test_references_and_names() -> None:
    assert reference("SC65", 17) == "SC65-0017"
    assert same_applicant("เทศบาลนคร ตัวอย่าง", " เทศบาลนครตัวอย่าง ")
    assert not same_applicant("เทศบาลนครตัวอย่าง", "เทศบาลเมืองตัวอย่าง")


def _office(folder: str, packed: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packed) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(f"{folder}/document.xml", "<w/>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.PDF", b"%PDF-1.7"),
        ("a.png", b"\x89PNG\r\n\x1a\n..."),
        ("a.jpeg", b"\xff\xd8\xff\xe0"),
        ("a.docx", _office("word")),
        ("a.xlsx", _office("xl")),
    ],
)
def test_files_are_what_they_say(name: str, content: bytes) -> None:
    assert files.media_type(name, content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b""),
        ("a.pdf", b"MZ\x90"),
        ("a.exe", b"MZ\x90"),
        ("a", b"%PDF-1.7"),
        ("a.docx", _office("xl")),
        ("a.docx", b"PK\x03\x04 broken"),
        ("a.pdf", b"%PDF-" + b"0" * files.MAXIMUM_SIZE),
    ],
)
def test_other_files_are_refused(name: str, content: bytes) -> None:
    with pytest.raises(Invalid):
        files.media_type(name, content)


def test_an_office_file_that_unpacks_to_a_mountain_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(files.MAXIMUM_UNPACKED // 2**20 + 1):
                sheet.write(b"0" * 2**20)
    assert len(buffer.getvalue()) < files.MAXIMUM_SIZE
    with pytest.raises(Invalid, match="save it as PDF"):
        files.media_type("a.xlsx", buffer.getvalue())


def test_what_a_directory_says_of_its_sizes_is_not_believed() -> None:
    """The mountain is declared as a molehill, with the checksum of what it is said to be."""
    buffer, chunk = io.BytesIO(), b"0" * 2**20
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(files.MAXIMUM_UNPACKED // len(chunk) + 1):
                sheet.write(chunk)
        archive.filelist[-1].file_size, archive.filelist[-1].CRC = 100, zlib.crc32(chunk[:100])
    with zipfile.ZipFile(buffer) as archive:
        assert archive.read("xl/worksheets/sheet1.xml") == chunk[:100]
    with pytest.raises(Invalid, match="save it as PDF"):
        files.media_type("a.xlsx", buffer.getvalue())


@pytest.mark.parametrize("packed", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_office_file_is_packed_as_office_files_are(packed: int) -> None:
    with pytest.raises(Invalid, match="no DOCX"):
        files.media_type("a.docx", _office("word", packed))


def test_an_office_file_with_a_damaged_member_is_refused() -> None:
    sound = _office("word", zipfile.ZIP_DEFLATED)
    assert files.media_type("a.docx", sound)
    for place in range(0, len(sound), 3):
        damaged = sound[:place] + bytes([sound[place] ^ 0xFF]) + sound[place + 1 :]
        with contextlib.suppress(Invalid):
            files.media_type("a.docx", damaged)


@given(st.text(max_size=300))
def test_cleaned_names_cannot_leave_their_folder(name: str) -> None:
    cleaned = files.clean_name(name)
    assert "/" not in cleaned
    assert "\\" not in cleaned
    assert cleaned not in (".", "..")
    assert all(character >= " " for character in cleaned)


def test_codes_and_networks() -> None:
    key = sign_in.derived_key("secret")
    codes = {sign_in.new_code() for _ in range(50)}
    assert all(len(code) == 6 and code.isdecimal() for code in codes)
    assert len(codes) > 45
    assert sign_in.code_hash(key, "a", "123456") != sign_in.code_hash(key, "b", "123456")
    assert sign_in.ip_prefix("203.0.113.77") == "203.0.113.0/24"
    assert sign_in.ip_prefix("::ffff:203.0.113.77") == "203.0.113.0/24"
    assert sign_in.ip_prefix("2001:db8:1:2::3") == "2001:db8:1::/48"
    assert sign_in.ip_prefix("127.0.0.1") == sign_in.ip_prefix("testclient") == ""
