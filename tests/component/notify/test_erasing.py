"""Erasing a person who was sent letters: nothing of notify's database knows them afterwards."""

from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import text
from sqlmodel import select

from services.notify.handlers.erasing import NOTE
from services.notify.handlers.sleepers import Sleepers
from services.notify.mail.transport import Refused
from services.notify.tables import Dispatch, Letter
from shared.contracts.intake import Role
from shared.db import Database
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import client_for, csrf_of, sign_in
from shared.web import csrf
from tests.component.notify.notify_kit import Notify, a_code, a_contact, a_judge, an_entry
from tests.component.notify.test_composing import results

API = "/api/notify/v1"
ADDRESS, NAME = "someone.private@home.example", "สมมติ นามสกุลเดียว"
_COLUMNS = text(
    """
    SELECT table_name, column_name, data_type FROM information_schema.columns
    WHERE table_schema = 'public'
      AND data_type IN ('text', 'character varying', 'json', 'jsonb', 'bytea', 'ARRAY')
    ORDER BY table_name, column_name
    """
)


async def knows(database: Database, *words: str) -> set[str]:
    """Every ``table.column`` that has one of ``words``, as text or as bytes."""
    found = set()
    async with database.transaction() as session:
        for table, column, kind in (await session.execute(_COLUMNS)).all():
            rows = (await session.execute(text(f'SELECT "{column}" FROM "{table}"'))).scalars()  # noqa: S608  # names come from the catalogue
            for value in rows:
                held = bytes(value) if kind == "bytea" and value else str(value).encode()
                if any(word.casefold().encode() in held.lower() for word in words):
                    found.add(f"{table}.{column}")
    return found


async def _winners_letter(client: httpx.AsyncClient, template: str = "letter-winner") -> str:
    sign_in(client, [Role.STAFF], contact_id="drafter")
    drafted = await client.post(f"{API}/contests/{CONTEST_ID}/letters/each", json={"template": template})
    assert drafted.status_code == 201, drafted.text
    letter_id: str = drafted.json()[0]["letter_id"]
    return letter_id


async def walk(client: httpx.AsyncClient, letter_id: str, *steps: str) -> dict[str, Any]:
    for step in steps:
        person, role = ("drafter", Role.STAFF) if step == "review" else ("approver", Role.APPROVER)
        sign_in(client, [role], contact_id=person)
        body = {"code": a_code()} if step == "signing" else None
        answer = await client.post(f"{API}/letters/{letter_id}/{step}", json=body)
        assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def shown_letter(client: httpx.AsyncClient, letter_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"{API}/letters/{letter_id}")).json()
    return found


ISSUE = ("review", "approval", "signing", "dispatch")


async def _a_winner(notify: Notify, **changes: Any) -> None:
    await notify.consume(a_contact("winner-1", email=ADDRESS, name=NAME, **changes))
    await notify.consume(an_entry("entry-1", "winner-1"))
    await notify.consume(results())


async def _a_judge(notify: Notify) -> None:
    await notify.consume(a_contact("judge-1", roles=(Role.JUDGE,), email=ADDRESS, name=NAME))
    await notify.consume(a_judge("judge-1"))


async def _dispatches(notify: Notify) -> list[tuple[str, str, str, str]]:
    async with notify.database.transaction() as session:
        rows = (await session.exec(select(Dispatch))).all()
    return [(row.state, row.post, row.email, row.contact_id) for row in rows]


async def test_a_winner_who_is_erased_is_nowhere_and_the_letter_waits_to_be_printed(notify: Notify) -> None:
    await _a_winner(notify)
    async with client_for(notify.service()) as client:
        letter = await walk(client, await _winners_letter(client), *ISSUE)
        assert [(row["state"], row["email"]) for row in letter["dispatches"]] == [("ready", ADDRESS)]
        await notify.dispatcher.build_due(notify.database)
        assert await knows(notify.database, ADDRESS) == {"contact.email", "mail.address", "mail.message"}
        await notify.erase("winner-1")
        assert await knows(notify.database, ADDRESS, NAME) == set()
        await notify.send()
        after = (await client.get(f"{API}/letters/{letter['letter_id']}")).json()
        pdf = await client.get(f"{API}/letters/{letter['letter_id']}.pdf")
    assert notify.transport.sent == []
    assert {notice.state for notice in await notify.notices()} == {"cancelled"}
    assert (await _dispatches(notify))[0] == ("print", "นายกเทศมนตรีนครตัวอย่าง", "", "winner-1")
    assert (after["number"], after["sha256"]) == (letter["number"], letter["sha256"])
    assert pdf.content.startswith(b"%PDF")


async def test_a_letter_that_came_back_leaves_no_address_and_is_posted(
    notify: Notify,
) -> None:
    await _a_winner(notify)
    notify.transport.refuse[ADDRESS] = Refused(f"550 <{ADDRESS}> unknown", address_dead=True)
    async with client_for(notify.service()) as client:
        letter_id = await _winners_letter(client)
        await walk(client, letter_id, *ISSUE)
        await notify.send()
        assert await knows(notify.database, ADDRESS) == {
            "contact.email",
            "mail.address",
            "mail.message",
            "suppression.address",
        }
        await notify.erase("winner-1")
        assert await knows(notify.database, ADDRESS, NAME) == set()
        assert [state for state, *_ in await _dispatches(notify)] == ["print"]
        assert (await shown_letter(client, letter_id))["state"] == "bounced"
        form = {csrf.FIELD: csrf_of(await client.get("/letters/print"))}
        async with notify.database.transaction() as session:
            form["dispatch"] = (await session.exec(select(Dispatch.dispatch_id))).one()
        assert (await client.post("/letters/print", data=form)).status_code == 303
        letter = await shown_letter(client, letter_id)
    assert [state for state, *_ in await _dispatches(notify)] == ["sent"]
    steps = [(step["step"], step["by"]) for step in letter["steps"]]
    assert (letter["state"], steps[-2:]) == ("dispatched", [("bounce", ""), ("dispatch", "approver")])


async def test_a_letter_to_somebody_erased_before_it_is_sent_is_printed(notify: Notify) -> None:
    await _a_winner(notify)
    async with client_for(notify.service()) as client:
        letter_id = await _winners_letter(client)
        await walk(client, letter_id, *ISSUE[:-1])
        await notify.erase("winner-1")
        letter = await walk(client, letter_id, "dispatch")
    assert [row["state"] for row in letter["dispatches"]] == ["print"]
    assert await knows(notify.database, ADDRESS, NAME) == set()


async def test_a_mended_address_is_used_when_the_mail_is_written(notify: Notify) -> None:
    await _a_winner(notify)
    async with client_for(notify.service()) as client:
        await walk(client, await _winners_letter(client), *ISSUE)
        await notify.consume(a_contact("winner-1", email="mended@office.example", revision=2))
        await notify.send()
    assert {to for to, _ in notify.transport.sent} == {"mended@office.example"}


async def test_a_sleeping_winner_is_reminded_until_erased(notify: Notify) -> None:
    await _a_winner(notify)
    async with client_for(notify.service()) as client:
        await walk(client, await _winners_letter(client), *ISSUE)
        await notify.send()
        sent = len(notify.transport.sent)
        notify.clock.advance(timedelta(days=60))
        assert await Sleepers(notify.clock).run(notify.database) == 1
        await notify.send()
        assert len(notify.transport.sent) == sent + 1
        await notify.erase("winner-1")
        notify.clock.advance(timedelta(days=60))
        assert await Sleepers(notify.clock).run(notify.database) == 0
    assert [state for state, *_ in await _dispatches(notify)] == ["sent"]


async def test_a_judge_without_a_post_is_written_to_by_the_neutral_post(notify: Notify) -> None:
    await _a_judge(notify)
    async with client_for(notify.service()) as client:
        letter = await walk(client, await _winners_letter(client, "invitation-judge"), *ISSUE)
        assert (letter["addressee"], letter["dispatches"][0]["post"]) == ("กรรมการตัดสิน", "กรรมการตัดสิน")
        await notify.send()
        await notify.erase("judge-1")
    assert await knows(notify.database, ADDRESS, NAME) == set()


async def test_an_order_names_an_erased_judge_only_where_it_was_issued(notify: Notify) -> None:
    await _a_judge(notify)
    async with client_for(notify.service()) as client:
        drafted = []
        for template in ("order-judges", "minutes-judging"):
            sign_in(client, [Role.STAFF], contact_id="drafter")
            body = {"template": template}
            answer = await client.post(f"{API}/contests/{CONTEST_ID}/letters", json=body)
            drafted.append(answer.json()["letter_id"])
        issued, unsigned = drafted
        signed = await walk(client, issued, "review", "approval", "signing")
        await walk(client, unsigned, "review")
        await notify.erase("judge-1")
        assert await knows(notify.database, ADDRESS, NAME) == {"letter.content"}
        sign_in(client, [Role.STAFF], contact_id="drafter")
        assert (await client.get(f"{API}/letters/{issued}")).json() == signed
        back = (await client.get(f"{API}/letters/{unsigned}")).json()
    assert (back["state"], back["steps"][-1]["step"]) == ("draft", "return")
    async with notify.database.transaction() as session:
        order = await session.get(Letter, (CONTEST_ID, issued))
    assert NAME in str(order.content)
    assert order.facts["judges"] == []


async def test_a_letter_that_was_approved_and_void_forgets_who_it_named(notify: Notify) -> None:
    await _a_judge(notify)
    async with client_for(notify.service()) as client:
        sign_in(client, [Role.STAFF], contact_id="drafter")
        drafted = await client.post(f"{API}/contests/{CONTEST_ID}/letters", json={"template": "order-judges"})
        letter_id = drafted.json()["letter_id"]
        await walk(client, letter_id, "review", "approval")
        void = await client.post(f"{API}/letters/{letter_id}/void", json={"reason": "ร่างใหม่"})
        assert void.json()["state"] == "void"
        assert "letter.content" in await knows(notify.database, NAME)
        await notify.erase("judge-1")
        assert await knows(notify.database, ADDRESS, NAME) == set()
        after = (await client.get(f"{API}/letters/{letter_id}")).json()
    assert (after["state"], after["steps"][:-1]) == ("void", void.json()["steps"])
    assert (after["steps"][-1]["step"], after["steps"][-1]["note"]) == ("erase", NOTE)
