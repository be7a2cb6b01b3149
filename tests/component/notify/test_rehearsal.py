"""Rounds of a rehearsal's calendar: ordered over HTTP, complete when the answer comes, once each."""

import asyncio
from datetime import timedelta

from services.notify.handlers.sleepers import Sleepers
from shared.contracts.intake import Role
from shared.db import Database
from shared.testing.rulebooks import CONTEST_ID, a_rulebook
from shared.testing.web import client_for, publish_contest
from tests.component.notify.notify_kit import Notify
from tests.component.notify.test_cascade import dispatched

ROUNDS = f"/api/notify/v1/contests/{CONTEST_ID}/clock/rounds"
GOVERNORS = 2


async def reminded(notify: Notify) -> int:
    return sum(notice.template == "letter-reminder" for notice in await notify.notices())


async def test_a_round_plans_what_the_day_brings_before_it_answers(notify: Notify) -> None:
    app = notify.service().http
    async with client_for(app) as client:
        await dispatched(notify, client)
    notify.clock.advance(timedelta(days=3))
    async with client_for(app, [Role.ADMIN], contact_id="admin") as admin:
        for _ in range(2):
            answer = await admin.post(ROUNDS)
            assert (answer.status_code, answer.json()["contest_id"]) == (200, CONTEST_ID)
            assert await reminded(notify) == GOVERNORS


async def test_rounds_at_the_same_time_remind_each_office_once(notify: Notify) -> None:
    """The worker's timer and an ordered round may meet."""
    async with client_for(notify.service()) as client:
        await dispatched(notify, client)
    notify.clock.advance(timedelta(days=3))
    sleepers = Sleepers(notify.clock)
    planned = await asyncio.gather(*(sleepers.run(notify.database) for _ in range(4)))
    assert sum(planned) == await reminded(notify) == GOVERNORS


async def test_a_real_contest_takes_no_orders(notify_database: Database) -> None:
    await publish_contest(notify_database, a_rulebook(rehearsal=False))
    app = Notify(notify_database).service().http
    async with client_for(app, [Role.ADMIN], contact_id="admin") as admin:
        answer = await admin.post(ROUNDS)
    assert answer.status_code == 409
    assert "rehearsal" in answer.json()["detail"]
