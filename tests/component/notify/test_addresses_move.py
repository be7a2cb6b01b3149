"""The migrations that take addresses of contacts out of letters, and put right what waits to be printed."""

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from shared.db.migrations import upgrade
from shared.testing.postgres import in_database

PACKAGE = "services.notify"


def _row(code: str, address: str, **more: str) -> dict[str, Any]:
    return {
        "about": f"about-{code}",
        "code": code,
        "place": "x",
        "post": f"post {code}",
        "email": address,
    } | more


LETTERS = {
    "winner": {"facts": {"row": _row("A", "a@home.example"), "about": "about-A"}, "codes": "A"},
    "gone": {"facts": {"row": _row("B", "b@home.example"), "about": "about-B"}, "codes": "B"},
    "office": {"facts": {}, "codes": "C"},
    "judge": {"facts": {"row": _row("J", "j@home.example", name="สมมติ", post="สมมติ")}, "codes": "J"},
}


@pytest.fixture
async def before(postgres_dsn: str) -> AsyncIterator[str]:
    """A database as the revision before left it: four letters, one of them to a person who was erased."""
    admin = await asyncpg.connect(postgres_dsn)
    await admin.execute("CREATE DATABASE notify_moved")
    dsn = in_database(postgres_dsn, "notify_moved")
    await upgrade(dsn, PACKAGE, "0004")
    connection = await asyncpg.connect(dsn)
    for code in "AB":
        await _insert(connection, "entry", entry_id=f"about-{code}", contact_id=f"contact-{code}")
    await _insert(connection, "judge", judge_id="about-J", contact_id="contact-J", accepted=False)
    for code in "AJ":
        await _insert(
            connection, "contact", contact_id=f"contact-{code}", email=f"{code}@home.example".lower()
        )
    for letter_id, letter in LETTERS.items():
        code = letter["codes"]
        address = f"{code}@home.example".lower()
        facts: Any = letter["facts"]
        post = facts.get("row", {}).get("post", "post C")
        one = {"code": code, "place": "x", "post": post, "email": address, "place_en": ""}
        await _insert(
            connection,
            "letter",
            letter_id=letter_id,
            facts=facts,
            recipients=[one],
            addressee=post,
            sha256=letter_id,
        )
        if letter_id == "judge":
            continue
        await _insert(
            connection, "dispatch", dispatch_id=f"d-{code}", letter_id=letter_id, state="ready", **one
        )
        await _insert(
            connection,
            "notice",
            notice_id=f"n-{code}",
            event_id=letter_id,
            recipient=f"dispatch:d-{code}",
            state="built",
            last_error=f"450 <{address}> later",
        )
        await _insert(connection, "mail", notice_id=f"n-{code}", address=address, message="\\x00")
    await connection.close()
    yield dsn
    await admin.execute("DROP DATABASE notify_moved WITH (FORCE)")
    await admin.close()


_BLANK: dict[str, Any] = {
    "character varying": "",
    "integer": 1,
    "boolean": False,
    "jsonb": [],
    "timestamp with time zone": "2022-07-01T00:00:00+00:00",
}


async def _insert(connection: asyncpg.Connection, table: str, **values: Any) -> None:
    """A row of which only ``values`` matter; what else must be filled is."""
    columns = await connection.fetch(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_name = $1 AND is_nullable = 'NO'",
        table,
    )
    blank = {row["column_name"]: _BLANK.get(row["data_type"], "") for row in columns}
    await connection.execute(
        f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, $1::jsonb)",  # noqa: S608  # names of this file
        json.dumps(blank | {"contest_id": "c"} | values),
    )


async def test_addresses_of_contacts_move_and_those_of_offices_stay(before: str) -> None:
    await upgrade(before, PACKAGE, "0005")
    connection = await asyncpg.connect(before)
    dispatches = await connection.fetch("SELECT code, email, contact_id, state FROM dispatch ORDER BY code")
    notices = await connection.fetch("SELECT notice_id, contact_id, state, last_error FROM notice ORDER BY 1")
    mails = await connection.fetch("SELECT notice_id FROM mail ORDER BY 1")
    letters = await connection.fetch("SELECT letter_id, addressee, facts, recipients FROM letter ORDER BY 1")
    await connection.close()
    assert [tuple(row) for row in dispatches] == [
        ("A", "", "contact-A", "ready"),
        ("B", "", "contact-B", "print"),
        ("C", "c@home.example", "", "ready"),
    ]
    assert [tuple(row) for row in notices] == [
        ("n-A", "contact-A", "built", "450 … later"),
        ("n-B", "contact-B", "cancelled", "450 … later"),
        ("n-C", None, "built", "450 … later"),
    ]
    assert [row["notice_id"] for row in mails] == ["n-A", "n-C"]
    told = {row["letter_id"]: row for row in letters}
    assert {name: json.loads(row["recipients"])[0]["email"] for name, row in told.items()} == {
        "gone": "",
        "judge": "",
        "office": "c@home.example",
        "winner": "",
    }
    judge = told["judge"]
    assert (judge["addressee"], json.loads(judge["recipients"])[0]["post"]) == ("กรรมการตัดสิน", "กรรมการตัดสิน")
    assert json.loads(judge["facts"])["row"]["contact_id"] == "contact-J"
    assert "@" not in str(judge["facts"]) + str(told["gone"]["facts"]) + str(told["winner"]["facts"])


async def test_what_did_not_reach_the_erased_is_printed_and_what_was_posted_is_known(before: str) -> None:
    await upgrade(before, PACKAGE, "0005")
    connection = await asyncpg.connect(before)
    await _insert(connection, "letter", letter_id="void", state="void")
    lost = [
        ("gone-failed", "gone", "failed", "contact-B"),
        ("gone-bounced", "gone", "bounced", "contact-B"),
        ("gone-sent", "gone", "sent", "contact-B"),
        ("gone-posted", "gone", "bounced", "contact-B"),
        ("gone-void", "void", "failed", "contact-B"),
        ("known", "winner", "failed", "contact-A"),
        ("office", "office", "bounced", ""),
        ("office-posted", "office", "failed", ""),
    ]
    for name, letter_id, state, contact_id in lost:
        row = {"dispatch_id": name, "letter_id": letter_id, "state": state, "contact_id": contact_id}
        await _insert(connection, "dispatch", code=name, **row)
        await _insert(
            connection,
            "notice",
            notice_id=f"n-{name}",
            event_id=letter_id,
            recipient=f"dispatch:{name}",
            state="failed",
        )
    for name in ("gone-posted", "office-posted"):
        detail = {"dispatch_id": name, "code": "x"}
        entry = {"audit_id": name, "what": "letter-posted", "by": "poster", "detail": detail}
        await _insert(connection, "audit_entry", **entry)
    await upgrade(before, PACKAGE, "0006")
    rows = await connection.fetch(
        "SELECT dispatch_id, dispatch.state, posted_at IS NOT NULL, handled_by FROM dispatch "
        "JOIN notice ON notice.recipient = 'dispatch:' || dispatch_id "
        "WHERE notice.state = 'failed' ORDER BY 1"
    )
    await connection.close()
    assert [tuple(row) for row in rows] == [
        ("gone-bounced", "print", False, ""),
        ("gone-failed", "print", False, ""),
        ("gone-posted", "sent", True, "poster"),
        ("gone-sent", "sent", False, ""),
        ("gone-void", "failed", False, ""),
        ("known", "failed", False, ""),
        ("office", "bounced", False, ""),
        ("office-posted", "sent", True, "poster"),
    ]
