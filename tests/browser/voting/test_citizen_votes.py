"""The citizen's way in a real browser, with real Kafka behind it."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC

import pytest

from services.voting import handlers
from services.voting.app import build
from services.voting.certification import Certifier
from services.voting.closing import Closer
from services.voting.window import REFRESH_SECONDS
from shared.clock import FixedClock
from shared.contracts.ids import ContactId, new_id
from shared.contracts.intake import Role
from shared.db import Database
from shared.mail import MemoryMailer
from shared.messaging.consume import Consumers
from shared.messaging.leader import TimerLeader
from shared.messaging.relay import Relay
from shared.messaging.topics import provision
from shared.settings import BrokerKind
from shared.testing.browser import DESKTOP, PHONE, OpenPage, Visit, serve
from shared.testing.rulebooks import VOTE_OPENS, a_rulebook
from shared.testing.web import resources_for
from shared.web.sessions import Account
from tests.component.voting.scenario import eventually, open_vote, ready_to_vote, send_due_codes

pytestmark = [pytest.mark.browser, pytest.mark.kafka]
EMAIL = "somchai@example.go.th"


class House:
    """Voting, served, with its worker."""

    def __init__(self, database: Database, kafka: str) -> None:
        self.mailer = MemoryMailer()
        self.clock = FixedClock(VOTE_OPENS.astimezone(UTC))
        self.resources = resources_for(
            database,
            clock=self.clock,
            mailer=self.mailer,
            broker=BrokerKind.KAFKA,
            bootstrap_servers=kafka,
            friction_seconds="0 1 2 3",
        )
        self.service = build(self.resources)
        self.database = database
        self.contest_id = ""
        self.url = ""

    async def code(self) -> str:
        await send_due_codes(self.service, self.database)
        found = re.search(r"(\d{3}) (\d{3})", self.mailer.to(EMAIL)[-1].subject)
        assert found
        return "".join(found.groups())

    async def close(self) -> None:
        await Closer(self.resources.settings, self.database, self.clock).close(self.contest_id)

    async def certify(self) -> None:
        certifier = Certifier(self.resources.settings, self.database, self.clock)
        for name, roles in (("one", {Role.STAFF}), ("two", {Role.APPROVER})):
            account = Account(ContactId(name), frozenset(roles))

            async def signed(account: Account = account) -> bool:
                try:
                    return bool(await certifier.certify(self.contest_id, account))
                except handlers.Conflict:
                    return False

            await eventually(signed)


@pytest.fixture
async def house(voting_database: Database, kafka: str) -> AsyncIterator[House]:
    house = House(voting_database, kafka)
    await provision(house.resources.settings, ("voting", "voting-tally", "voting-tree"))
    rulebook = a_rulebook(f"vote-{new_id()[-12:]}")
    house.contest_id = (await ready_to_vote(voting_database, rulebook)).contest_id
    consumers = Consumers(house.resources.settings, "voting", voting_database, house.service.subscriptions)
    relay = Relay(house.resources.settings, voting_database, "voting")
    signing = [timer for timer in house.service.timers if timer.name == "voting-heads"]
    leader = TimerLeader(voting_database, signing)
    async with house.service.lifespan(), consumers, relay, leader, serve(house.service.http) as url:
        house.url = url
        yield house


async def vote_for(visit: Visit, house: House, title: str) -> None:
    """From the ballot to the receipt."""
    await visit.page.get_by_label(title, exact=True).check()
    await visit.submit("โหวตผลงานที่เลือก")
    await visit.page.get_by_label("อีเมล").fill(EMAIL)
    assert await visit.found_wrong() == []
    await visit.submit("ส่งรหัสให้ฉัน")
    await visit.page.get_by_label("รหัส").fill(await house.code())
    assert await visit.found_wrong() == []
    await visit.submit("ยืนยันรหัส")
    assert title in await visit.text()
    assert await visit.found_wrong() == []
    await visit.submit(f"โหวต “{title}”")


@pytest.mark.parametrize("javascript", [True, False])
async def test_citizen_votes_on_a_phone_and_sees_it_counted(
    house: House, open_page: OpenPage, javascript: bool
) -> None:
    visit = await open_page(house.url, "/vote", javascript=javascript)
    assert "ยังไม่เปิดโหวต" in await visit.text()
    await open_vote(house.database, house.contest_id, house.clock)
    await asyncio.sleep(REFRESH_SECONDS + 0.5)  # no relay runs here to tell the door of it

    async def opens() -> bool:
        await visit.go("/vote")
        return "เลือกผลงานที่คุณชอบ" in await visit.text()

    await eventually(opens)
    assert await _weight(visit) <= 100_000
    if javascript:
        assert await visit.found_wrong() == []

    await vote_for(visit, house, "รถเมล์ตรงเวลา") if javascript else await _vote_plain(visit, house)
    await visit.page.get_by_text("นับเสียงของคุณแล้ว").wait_for(timeout=10_000)
    receipt = await visit.page.locator(".code.large").inner_text()
    if javascript:
        await visit.page.get_by_text("ตรวจในเครื่องของคุณแล้ว ถูกต้อง").wait_for(timeout=15_000)
        assert "ลายมือชื่อดิจิทัลถูกต้อง" in await visit.text()
    else:
        await visit.page.get_by_text("อยู่ในบันทึกที่ลงลายมือชื่อดิจิทัลแล้ว").wait_for(timeout=20_000)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}", receipt)
    assert "รถเมล์" not in await visit.text(), "a receipt shows no choice"
    if javascript:
        assert await visit.found_wrong() == []

    await visit.go("/vote")
    assert "คุณโหวตแล้ว" in await visit.text()
    assert receipt in await visit.text()

    stranger = await open_page(house.url, f"/vote/receipt/{receipt.lower()}", javascript=javascript)
    assert "นับเสียงของคุณแล้ว" in await stranger.text()
    await house.close()
    await visit.go("/vote")
    assert "ปิดโหวตแล้ว" in await visit.text()
    await house.certify()
    await visit.go("/vote")
    assert "ผล Popular Vote" in await visit.text()
    if javascript:
        assert await visit.found_wrong() == []


async def _vote_plain(visit: Visit, house: House) -> None:
    """The same without script."""
    await visit.page.get_by_label("รถเมล์ตรงเวลา", exact=True).check()
    await visit.submit("โหวตผลงานที่เลือก")
    await visit.page.get_by_label("อีเมล").fill("nobody")
    await visit.submit("ส่งรหัสให้ฉัน")
    assert "อีเมลนี้ไม่ถูกต้อง" in await visit.text()
    await visit.page.get_by_label("อีเมล").fill(EMAIL)
    await visit.submit("ส่งรหัสให้ฉัน")
    code = await house.code()
    await visit.page.get_by_label("รหัส").fill("000000" if code != "000000" else "000001")
    await visit.submit("ยืนยันรหัส")
    assert "รหัสไม่ถูกต้อง" in await visit.text()
    await visit.page.get_by_label("รหัส").fill(code)
    await visit.submit("ยืนยันรหัส")
    await visit.submit("โหวต “รถเมล์ตรงเวลา”")


async def _weight(visit: Visit) -> int:
    """Bytes of the page and of everything it needs, fonts included, as sent."""
    entries: int = await visit.page.evaluate(
        "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        ".filter((e) => !e.name.endsWith('.woff2')).reduce((sum, e) => sum + e.encodedBodySize, 0)"
    )
    return entries


async def test_staff_run_the_vote_from_their_board(house: House, open_page: OpenPage) -> None:
    staff = await open_page(
        house.url,
        "/staff/vote",
        width=DESKTOP,
        roles=[Role.STAFF],
        contact_id="one",
        contest_id=house.contest_id,
    )
    assert await staff.found_wrong() == []
    await staff.page.get_by_label(re.compile("พิมพ์")).fill("ผิด")
    await staff.page.evaluate("document.querySelector('.confirm').noValidate = true")
    await staff.submit("เปิดโหวต")
    assert "ยังไม่ได้ทำอะไร" in await staff.text()
    await staff.page.get_by_label(re.compile("พิมพ์")).fill("เปิดโหวต")
    await staff.submit("เปิดโหวต")
    assert "เปิดโหวตแล้ว" in await staff.text()
    assert await staff.found_wrong() == []

    citizen = await open_page(house.url, "/vote")
    await vote_for(citizen, house, "คลองใส เมืองเย็น")
    await staff.page.locator("[data-live-value=counted]").get_by_text("1", exact=True).wait_for()

    await staff.page.get_by_label(re.compile("พิมพ์")).fill("ปิดโหวต")
    await staff.submit("ปิดโหวต")
    await house.close()
    await staff.page.get_by_text("ปิดแล้ว รอรับรอง").wait_for()

    async def sign(visit: Visit, button: str, done: str) -> None:
        async def signed() -> bool:
            await visit.submit(button)
            return done in await visit.text()

        await eventually(signed)

    await sign(staff, "นับซ้ำและลงชื่อ", "นับซ้ำตรงกัน ลงชื่อคนที่หนึ่งแล้ว")
    assert await staff.page.get_by_role("button", name="นับซ้ำ ลงชื่อ และประกาศ").count() == 0
    second = await open_page(
        house.url,
        "/staff/vote",
        width=PHONE,
        roles=[Role.APPROVER],
        contact_id="two",
        contest_id=house.contest_id,
    )
    await sign(second, "นับซ้ำ ลงชื่อ และประกาศ", "รับรองผลและประกาศแล้ว")
    assert await second.found_wrong() == []
    audit = await open_page(house.url, "/audit", language="en")
    assert "Ballots issued" in await audit.text()
    assert await audit.found_wrong() == []
