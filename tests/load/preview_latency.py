"""From a change in the composer to the new page on the screen: ``python -m tests.load.preview_latency``.

A real Chromium opens the draft of the circular to the governors and types. The clock starts
at the change and stops when the new picture is decoded; ``asked`` leaves out the 120 ms that the page waits
whether somebody types on. Exit code 1 where half of the changes take longer than 300 ms.
"""

import asyncio
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from services.notify.handlers import drafting
from shared.contracts.intake import Role
from shared.embedded.postgres import SMALL, EmbeddedPostgres
from shared.testing.browser import chromium_path, serve
from shared.testing.postgres import Templates
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import publish_contest, token_for
from shared.web.sessions import COOKIE
from tests.component.notify.notify_kit import Notify

CHANGES, FIRST, LIMIT = 50, 3, 300
"""Changes that count, those before them that warm up, and the milliseconds that half of them may take."""
_CHANGE = """
async (words) => {
  const paper = document.querySelector("[data-pages]");
  const image = paper.querySelector("img");
  const field = document.querySelector("#field-subject");
  const before = image.src;
  field.value = words;
  const began = performance.now();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  while (image.src === before) await new Promise((done) => requestAnimationFrame(done));
  await image.decode();
  await new Promise((done) => requestAnimationFrame(done));
  return [performance.now() - began, Number(paper.dataset.fresh)];
}
"""


async def _draft(notify: Notify) -> str:
    async with notify.database.transaction() as session:
        command = drafting.DraftLetter(CONTEST_ID, "circular-governors", "drafter", overrides={})
        return (await drafting.draft_letter(session, notify.clock, command)).letter_id


async def _typed(browser: Browser, base: str, letter_id: str) -> list[tuple[float, float]]:
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    token = token_for((Role.STAFF,), contact_id="staff-1", contest_id=CONTEST_ID)
    await context.add_cookies([{"name": COOKIE, "value": token, "url": base, "httpOnly": True}])
    page = await context.new_page()
    await page.goto(f"{base}/letters/{letter_id}", wait_until="load")
    took = []
    for number in range(FIRST + CHANGES):
        words = f"ขอเชิญส่งผลงานเข้าร่วมประกวด ครั้งที่ {number}"
        whole, asked = await page.evaluate(_CHANGE, words)
        took.append((float(whole), float(asked)))
        await page.wait_for_timeout(150)
    await context.close()
    return took[FIRST:]


async def measure() -> dict[str, Any]:
    """The figures, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "pg", password="load", settings=SMALL)
        try:
            async with Templates(postgres.start()).database("notify") as database:
                await publish_contest(database)
                notify = Notify(database)
                letter_id = await _draft(notify)
                async with serve(notify.service().http) as base, async_playwright() as playwright:
                    browser = await playwright.chromium.launch(
                        executable_path=chromium_path() or None, args=["--no-sandbox", "--disable-gpu"]
                    )
                    took = await _typed(browser, base, letter_id)
                    await browser.close()
        finally:
            postgres.stop()
    whole, asked = sorted(one for one, _ in took), sorted(one for _, one in took)
    return {
        "changes": len(took),
        "p50 ms": round(statistics.median(whole)),
        "p95 ms": round(whole[int(len(whole) * 0.95) - 1]),
        "most ms": round(whole[-1]),
        "asked p50 ms": round(statistics.median(asked)),
    }


def main() -> int:
    """Measure and print as JSON."""
    found = asyncio.run(measure())
    sys.stdout.write(json.dumps(found) + "\n")
    return 0 if found["p50 ms"] <= LIMIT else 1


if __name__ == "__main__":
    raise SystemExit(main())
