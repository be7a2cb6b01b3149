"""The registers' heads: published for anyone, printed with the book, and compared later."""

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
        assert (await client.get(f"{HEADS}/depa/out/2")).json() == kept
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


def test_the_command_wants_a_contest_with_a_head_and_a_whole_head() -> None:
    assert CliRunner().invoke(cli, ["letters", "verify", "--head", "depa/out/2/00"]).exit_code == 2
