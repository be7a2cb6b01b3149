"""The pages of the queue, of the early confirmation and of the comparison, on a phone and a desktop."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.db import Database
from shared.testing.browser import DESKTOP, PHONE, OpenPage, Visit, serve
from shared.testing.rulebooks import VOTE_OPENS
from shared.testing.web import CONTEST_ID
from tests.component.voting.identity_kit import EMAIL, House
from tests.component.voting.scenario import entry_id, open_vote

pytestmark = pytest.mark.browser

_CROWD = text(
    """
    INSERT INTO outgoing_code SELECT :contest_id, n::text, '', 'email', 'gmail.com', 'th', 0,
        clock_timestamp(), clock_timestamp() - interval '1 minute' FROM generate_series(1, 40) n
    """
)


async def look(visit: Visit, folder: Path, name: str) -> None:
    """Nothing is wrong with the page; a picture is kept for whoever wants to see it."""
    await visit.screenshot(folder / f"{name}.png")
    assert await visit.found_wrong() == [], name


async def test_confirming_early_waits_in_the_queue_and_ends_with_a_ballot(
    voting_database: Database, open_page: OpenPage, tmp_path: Path
) -> None:
    house = await House.build(voting_database, codes_per_second=0.5, codes_per_second_and_provider=0.5)
    house.clock.instant = VOTE_OPENS - timedelta(days=3)
    async with serve(house.service.http) as url:
        visit = await open_page(url, "/vote")
        await look(visit, tmp_path, "not-open")
        async with visit.page.expect_navigation():
            await visit.page.get_by_role("link", name="ยืนยันตัวตอนนี้").click()
        await look(visit, tmp_path, "address")
        await visit.page.get_by_label("อีเมล").fill(EMAIL)
        async with voting_database.transaction() as session:  # a crowd came before
            await session.execute(_CROWD, {"contest_id": CONTEST_ID})
        await visit.submit("ส่งรหัสให้ฉัน")
        assert "อยู่ก่อนหน้าคุณ\n40" in re.sub(r"\n+", "\n", await visit.text())
        assert "2 นาที" in await visit.text()
        await look(visit, tmp_path, "queue")
        plain = await open_page(url, javascript=False)
        await plain.page.context.add_cookies(await visit.page.context.cookies())
        await plain.go("/vote/queue")
        refresh = plain.page.locator("meta[http-equiv=refresh]")
        assert int(await refresh.get_attribute("content") or 0) >= 3
        async with voting_database.transaction() as session:
            await session.execute(text("DELETE FROM outgoing_code WHERE length(code_id) < 3"))
        await house.turn()
        await visit.page.wait_for_url("**/vote/code", timeout=40_000)
        await look(visit, tmp_path, "code")
        digits = "".join(re.findall(r"\d{3}", house.mailer.to(EMAIL)[-1].subject))
        await visit.page.get_by_label("รหัส").fill(digits)
        await visit.submit("ยืนยันรหัส")
        assert "พร้อมโหวต" in await visit.text()
        await look(visit, tmp_path, "ready")
        await visit.go("/vote")
        assert "คุณยืนยันตัวแล้ว" in await visit.text()


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
async def test_finalists_are_compared_and_shared_in_an_order_that_stays(
    voting_database: Database, open_page: OpenPage, tmp_path: Path, width: int
) -> None:
    house = await House.build(voting_database)
    await open_vote(voting_database, CONTEST_ID, house.clock)
    async with serve(house.service.http) as url:
        visit = await open_page(url, "/vote", width=width)
        await look(visit, tmp_path, f"ballot-{width}")
        order = await visit.page.locator(".pick strong").all_inner_texts()
        await visit.go("/vote")
        assert await visit.page.locator(".pick strong").all_inner_texts() == order
        await visit.go("/vote/compare")
        for number in (0, 2):
            await visit.page.locator(f"input[value={entry_id(number)}]").check()
        await visit.submit("เปรียบเทียบ")
        assert await visit.page.get_by_role("button", name="โหวต “").count() == 2
        await look(visit, tmp_path, f"compare-{width}")
        await visit.go(f"/vote/entries/{entry_id(0)}")
        assert await visit.page.locator("meta[property='og:title']").count() == 1
        await look(visit, tmp_path, f"entry-{width}")


async def test_every_page_of_the_way_is_light(voting_database: Database, open_page: OpenPage) -> None:
    house = await House.build(voting_database)
    await open_vote(voting_database, CONTEST_ID, house.clock)
    async with serve(house.service.http) as url:
        for path in ("/vote", f"/vote/entries/{entry_id(0)}", "/vote/compare"):
            visit = await open_page(url, path)
            sizes: list[int] = await visit.page.evaluate(
                "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
                ".map((entry) => entry.encodedBodySize)"
            )
            assert sum(sizes) <= 100_000, (path, sizes)
