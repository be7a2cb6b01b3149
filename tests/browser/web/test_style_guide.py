"""Every part of the design system, at phone and desktop width, light and dark, in both languages."""

import os
from pathlib import Path

import pytest

from shared.testing.browser import DESKTOP, PHONE, OpenPage, serve
from shared.testing.style_guide import style_guide

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("SHOWCASE_PICTURES", "")


@pytest.mark.parametrize("path", ["/guide", "/guide/phone"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("dark", [False, True])
async def test_parts_break_no_rule_of_pages(open_page: OpenPage, path: str, width: int, dark: bool) -> None:
    async with serve(style_guide()) as base_url:
        visit = await open_page(base_url, path, width=width, dark=dark)
        if PICTURES:
            name = f"{path.strip('/').replace('/', '-')}-{width}-{'dark' if dark else 'light'}.png"
            await visit.screenshot(Path(PICTURES) / name)
        assert await visit.found_wrong() == []
