"""From a held vote to the public report in a real browser: two approvers, with and without script."""

from datetime import UTC
from pathlib import Path

import pytest
from sqlalchemy import text

from services.voting import repository
from services.voting.app import build
from services.voting.domain.disclosure import VoteState
from services.voting.fraud import repository as ledger
from services.voting.tables import Certification
from shared.clock import FixedClock
from shared.contracts.intake import Role
from shared.db import Database
from shared.testing.browser import DESKTOP, PHONE, OpenPage, serve
from shared.testing.rulebooks import VOTE_CLOSES
from shared.testing.web import resources_for
from tests.load.fraud.simulation import SCENARIOS, play

pytestmark = pytest.mark.browser
BOTNET = next(scenario for scenario in SCENARIOS if scenario.name.startswith("botnet"))
WHY = "ตรวจแล้วเป็นบอต ที่อยู่เรียงเลขจากโปรแกรมเดียว"


async def contest_of(database: Database) -> str:
    async with database.transaction() as session:
        return str((await session.execute(text("SELECT contest_id FROM vote_window"))).scalar_one())


async def close(database: Database, contest_id: str, state: VoteState) -> None:
    async with database.transaction() as session:
        await session.execute(text("UPDATE vote_window SET state = :state"), {"state": state.value})
        if state is VoteState.CERTIFIED:
            session.add(
                Certification(
                    contest_id=contest_id,
                    report={},
                    report_sha256="ab" * 32,
                    proposed_by="one",
                    proposed_at=VOTE_CLOSES,
                    certified_by="two",
                    certified_at=VOTE_CLOSES,
                )
            )


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
async def test_two_approvers_strike_a_botnet_and_everybody_reads_why(
    voting_database: Database, open_page: OpenPage, width: int, tmp_path: Path
) -> None:
    await play(voting_database, BOTNET, seed=3, public=300, scale=0.05)
    contest_id = await contest_of(voting_database)
    clock = FixedClock(VOTE_CLOSES.astimezone(UTC))
    service = build(resources_for(voting_database, clock=clock))
    script = width == DESKTOP
    async with serve(service.http) as url:

        async def see(path: str, name: str, *roles: Role, who: str = ""):
            visit = await open_page(
                url, f"{path}?contest={contest_id}", width=width, roles=roles or None, contact_id=who,
                contest_id=contest_id, javascript=script,
            )  # fmt: skip
            await visit.screenshot(tmp_path / f"{name}-{width}.png")
            if script:
                assert await visit.found_wrong() == []
            return visit

        board = await see("/staff/vote", "board", Role.STAFF)
        assert "รอตัดสิน" in await board.text()
        early = await see("/vote/held", "early")
        assert "รายงานเผยแพร่หลังปิดโหวต" in await early.text()
        queue = await see("/staff/vote/held", "queue", Role.STAFF)
        assert "โปรแกรมเดียวกัน + อีเมลเรียงเลข" in await queue.text()
        async with voting_database.transaction() as session:
            cases = await ledger.cases(session, contest_id)
        for number, case in enumerate(cases):
            address = f"/staff/vote/held/{case.case_id}"
            first = await see(address, f"case-{number}", Role.APPROVER, who="ann")
            await first.page.get_by_label("ตัดออก ไม่นับ").check()
            await first.page.get_by_label("เหตุผล", exact=True).fill(WHY)
            await first.submit("บันทึกการเลือกของฉัน")
            assert "รอผู้อนุมัติอีกคนยืนยัน" in await first.text()
            second = await see(address, f"second-{number}", Role.APPROVER, who="bob")
            await second.submit("เห็นด้วย")
            assert "ตัดสินแล้ว" in await second.text()
        await close(voting_database, contest_id, VoteState.CERTIFIED)
        report = await see("/vote/held", "report")
        assert WHY in await report.text()
        result = await see("/vote", "result")
        chart = result.page.locator("svg.result-chart")
        assert await chart.get_attribute("aria-labelledby") == "result-chart-title result-chart-desc"
        shown = await result.text()
        assert "ตัดออก" in shown
        assert "ตรวจเสียงของคุณ" in shown
        service.http.state.draining = True  # the board's stream ends with the test


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
async def test_second_person_is_somebody_else_and_may_disagree(
    voting_database: Database, open_page: OpenPage, width: int, tmp_path: Path
) -> None:
    """No reason and nobody but oneself are refused; a choice is taken back; two people release."""
    await play(voting_database, BOTNET, seed=3, public=300, scale=0.05)
    contest_id = await contest_of(voting_database)
    async with voting_database.transaction() as session:
        (case,) = await ledger.cases(session, contest_id)
        before = (await repository.totals(session, contest_id)).held
    service = build(resources_for(voting_database, clock=FixedClock(VOTE_CLOSES.astimezone(UTC))))
    path = f"/staff/vote/held/{case.case_id}?contest={contest_id}"
    async with serve(service.http) as url:

        async def visit(who: str, role: Role = Role.APPROVER):
            return await open_page(
                url, path, width=width, roles=[role], contact_id=who, contest_id=contest_id,
                javascript=width == DESKTOP,
            )  # fmt: skip

        clerk = await visit("clerk", Role.STAFF)
        assert "เฉพาะผู้อนุมัติ (approver) สองคนตัดสินได้" in await clerk.text()
        ann = await visit("ann")
        await ann.page.get_by_label("ปล่อย ให้นับตามปกติ").check()
        await ann.page.get_by_label("เหตุผล", exact=True).fill("      ")
        await ann.submit("บันทึกการเลือกของฉัน")
        await ann.screenshot(tmp_path / f"no-reason-{width}.png")
        assert "เขียนเหตุผล" in await ann.text()
        assert await ann.page.get_by_label("ปล่อย ให้นับตามปกติ").is_checked()
        await ann.page.get_by_label("เหตุผล", exact=True).fill(WHY)
        stale = await visit("ann")
        await ann.submit("บันทึกการเลือกของฉัน")
        await ann.screenshot(tmp_path / f"first-{width}.png")
        assert await ann.page.get_by_role("button", name="เห็นด้วย").count() == 0
        assert "รอผู้อนุมัติอีกคนยืนยัน" in await ann.text()
        await stale.page.get_by_label("ตัดออก ไม่นับ").check()
        await stale.page.get_by_label("เหตุผล", exact=True).fill(WHY)
        await stale.submit("บันทึกการเลือกของฉัน")
        await stale.screenshot(tmp_path / f"oneself-{width}.png")
        assert "ต้องเป็นคนละคน" in await stale.text()
        bob = await visit("bob")
        await bob.submit("ถอนการเลือกนี้")
        await bob.screenshot(tmp_path / f"taken-back-{width}.png")
        assert "ถอนการเลือกแล้ว" in await bob.text()
        await bob.page.get_by_label("ปล่อย ให้นับตามปกติ").check()
        await bob.page.get_by_label("เหตุผล", exact=True).fill(WHY)
        await bob.submit("บันทึกการเลือกของฉัน")
        ann = await visit("ann")
        await ann.submit("เห็นด้วย")
        await ann.screenshot(tmp_path / f"released-{width}.png")
        assert "ตัดสินแล้ว" in await ann.text()
        done = await visit("ann")
        await done.screenshot(tmp_path / f"done-{width}.png")
        assert "ปล่อยแล้ว" in await done.text()
    async with voting_database.transaction() as session:
        totals = await repository.totals(session, contest_id)
    assert (totals.held, totals.struck, before > 0) == (0, 0, True)
