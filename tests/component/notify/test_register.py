"""Second factors, registry numbers, the chain and who may sign, on a real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyotp
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.notify import repository
from services.notify.domain.register import Book
from services.notify.handlers.verifying import verify_registers
from services.notify.register_tables import AgencySetting, SecondFactor
from services.notify.tables import Letter
from shared.clock import FixedClock
from shared.contracts.ids import new_id
from shared.contracts.intake import Role
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import client_for, sign_in
from tests.component.notify.notify_kit import Notify, a_code, a_contact

API = "/api/notify/v1"
FACTOR = f"{API}/contests/{CONTEST_ID}/second-factor"
ONE = "code,place,post,email\n96,จังหวัดนราธิวาส,ผู้ว่าราชการจังหวัดนราธิวาส,a@n.example\n"


async def approved(client: httpx.AsyncClient, template: str = "circular-governors") -> str:
    """A letter that waits for its signature."""
    sign_in(client, [Role.STAFF], contact_id="drafter")
    body = {"template": template, "recipients_csv": ONE}
    letter_id: str = (await client.post(f"{API}/contests/{CONTEST_ID}/letters", json=body)).json()[
        "letter_id"
    ]
    assert (await client.post(f"{API}/letters/{letter_id}/review")).status_code == 200
    sign_in(client, [Role.APPROVER], contact_id="approver")
    answer = await client.post(f"{API}/letters/{letter_id}/approval")
    assert answer.status_code == 200, answer.text
    return letter_id


async def copies(notify: Notify, letter_id: str, count: int) -> list[str]:
    """Letters like the given one."""
    async with notify.database.transaction() as session:
        fields = (await session.get(Letter, (CONTEST_ID, letter_id))).model_dump()
        rows = [Letter(**{**fields, "letter_id": new_id()}) for _ in range(count)]
        session.add_all(rows)
    return [row.letter_id for row in rows]


async def sign(client: httpx.AsyncClient, letter_id: str, code: str = "") -> httpx.Response:
    return await client.post(f"{API}/letters/{letter_id}/signing", json={"code": code or a_code()})


async def test_enrolment_gives_codes_that_work_once(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter_id = await approved(client)
        sign_in(client, [Role.APPROVER], contact_id="director")
        assert (await sign(client, letter_id, "123456")).status_code == 403
        other = (await copies(notify, letter_id, 1))[0]
        key = (await client.post(FACTOR)).json()["key"]
        now = notify.clock.instant
        first, second = (pyotp.TOTP(key).at(now + timedelta(seconds=30 * n)) for n in (0, 1))
        assert (await client.post(f"{FACTOR}/confirmation", json={"code": "000000"})).status_code == 422
        answer = await client.post(f"{FACTOR}/confirmation", json={"code": first})
        recovery = answer.json()["recovery_codes"]
        assert len(set(recovery)) == 10
        replayed = await sign(client, letter_id, first)
        assert (replayed.status_code, replayed.json()["errors"][0]["field"]) == (422, "code")
        assert (await sign(client, letter_id, second)).status_code == 200
        assert (await client.post(FACTOR)).status_code == 409
        assert (await sign(client, other, recovery[0].upper())).status_code == 200
        assert (await client.post(f"{FACTOR}/give-up", json={"code": recovery[0]})).status_code == 422
        assert (await client.post(f"{FACTOR}/give-up", json={"code": recovery[1]})).status_code == 204
        assert (await client.get(FACTOR)).json() == {"confirmed": False, "recovery_codes_left": 0}
    async with notify.database.transaction() as session:
        trail = await repository.signers.audit_trail(session, CONTEST_ID, "director")
    assert {row.what for row in trail} == {"second-factor-enrolled", "second-factor-given-up"}


async def test_wrong_codes_lock_for_a_while_also_against_the_right_one(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter_id = await approved(client)
        statuses = [(await sign(client, letter_id, "wrong-one")).status_code for _ in range(6)]
        assert statuses == [422] * 5 + [429]
        locked = await sign(client, letter_id)
        assert (locked.status_code, int(locked.headers["retry-after"]) > 200) == (429, True)
        async with notify.database.transaction() as session:
            await session.execute(text("UPDATE second_factor SET locked_until = now() - interval '1 s'"))
        assert (await sign(client, letter_id)).status_code == 200


async def test_one_code_signs_once_even_when_it_is_sent_twice_at_once(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter_id = await approved(client)
        code = a_code()
        two = [letter_id, *(await copies(notify, letter_id, 1))]
        answers = await asyncio.gather(*(sign(client, one, code) for one in two))
        assert sorted(answer.status_code for answer in answers) == [200, 422]


async def test_a_key_is_not_in_the_database(notify: Notify) -> None:
    async with client_for(notify.service(), [Role.APPROVER], contact_id="director") as client:
        key = (await client.post(FACTOR)).json()["key"]
    async with notify.database.transaction() as session:
        stored = await session.get(SecondFactor, (CONTEST_ID, "director"))
    assert key.encode() not in bytes(stored.sealed_secret)


async def test_several_letters_are_signed_with_one_code_all_or_none(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        first = await approved(client)
        ids = [first, *(await copies(notify, first, 2))]
        path = f"{API}/contests/{CONTEST_ID}/letters/signing"
        refused = await client.post(path, json={"code": a_code(), "letter_ids": [*ids, "no-such-letter"]})
        assert refused.status_code == 404
        assert (await client.get(f"{API}/letters/{first}")).json()["state"] == "approved"
        signed = await client.post(path, json={"code": a_code(), "letter_ids": ids})
        numbers = {letter["number"] for letter in signed.json()}
        assert numbers == {f"สศด. 0301/ว {number:05}" for number in (1461, 1462, 1463)}


async def _numbered_by_the_registry(notify: Notify, circulars: str = "own") -> None:
    async with notify.database.transaction() as session:
        session.add(
            AgencySetting(
                contest_id=CONTEST_ID, agency="depa", number_at="registry", circulars=circulars,
                changed_by="admin", changed_at=notify.clock.instant,
            )
        )  # fmt: skip


async def test_the_registry_numbers_a_signed_letter_and_notes_numbers_given_elsewhere(notify: Notify) -> None:
    await _numbered_by_the_registry(notify)
    async with client_for(notify.service()) as client:
        first = await approved(client)
        second = (await copies(notify, first, 1))[0]
        for letter_id in (first, second):
            signed = (await sign(client, letter_id)).json()
            assert (signed["state"], signed["number"], signed["sha256"]) == ("signed", "", "")
        early = await client.post(f"{API}/letters/{first}/dispatch")
        assert early.status_code == 409
        number = f"{API}/letters/{{}}/number"
        assert (await client.post(number.format(first), json={})).json()["number"] == "สศด. 0301/ว 01461"
        for body, status in (
            ({"number": 1461}, 409),
            ({"number": 1470}, 422),
            ({"number": 1470, "reason": "ทะเบียนกลาง", "dated": "2022-01-01"}, 422),
        ):
            assert (await client.post(number.format(second), json=body)).status_code == status
        answer = await client.post(number.format(second), json={"number": 1470, "reason": "ออกที่งานสารบรรณ"})
        assert answer.json()["number"] == "สศด. 0301/ว 01470"
        assert (await client.post(number.format(second), json={})).status_code == 409
    async with notify.database.transaction() as session:
        entries = await repository.register.entries(session, CONTEST_ID, "depa", Book.OUT)
    assert [entry.kind for entry in entries] == ["numbered", "document", "elsewhere", "numbered", "document"]
    assert (entries[2].facts["from"], entries[2].facts["to"]) == (1462, 1469)
    assert len(entries[2].facts["nonce"]) == 36, "its hash is public, and reasons can be guessed"
    assert [book.broken for book in await verify_registers(notify.database)] == [None]


async def test_circulars_share_the_ordinary_series_where_the_agency_says_so(notify: Notify) -> None:
    async with notify.database.transaction() as session:
        session.add(
            AgencySetting(
                contest_id=CONTEST_ID, agency="depa", number_at="signing", circulars="ordinary",
                changed_by="admin", changed_at=notify.clock.instant,
            )
        )  # fmt: skip
    async with client_for(notify.service()) as client:
        circular = (await sign(client, await approved(client))).json()
        async with notify.database.transaction() as session:
            row = await session.get(Letter, (CONTEST_ID, circular["letter_id"]))
            fields = {**row.model_dump(), "letter_id": new_id(), "kind": "external", "state": "approved"}
            fields |= {"number": None, "number_text": "", "sha256": ""}
            session.add(Letter(**fields))
        external = (await sign(client, fields["letter_id"])).json()
    assert (circular["number"], external["number"]) == ("สศด. 0301/ว 00001", "สศด. 0301/00002")


async def test_numbers_begin_anew_at_bangkok_midnight_of_the_first_of_january(notify: Notify) -> None:
    clock: FixedClock = notify.clock
    clock.instant = datetime(2022, 12, 31, 16, 59, 59, tzinfo=UTC)
    async with client_for(notify.service()) as client:
        first = await approved(client)
        later = await copies(notify, first, 1)
        old = (await sign(client, first)).json()
        clock.advance(timedelta(seconds=1))
        new = (await sign(client, later[0])).json()
    assert (old["number"], new["number"]) == ("สศด. 0301/ว 01461", "สศด. 0301/ว 00001")


@pytest.mark.parametrize(
    ("statement", "position", "says"),
    [
        ("UPDATE register_entry SET facts = facts || '{\"subject\": 1}' WHERE position = 3", 3, "changed"),
        ("DELETE FROM register_entry WHERE position = 2", 2, "missing"),
        ("DELETE FROM register_entry WHERE position = 6", 6, "the book ends at 5"),
        ("UPDATE letter SET subject = 'x' WHERE number = 1462", 3, "another number or subject"),
        ("UPDATE letter SET content = content || '{\"to\": 1}' WHERE number = 1463", 5, "text was changed"),
        ("UPDATE letter_file SET pdf = 'x' FROM letter WHERE letter.letter_id = letter_file.letter_id "
         "AND number = 1461", 2, "PDF is another"),
        ("DELETE FROM letter WHERE number = 1462", 3, "is gone"),
    ],
)  # fmt: skip
async def test_whoever_tampers_by_sql_is_found(
    notify: Notify, statement: str, position: int, says: str
) -> None:
    async with client_for(notify.service()) as client:
        first = await approved(client)
        for letter_id in (first, *(await copies(notify, first, 2))):
            assert (await sign(client, letter_id)).status_code == 200
    assert [book.broken for book in await verify_registers(notify.database)] == [None]
    if "register_entry" in statement:
        with pytest.raises(DBAPIError, match="append-only"):
            async with notify.database.transaction() as session:
                await session.execute(text(statement))
    async with notify.database.transaction() as session:
        await session.execute(text("ALTER TABLE register_entry DISABLE TRIGGER register_entry_guard"))
        await session.execute(text(statement))
    (book,) = await verify_registers(notify.database)
    assert book.broken is not None
    assert (book.broken.position, says in book.broken.what) == (position, True), book.broken


async def test_only_who_an_order_authorises_signs_and_the_letter_says_so(notify: Notify) -> None:
    await notify.consume(a_contact("deputy", roles=(Role.APPROVER,), name="สมมติ รองผู้อำนวยการ"))
    await notify.enrol("deputy")
    async with client_for(notify.service()) as client:
        letter_id = await approved(client)
        path = f"{API}/contests/{CONTEST_ID}/agencies/depa/officers/signer/deputy"
        body: dict[str, Any] = {
            "valid_from": "2022-06-01",
            "valid_until": "2022-12-31",
            "authorised_by": "คำสั่ง สศด. ที่ ๑๒/๒๕๖๕",
            "lines": ["รองผู้อำนวยการ ปฏิบัติราชการแทน", "ผู้อำนวยการสำนักงานส่งเสริมเศรษฐกิจดิจิทัล"],
        }
        assert (await client.put(path, json=body)).status_code == 403
        sign_in(client, [Role.ADMIN], contact_id="admin")
        assert (await client.put(path, json={**body, "valid_until": "2022-05-01"})).status_code == 422
        assert (await client.put(path, json=body)).status_code == 200
        sign_in(client, [Role.APPROVER], contact_id="approver")
        assert (await sign(client, letter_id)).status_code == 403
        sign_in(client, [Role.APPROVER], contact_id="deputy")
        assert (await sign(client, letter_id)).status_code == 200
    async with notify.database.transaction() as session:
        letter = await session.get(Letter, (CONTEST_ID, letter_id))
    signature = letter.content["signature"]
    assert (signature["name"], signature["lines"]) == ("(สมมติ รองผู้อำนวยการ)", body["lines"])
    assert (signature["authorised_by"], signature["official"]) == (body["authorised_by"], False)


async def test_another_agency_issues_here_only_with_its_own_registry_and_signers(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        circular = await approved(client)
        await sign(client, circular)
        cover = await approved(client, "cover-narathiwat")
        async with notify.database.transaction() as session:
            await session.execute(text("DELETE FROM officer WHERE duty = 'registry'"))
        assert (await sign(client, cover)).status_code == 403


async def test_erasing_a_person_leaves_register_and_signed_letters_alone(notify: Notify) -> None:
    await notify.consume(a_contact("approver", roles=(Role.APPROVER,)))
    async with client_for(notify.service()) as client:
        letter_id = await approved(client)
        signed = (await sign(client, letter_id)).json()
        await notify.erase("approver")
        sign_in(client, [Role.STAFF], contact_id="drafter")
        pdf = await client.get(f"{API}/letters/{letter_id}.pdf")
        after = (await client.get(f"{API}/letters/{letter_id}")).json()
    assert after == signed
    assert pdf.content.startswith(b"%PDF")
    assert [book.broken for book in await verify_registers(notify.database)] == [None]
    async with notify.database.transaction() as session:
        assert await repository.signers.second_factor(session, "approver") is None
