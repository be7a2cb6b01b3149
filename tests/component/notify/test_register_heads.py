"""The registers' heads: published for anyone, printed with the book, and compared later."""

import asyncio
import json

import httpx
from sqlalchemy import text
from typer.testing import CliRunner

from services.notify.cli import app as cli
from shared.contracts.intake import Role
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import client_for, sign_in
from tests.component.notify.notify_kit import Notify
from tests.component.notify.test_posting import words_of_pdf
from tests.component.notify.test_register import approved, sign

HEADS = f"/api/notify/v1/contests/{CONTEST_ID}/register-heads"
PAGE = "/documents/registers"


async def _numbered(client: httpx.AsyncClient) -> str:
    """A letter takes a number and has its bytes: two entries."""
    letter_id = await approved(client)
    assert (await sign(client, letter_id)).status_code == 200
    client.cookies.clear()
    return letter_id


async def test_a_head_that_was_kept_is_found_later_by_anyone(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        assert (await client.get(HEADS)).json() == []
        assert "No register has an entry yet" in (await client.get(f"{PAGE}?lang=en")).text
        letter_id = await _numbered(client)
        (kept,) = (await client.get(HEADS)).json()
        assert (kept["agency"], kept["book"], kept["position"]) == ("depa", "out", 2)
        assert kept["sha256"] in (await client.get(PAGE)).text
        sign_in(client, [Role.STAFF], contact_id="drafter")
        printed = await words_of_pdf((await client.get("/letters/books/out.pdf")).content)
        assert kept["sha256"] in printed
        assert PAGE in printed
        sign_in(client, [Role.APPROVER], contact_id="approver")
        void = await client.post(f"/api/notify/v1/letters/{letter_id}/void", json={"reason": "ร่างใหม่"})
        assert void.status_code == 200
        (newest,) = (await client.get(HEADS)).json()
        assert newest["position"] == 3
        at = kept.pop("at")
        assert (await client.get(f"{HEADS}/depa/out/2")).json() == kept, "when it was made is not told"
        assert newest["at"] >= at
        missing = await client.get(f"{HEADS}/depa/out/9")
        assert missing.status_code == 404
        asked = {"lang": "en", "book": "depa/out", "position": "๒", "sha256": kept["sha256"].upper()}
        assert "It still holds" in (await client.get(PAGE, params=asked)).text
        for other in ({"position": "3"}, {"position": "9"}, {"sha256": "0" * 64}):
            assert "It does not hold" in (await client.get(PAGE, params={**asked, **other})).text, other
        for faulty in ({"position": "two"}, {"sha256": "abc"}, {"position": "1234567890"}):
            assert (await client.get(PAGE, params={**asked, **faulty})).status_code == 422, faulty


async def test_a_rewritten_book_does_not_hold_against_a_head_that_was_kept(notify: Notify) -> None:
    """Somebody rewrites every entry with its hash, so that the chain itself holds."""
    async with client_for(notify.service()) as client:
        await _numbered(client)
        (kept,) = (await client.get(HEADS)).json()
        async with notify.database.transaction() as session:
            await session.execute(text("ALTER TABLE register_entry DISABLE TRIGGER USER"))
            await session.execute(text("UPDATE register_entry SET sha256 = md5(sha256) || md5(facts::text)"))
            await session.execute(text("UPDATE register_head SET sha256 = md5(sha256) || md5(sha256)"))
        asked = {"lang": "en", "book": "depa/out", "position": "2", "sha256": kept["sha256"]}
        assert "It does not hold" in (await client.get(PAGE, params=asked)).text


async def _verify(notify: Notify, *arguments: str) -> tuple[int, str]:
    """Exit code and output of ``letters verify``."""
    environment = {"SHOWCASE_NOTIFY_DATABASE_URL": notify.database.dsn}
    command = ["letters", "verify", *arguments]
    result = await asyncio.to_thread(CliRunner().invoke, cli, command, env=environment)
    return result.exit_code, result.output


async def test_an_entry_that_was_changed_under_its_hash_does_not_hold(notify: Notify) -> None:
    """The page and the command hash the entries anew: the column that keeps the hash is not believed."""
    async with client_for(notify.service()) as client:
        await _numbered(client)
        (kept,) = (await client.get(HEADS)).json()
        asked = {"lang": "en", "book": "depa/out", "position": "2", "sha256": kept["sha256"]}
        assert "It still holds" in (await client.get(PAGE, params=asked)).text
        async with notify.database.transaction() as session:
            await session.execute(text("ALTER TABLE register_entry DISABLE TRIGGER USER"))
            await session.execute(
                text("""UPDATE register_entry SET facts = facts || '{"subject": "x"}' WHERE position = 1""")
            )
        assert "It does not hold" in (await client.get(PAGE, params=asked)).text
    code, said = await _verify(notify, CONTEST_ID, "--head", f"depa/out/2/{kept['sha256']}")
    assert (code, f"depa/out/2/{kept['sha256']}: BROKEN" in said) == (3, True), said


async def test_the_command_names_every_head_that_holds_and_that_does_not(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        await _numbered(client)
        (kept,) = (await client.get(HEADS)).json()
    good, bad = f"depa/out/2/{kept['sha256']}", f"depa/out/1/{kept['sha256']}"
    code, said = await _verify(notify, CONTEST_ID, "--head", good)
    assert (code, f"{good}: holds" in said) == (0, True), said
    code, said = await _verify(notify, CONTEST_ID, "--head", good, "--head", bad)
    assert (code, f"{good}: holds" in said, f"{bad}: BROKEN" in said) == (3, True, True), said
    code, said = await _verify(notify, CONTEST_ID, "--head", good, "--head", bad, "--json")
    found = json.loads(said)
    assert (code, found["heads"]) == (3, [{"head": good, "holds": True}, {"head": bad, "holds": False}])
    assert [(book["entries"], book["broken"]) for book in found["books"]] == [(2, None)]


async def test_the_command_wants_a_contest_with_a_head_and_a_whole_head(notify: Notify) -> None:
    head = f"depa/out/2/{'0' * 64}"
    code, said = await _verify(notify, "--head", head)
    assert (code, "needs the slug" in said) == (2, True), said
    for part in ("depa/out/2", "depa/out/2/00", f"depa/out/two/{'0' * 64}"):
        code, said = await _verify(notify, CONTEST_ID, "--head", part)
        assert (code, "64 characters" in said) == (2, True), said
