"""What a voter reads whose vote may have been recorded, or whose first vote is held or struck."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import pytest
from sqlalchemy import text

from services.voting.app import build
from services.voting.domain.errors import TooBusy, VoteClosed
from services.voting.pages.flow import BALLOT_COOKIE
from services.voting.sender import Unconfirmed, VoteSender
from services.voting.tally import fold_votes
from shared.clock import FixedClock
from shared.contracts.intake import Role
from shared.db import Database
from shared.testing.browser import DESKTOP, PHONE, OpenPage, Visit, serve
from shared.testing.rulebooks import VOTE_OPENS, a_rulebook
from shared.testing.web import CONTEST_ID, client_for, resources_for
from tests.component.voting.scenario import a_vote, entry_id, open_vote, ready_to_vote

pytestmark = pytest.mark.browser
TITLE = "รถเมล์ตรงเวลา"
_RECEIPT = re.compile(r"/vote/receipt/([0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2})")


@dataclass
class House:
    """Voting with an open vote, and a log that does as it is told."""

    url: str
    ballot: str
    says: Exception
    voter: str = ""


@pytest.fixture
async def house(voting_database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    house = House("", "", Unconfirmed())

    async def send(self: VoteSender, key: bytes, value: bytes, headers: object) -> None:
        house.voter = key.decode()
        raise house.says

    monkeypatch.setattr(VoteSender, "send", send)
    await ready_to_vote(voting_database, a_rulebook())
    await open_vote(voting_database, CONTEST_ID)
    clock = FixedClock(VOTE_OPENS.astimezone(UTC))
    service = build(resources_for(voting_database, clock=clock, bootstrap_servers="127.0.0.1:1"))
    async with service.lifespan(), serve(service.http) as house.url:
        async with client_for(service.http, [Role.ADMIN]) as client:
            path = f"/api/voting/v1/contests/{CONTEST_ID}/rehearsal-ballots"
            (house.ballot,) = (await client.post(path, json={"count": 1})).json()["ballots"]
        yield house


async def unsure_voter(house: House, open_page: OpenPage, width: int) -> Visit:
    """Somebody who has a ballot and whose vote the log did not confirm."""
    visit = await open_page(house.url, "/vote", width=width, javascript=width == DESKTOP)
    cookie = {"name": BALLOT_COOKIE, "value": house.ballot, "url": f"{house.url}/vote"}
    await visit.page.context.add_cookies([cookie])  # type: ignore[list-item]
    await visit.page.get_by_label(TITLE, exact=True).check()
    await visit.submit("โหวตผลงานที่เลือก")
    await visit.submit(f"โหวต “{TITLE}”")
    return visit


async def seen(visit: Visit, picture: Path) -> str:
    """What the page says; nothing about it is wrong but the status that it has on purpose."""
    await visit.screenshot(picture)
    if picture.stem.endswith(str(DESKTOP)):
        assert [fault for fault in await visit.found_wrong() if "status of" not in fault] == []
    return await visit.text()


async def linked(visit: Visit) -> list[str]:
    return _RECEIPT.findall(await visit.page.content())


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
async def test_unconfirmed_vote_is_found_by_its_receipt_whatever_comes_after(
    house: House, open_page: OpenPage, voting_database: Database, width: int, tmp_path: Path
) -> None:
    visit = await unsure_voter(house, open_page, width)
    assert "อาจบันทึกแล้ว" in await seen(visit, tmp_path / f"unsure-{width}.png")
    (receipt,) = await linked(visit)

    house.says = TooBusy()
    await visit.submit("ส่งอีกครั้ง")
    assert "ระบบยังไม่ได้รับเสียงที่ส่งครั้งนี้" in await seen(visit, tmp_path / f"busy-{width}.png")
    assert await linked(visit) == [receipt]

    await visit.go("/vote")
    assert "เคยส่งแล้ว" in await seen(visit, tmp_path / f"ballot-{width}.png")
    assert await linked(visit) == [receipt]
    await visit.submit("โหวตผลงานที่เลือก")
    house.says = VoteClosed()
    await visit.submit(f"โหวต “{TITLE}”")
    assert "ระบบไม่ได้รับเสียงที่ส่งครั้งนี้" in await seen(visit, tmp_path / f"closed-{width}.png")
    assert await linked(visit) == [receipt]

    async with voting_database.transaction() as session:
        await fold_votes(session, [a_vote(CONTEST_ID, house.voter, entry=entry_id(1), receipt=receipt)])
    await visit.page.get_by_role("link", name=receipt).click()
    await visit.page.get_by_text("นับเสียงของคุณแล้ว").wait_for()


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
async def test_first_vote_is_told_as_it_stands(
    house: House, open_page: OpenPage, voting_database: Database, width: int, tmp_path: Path
) -> None:
    visit = await unsure_voter(house, open_page, width)
    second = "7KQ2-M9XD-4TBA"
    async with voting_database.transaction() as session:
        votes = [
            a_vote(CONTEST_ID, house.voter, receipt="1111-2222-3333"),
            a_vote(CONTEST_ID, house.voter, receipt=second, offset=1),
        ]
        await fold_votes(session, votes)
    told = {}
    for state in ("counted", "held", "struck"):
        async with voting_database.transaction() as session:
            await session.execute(text("UPDATE vote SET state = :state"), {"state": state})
        await visit.go("/vote")
        told[state] = await seen(visit, tmp_path / f"{state}-{width}.png")
        assert "ลงคะแนนเมื่อ" in told[state]
        assert "นับแล้ว" not in told[state]
    assert ["พักไว้ตรวจ" in told[state] for state in told] == [False, True, False]
    assert ["ตัดออก" in told[state] for state in told] == [False, False, True]
    await visit.go(f"/vote/receipt/{second}")
    repeated = await seen(visit, tmp_path / f"duplicate-{width}.png")
    assert "เสียงแรกของคุณเป็นเสียงที่ใช้" in repeated
    assert "ยังอยู่ในผลนับ" not in repeated
