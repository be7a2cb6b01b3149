"""Static files by hash, safe redirects, and the calendar's marks."""

from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from shared.clock import BANGKOK
from shared.contracts.rulebook import MilestoneKind
from shared.testing.rulebooks import BRIEFING, CLOSING, SHORTLIST, VOTE_OPENS, a_rulebook
from shared.web.calendar import marks
from shared.web.problems import safe_path
from shared.web.static_files import FOLDER, FOR_EVER, STATIC, static_file, static_url


async def get(path: str, **headers: str) -> httpx.Response:
    app = FastAPI()
    app.router.routes.append(STATIC)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        return await client.get(path, headers=headers)


async def test_a_hashed_name_is_cached_for_ever_and_a_plain_one_is_revalidated() -> None:
    hashed = await get(static_url("showcase.css"))
    plain = await get("/static/showcase.css")
    stale = await get("/static/showcase.0123456789.css")
    again = await get("/static/showcase.css", **{"if-none-match": plain.headers["etag"]})
    assert [r.status_code for r in (hashed, plain, stale, again)] == [200, 200, 200, 304]
    assert [r.headers["cache-control"] for r in (hashed, plain, stale)] == [FOR_EVER, "no-cache", "no-cache"]
    assert hashed.content == plain.content == stale.content


async def test_the_stylesheet_names_fonts_by_hash() -> None:
    css = (await get("/static/showcase.css")).text
    assert static_url("fonts/sarabun-400.woff2") in css
    assert "url(fonts/" not in css


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/none.css", "/static/"],
)
async def test_nothing_outside_of_the_folder_is_served(path: str) -> None:
    assert (await get(path)).status_code == 404


def test_a_page_stays_light() -> None:
    """PAGES: the vote page is at most 100 kB without pictures; this is what it shares with all pages."""
    names = ["showcase.css", "showcase.js", "logo.svg"]
    names += [f"fonts/{path.name}" for path in (FOLDER / "fonts").glob("*.woff2")]
    sizes = {name: len(found.body) for name in names if (found := static_file(name))}
    assert sizes["showcase.css"] <= 22_000
    assert sum(sizes.values()) <= 90_000, sizes


def test_fonts_stand_with_their_licences() -> None:
    fonts = FOLDER / "fonts"
    families = {path.name.split("-")[0] for path in fonts.glob("*.woff2")}
    licences = {path.stem.removeprefix("OFL-").casefold() for path in fonts.glob("OFL-*.txt")}
    assert families == licences == {"sarabun", "anuphan"}
    assert all("SIL Open Font License" in Path(path).read_text() for path in fonts.glob("OFL-*.txt"))


@pytest.mark.parametrize(
    ("target", "safe"),
    [
        ("/apply?step=2", "/apply?step=2"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        ("apply", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("/a\\b", "/"),
    ],
)
def test_safe_path_never_leaves_the_origin(target: str, safe: str) -> None:
    assert safe_path(target) == safe


@pytest.mark.parametrize(
    ("now", "marked"),
    [
        (BRIEFING - timedelta(days=1), [("applications", "ตอนนี้")]),
        (BRIEFING + timedelta(minutes=5), [("applications", "ตอนนี้"), ("briefing", "ตอนนี้")]),
        (CLOSING, [("shortlist", "ถัดไป")]),
        (SHORTLIST - timedelta(hours=3), [("shortlist", "วันนี้")]),
        (SHORTLIST, [("voting", "วันนี้")]),
        (VOTE_OPENS, [("voting", "ตอนนี้")]),
        (datetime(2023, 1, 1, tzinfo=BANGKOK), []),
    ],
)
def test_calendar_marks_what_is_going_on_or_comes_next(now: datetime, marked: list[tuple[str, str]]) -> None:
    found = marks(a_rulebook().milestones, now, "th")
    assert [(m.milestone.kind.value, m.now) for m in found if m.state == "now"] == marked


def test_calendar_marks_say_when() -> None:
    found = {m.milestone.kind: m.when for m in marks(a_rulebook().milestones, SHORTLIST, "en")}
    assert (found[MilestoneKind.VOTING], found[MilestoneKind.RESULTS]) == ("5 Aug – 10 Aug", "15 Aug")
