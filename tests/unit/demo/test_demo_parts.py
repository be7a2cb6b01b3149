"""The small parts of the demo: codes in mail, the attached PDF, figures, and what stops it."""

import io
from pathlib import Path

import pytest
from pypdf import PdfReader

from services.demo import inbox
from services.demo.api import DemoFailed
from services.demo.figures import Figure
from services.demo.inbox import code_from
from services.demo.paper import report_pdf
from services.demo.system import own_system


class FakeInbox:
    def __init__(self, *texts: str) -> None:
        self._texts = list(texts)

    async def texts(self, address: str) -> list[str]:
        return self._texts

    async def total(self) -> int:
        return len(self._texts)


@pytest.mark.parametrize("text", ["รหัสคือ 123 456", "123456 is your code", "Code\n\n    123 456\n"])
async def test_a_code_is_read_as_a_person_reads_it(text: str) -> None:
    assert await code_from(FakeInbox("ไม่มีรหัส 1234567 หรือ 12 345 6789", text), "a@example.org") == "123456"


async def test_a_mail_that_does_not_come_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "_MAIL_SECONDS", 0.2)
    with pytest.raises(DemoFailed, match="no mail with a code came"):
        await code_from(FakeInbox(), "a@example.org")


def test_the_attachment_is_a_real_pdf() -> None:
    page = PdfReader(io.BytesIO(report_pdf(7)), strict=True).pages[0]
    assert page.extract_text() == "Annual report of entry 07"


@pytest.mark.parametrize(
    ("api", "log", "agrees"),
    [(5, 5, True), (5, None, True), (None, 5, True), (4, 5, False), (5, 4, False), (None, None, False)],
)
def test_a_figure_agrees_where_everyone_who_knows_it_found_it(
    api: int | None, log: int | None, agrees: bool
) -> None:
    assert Figure("votes", 5, api, log).agrees is agrees


async def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DemoFailed, match="holds something that no demo made"):
        async with own_system(tmp_path, admin="a@example.org", port=None):
            pass
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
