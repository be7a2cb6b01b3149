"""What services know of contests and people, on real PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest

from shared import known
from shared.contracts.ids import ContactId, ContestId
from shared.contracts.intake import ContactUpserted, ContestAmended, ContestPublished, Role
from shared.db import Database
from shared.errors import NotFound
from shared.messaging import Envelope
from shared.testing.rulebooks import CONTEST_ID, OPENING, a_rulebook, text

ENVELOPE = Envelope("e", "t", "s", "k", OPENING, "c")
VALID_FROM = datetime(2022, 6, 1, tzinfo=UTC)


def a_contact(revision: int = 1, *roles: Role, contact_id: str = "c-1") -> ContactUpserted:
    return ContactUpserted(
        contest_id=CONTEST_ID,
        contact_id=ContactId(contact_id),
        revision=revision,
        name="สมชาย ตัวอย่าง",
        email="somchai@example.org",
        roles=roles,
        sessions_valid_from=VALID_FROM + timedelta(days=revision),
    )


async def test_rulebook_is_the_one_with_the_highest_number(shared_database: Database) -> None:
    first, second = a_rulebook(), a_rulebook(number=2, theme=text("แนวคิดใหม่"))
    async with shared_database.transaction() as session:
        kept = [
            await known.keep_rulebook(session, first, OPENING),
            await known.keep_rulebook(session, second, OPENING + timedelta(days=3)),
            await known.keep_rulebook(session, first, OPENING),
            await known.keep_rulebook(session, second, OPENING),
        ]
        found = await known.rulebook(session, CONTEST_ID)
        again = await known.rulebook(session, CONTEST_ID)
    assert kept == [True, True, False, False]
    assert found == second
    assert again is found


async def test_current_contest_is_the_newest_published_and_an_amendment_does_not_change_that(
    shared_database: Database,
) -> None:
    async with shared_database.transaction() as session:
        assert await known.current_contest(session) is None
        await known.keep_rulebook(session, a_rulebook("old"), OPENING)
        await known.keep_rulebook(session, a_rulebook("new"), OPENING + timedelta(days=1))
        await known.keep_rulebook(session, a_rulebook("old", number=2), OPENING + timedelta(days=9))
        assert await known.current_contest(session) == "new"
        assert await known.contests(session) == ("new", "old")
        with pytest.raises(NotFound):
            await known.rulebook(session, "never")


async def test_contact_follows_higher_revisions_only(shared_database: Database) -> None:
    async with shared_database.transaction() as session:
        await known.keep_contact(session, a_contact(2, Role.JUDGE))
        await known.keep_contact(session, a_contact(1, Role.ADMIN))
        found = await known.contact(session, "c-1")
    assert found == known.KnownContact(
        contest_id=CONTEST_ID,
        contact_id=ContactId("c-1"),
        roles=frozenset({Role.JUDGE}),
        language="th",
        sessions_valid_from=VALID_FROM + timedelta(days=2),
        erased=False,
    )


async def test_an_erased_contact_stays_erased(shared_database: Database) -> None:
    async with shared_database.transaction() as session:
        await known.keep_contact(session, a_contact(1, Role.STAFF))
        await known.forget_contact(session, "c-1")
        await known.keep_contact(session, a_contact(9, Role.STAFF))
        found = await known.contact(session, "c-1")
        assert await known.contact(session, "c-2") is None
    assert found is not None
    assert (found.erased, found.roles) == (True, frozenset())


async def test_no_personal_data_is_kept(shared_database: Database) -> None:
    async with shared_database.transaction() as session:
        await known.keep_contact(session, a_contact(1, Role.STAFF))
        connection = await session.connection()
        rows = (await connection.exec_driver_sql("SELECT to_jsonb(k)::text FROM known_contact k")).scalars()
        kept = "".join(rows)
    assert "c-1" in kept
    assert not [secret for secret in ("สมชาย", "somchai", "example.org") if secret in kept]


async def test_subscriptions_keep_what_the_events_say(shared_database: Database) -> None:
    contests, contacts = known.subscriptions("scoring")
    assert [(each.group, each.topic) for each in (contests, contacts)] == [
        ("scoring", "intake.contest.v1"),
        ("scoring", "intake.contact.v1"),
    ]
    one, two = a_rulebook(), a_rulebook(number=2)
    published = ContestPublished(
        contest_id=ContestId(CONTEST_ID), revision=1, rulebook=one, rulebook_sha256="", sealed_at=OPENING
    )
    amended = ContestAmended(
        contest_id=ContestId(CONTEST_ID),
        revision=2,
        rulebook=two,
        rulebook_sha256="",
        changed=("theme",),
        reason=text("แก้ไข"),
        amended_at=OPENING,
    )
    async with shared_database.transaction() as session:
        for event in (published, amended, published):
            await contests.handlers[type(event)](session, event, ENVELOPE)
        await contacts.handlers[ContactUpserted](session, a_contact(1, Role.STAFF), ENVELOPE)
        assert contacts.on_tombstone is not None
        await contacts.on_tombstone(session, "c-1", ENVELOPE)
        contact = await known.contact(session, "c-1")
        assert await known.rulebook(session, CONTEST_ID) == two
    assert contact is not None
    assert contact.erased
