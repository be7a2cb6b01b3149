"""Pages in a real browser: Debian's Chromium by Playwright, at phone and desktop width."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Request, async_playwright
from starlette.types import ASGIApp

from shared.contracts.intake import Role
from shared.testing.machine import BROWSERS
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import token_for
from shared.web.sessions import COOKIE

PHONE = 360
DESKTOP = 1280
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_SERIOUS = frozenset({"serious", "critical"})
_SMALL_TARGETS = """
() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
  .filter((e) => !e.closest('p, dd, li p, td, .skip, figcaption, label') && !e.classList.contains('skip'))
  .map((e) => [e, e.getBoundingClientRect()])
  .filter(([e, r]) => r.width > 0 && r.height > 0 && (r.height < 24 || r.width < 24))
  .map(([e, r]) => `${e.tagName} ${e.textContent.trim().slice(0, 30)} ${r.width | 0}x${r.height | 0}`)
"""


def chromium_path() -> str:
    """The browser to use: SHOWCASE_CHROMIUM, else the system's; empty where there is none."""
    given = os.environ.get("SHOWCASE_CHROMIUM", "")
    return given or next((path for name in BROWSERS if (path := shutil.which(name))), "")


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for the run."""
    path = chromium_path()
    if not path:
        pytest.skip("no Chromium: install it, or name it in SHOWCASE_CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        await browser.close()


@dataclass(slots=True)
class Visit:
    """A page that somebody looks at, and what went wrong while they did."""

    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)

    async def go(self, path: str) -> None:
        """Open ``path`` and wait until it is quiet."""
        await self.page.goto(self.base_url + path, wait_until="load")

    async def submit(self, name: str) -> None:
        """Press the button of that name and wait for the next page."""
        async with self.page.expect_navigation(wait_until="load"):
            await self.page.get_by_role("button", name=name).first.click()

    async def text(self) -> str:
        """What the page's main part says."""
        return await self.page.locator("main").inner_text()

    async def screenshot(self, path: Path) -> None:
        """A picture of the whole page."""
        path.parent.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=path, full_page=True)

    async def found_wrong(self) -> list[str]:
        """Everything that a page must not do: console errors, requests to other origins, serious
        accessibility faults, sideways scrolling, targets too small to hit."""
        wrong = list(self.complaints)
        wide: int = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if wide > 0:
            wrong.append(f"scrolls sideways by {wide} px")
        small: list[str] = await self.page.evaluate(_SMALL_TARGETS)
        wrong += [f"small target: {target}" for target in small]
        results = await Axe().run(self.page)
        wrong += [
            f"axe: {violation['id']}: {violation['help']}: {violation['nodes'][0]['html'][:200]}"
            for violation in results.response["violations"]
            if violation["impact"] in _SERIOUS
        ]
        return wrong


OpenPage = Callable[..., Awaitable[Visit]]


@pytest.fixture
async def open_page(chromium: Browser) -> AsyncIterator[OpenPage]:
    """``visit = await open_page(base_url, "/path", width=360, roles=(…), javascript=True, dark=False)``."""
    async with AsyncExitStack() as stack:

        async def open_one(
            base_url: str,
            path: str = "",
            *,
            width: int = PHONE,
            roles: Iterable[Role] | None = None,
            contact_id: str = "",
            contest_id: str = CONTEST_ID,
            language: str = "th",
            javascript: bool = True,
            dark: bool = False,
        ) -> Visit:
            context = await chromium.new_context(
                viewport={"width": width, "height": 780 if width < 800 else 900},
                java_script_enabled=javascript,
                bypass_csp=False,
                color_scheme="dark" if dark else "light",
                locale="th-TH",
                timezone_id="Asia/Bangkok",
            )
            stack.push_async_callback(context.close)
            cookies: list[Any] = [{"name": "lang", "value": language, "url": base_url}]
            if roles is not None:
                token = token_for(roles, contact_id=contact_id, contest_id=contest_id)
                cookies.append({"name": COOKIE, "value": token, "url": base_url, "httpOnly": True})
            await context.add_cookies(cookies)
            visit = Visit(await context.new_page(), base_url)
            _watch(context, visit)
            if path:
                await visit.go(path)
            return visit

        yield open_one


def _watch(context: BrowserContext, visit: Visit) -> None:
    host = urlsplit(visit.base_url).netloc

    def on_request(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.netloc != host:
            visit.complaints.append(f"request to another origin: {request.url}")

    visit.page.on("request", on_request)
    visit.page.on("pageerror", lambda error: visit.complaints.append(f"script error: {error}"))
    visit.page.on(
        "console",
        lambda message: (
            visit.complaints.append(f"console: {message.text}")
            if message.type in ("error", "warning")
            else None
        ),
    )


@asynccontextmanager
async def serve(app: ASGIApp) -> AsyncIterator[str]:
    """Serve ``app`` on a free port of this machine, in this loop; gives the address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
