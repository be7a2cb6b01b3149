"""How pages write what is the same in both languages but for a word."""

import pytest
from starlette.requests import Request

from shared.web.pages import Words


@pytest.mark.parametrize(
    ("language", "written"), [("th", "0 2026 2333 ต่อ 5103"), ("en", "0 2026 2333 ext. 5103")]
)
def test_a_telephone_number_says_its_extension_in_the_page_s_language(language: str, written: str) -> None:
    request = Request({"type": "http", "path": "/", "headers": []})
    assert Words(request, language).telephone("0 2026 2333 ต่อ 5103") == written
