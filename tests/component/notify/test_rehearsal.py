"""Rounds of a rehearsal's calendar: ordered over HTTP, complete when the answer comes, once each."""

import asyncio
from datetime import timedelta

from sqlalchemy import text

from services.notify import repository
from services.notify.handlers.sleepers import Sleepers
from shared.clock import BANGKOK
from shared.contracts.ids import ContactId, ContestId, EntryId
from shared.contracts.intake import EntryStarted, Role
from shared.db import Database
from shared.testing.rulebooks import CLOSING, CONTEST_ID, OPENING, a_rulebook
from shared.testing.web import client_for, publish_contest
from tests.component.notify.notify_kit import Notify, a_contact
from tests.component.notify.test_cascade import dispatched

ROUNDS = f"/api/notify/v1/contests/{CONTEST_ID}/clock/rounds"
GOVERNORS = 2
REAL = f"{CONTEST_ID}-real"
_IN_BOTH = """
    INSERT INTO {table} SELECT (jsonb_populate_record(
        one, jsonb_build_object('contest_id', CAST(:contest_id AS text)) || {own})).*
    FROM {table} AS one
"""


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


async def test_a_round_looks_at_its_own_contest_only(notify: Notify) -> None:
    """A real contest on the same day, with a draft, sleeping offices and the hour of the digest."""
    service = notify.service()
    async with client_for(service.http) as client:
        await dispatched(notify, client)
    await publish_contest(notify.database, a_rulebook(REAL, rehearsal=False))
    async with notify.database.transaction() as session:
        for table, own in (
            ("letter", "'{}'::jsonb"),
            ("dispatch", "jsonb_build_object('dispatch_id', dispatch_id || '-real')"),
        ):
            await session.execute(text(_IN_BOTH.format(table=table, own=own)), {"contest_id": REAL})
    for contest_id in (CONTEST_ID, REAL):
        applicant = f"applicant-{contest_id}"
        await notify.consume(a_contact(applicant, contest_id=ContestId(contest_id)))
        await notify.consume(
            EntryStarted(
                contest_id=ContestId(contest_id),
                entry_id=EntryId(f"entry-{contest_id}"),
                revision=1,
                contact_id=ContactId(applicant),
                started_at=OPENING,
            )
        )
    notify.clock.instant = CLOSING.astimezone(BANGKOK).replace(hour=12) - timedelta(days=5)  # a Monday

    async def planned() -> dict[str, tuple[set[str], bool]]:
        """By contest: the happenings of its notices, and whether its digest was made."""
        notices, today = await notify.notices(), notify.clock.instant.date()
        found = {}
        async with notify.database.transaction() as session:
            for contest_id in (CONTEST_ID, REAL):
                of_day = await repository.sending.digest_made(session, contest_id, today)
                texts = {one.template for one in notices if one.contest_id == contest_id}
                found[contest_id] = (texts & {"draft-reminder", "letter-reminder"}, of_day)
        return found

    everything = ({"draft-reminder", "letter-reminder"}, True)
    async with client_for(service.http, [Role.ADMIN], contact_id="admin") as admin:
        assert (await admin.post(ROUNDS)).status_code == 200
    assert await planned() == {CONTEST_ID: everything, REAL: (set(), False)}
    for timer in service.timers:
        if timer.name in ("notify-reminders", "notify-digests", "notify-sleepers"):
            await timer.run(notify.database)
    assert await planned() == {CONTEST_ID: everything, REAL: everything}
