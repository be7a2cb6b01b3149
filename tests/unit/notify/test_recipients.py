"""Lists of addressees and files from outside: what is refused, and that nothing of it is kept."""

import gzip
import io
import zipfile

import pytest

from services.notify.domain.recipients import addressees_of, decoded
from services.notify.domain.uploads import Upload, media_type_of
from shared.errors import Invalid

HEAD = "code,place,post,email\n"


def _bomb() -> bytes:
    """Ten kilobytes that unpack to ten megabytes, as a zip and as the body of an xlsx would be."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 10_000_000)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        _bomb(),
        gzip.compress(b"0" * 1_000_000),
        HEAD.encode("utf-16"),
        HEAD.encode("utf-16-le"),
        HEAD.encode("utf-16-be"),
        HEAD.encode() + b"1,x,\0post,",
    ],
)
def test_what_is_no_csv_in_utf_8_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid, match=r"CSV|UTF-8"):
        addressees_of(decoded(content))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r="])
@pytest.mark.parametrize("column", [0, 1, 2, 3])
def test_a_cell_that_begins_like_a_formula_is_refused(start: str, column: int) -> None:
    cells = ["1", "x", "post", "a@b.example"]
    cells[column] = f'"{start}HYPERLINK(1)"'
    with pytest.raises(Invalid, match="begins like a formula"):
        addressees_of(HEAD + ",".join(cells))


@pytest.mark.parametrize("text", ["1,x,po\0st,", "1,x,po\x1bst,", f"1,x,{'p' * 200_000},"])
def test_a_pasted_list_with_what_cannot_be_printed_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        addressees_of(HEAD + text)


@pytest.mark.parametrize("name", ["signed.zip", "signed.xlsx", "signed.pdf", "signed.png"])
def test_an_archive_is_no_signed_letter_whatever_its_name(name: str) -> None:
    with pytest.raises(Invalid, match="PDF"):
        media_type_of(Upload(name, _bomb()))
