"""The end of a contest's personal data, and the proof that nothing links any more."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession
from typer.testing import CliRunner

from services.voting import heads, proofs, repository
from services.voting.app import build
from services.voting.cli import app
from services.voting.domain.ballots import MailClass, subject_of, voter_of
from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import IdentityDestroyed
from services.voting.domain.heads import HeadSigner
from services.voting.domain.keys import ContestKeys, derive_keys, signals_without_pepper
from services.voting.domain.signals import network_signals
from services.voting.identity import destruction, records, vault
from services.voting.identity.destruction import (
    DestroyKeys,
    Report,
    appeals_end,
    check,
    destroy_keys,
    read_report,
    shred,
)
from services.voting.identity.tables import IdentityDestruction
from services.voting.tally import fold_votes
from services.voting.tree import grow_trees
from services.voting.window import LiveWindow
from shared.clock import set_rehearsal_clock
from shared.contracts.voting import IdentityKeysDestroyed, VoteCast
from shared.db import Database
from shared.errors import Conflict
from shared.messaging import Delivered
from shared.messaging.tables import OUTBOX
from shared.testing.rulebooks import a_rulebook
from shared.testing.web import CONTEST_ID, client_for, settings_for_tests
from tests.component.voting.identity_kit import EMAIL, ROOT, House
from tests.component.voting.scenario import a_vote, open_vote

POST = "ผู้อำนวยการฝ่ายส่งเสริมเมืองอัจฉริยะ"
COMMAND = DestroyKeys(CONTEST_ID, POST)
AFTER_APPEALS = appeals_end(a_rulebook())


async def held(database: Database, voters: int = 3) -> House:
    """A certified vote: ``voters`` people held a ballot, one still waits for a code."""
    house = await House.build(database)
    async with client_for(house.service.http) as client:
        for number in range(voters):
            email = f"voter{number}@example{number}.go.th"
            assert (await house.redeem(client, await house.code(client, email), email)).status_code == 201
        await house.ask(client, EMAIL)
    await open_vote(database, CONTEST_ID)
    async with database.transaction() as session:
        window = await repository.window(session, CONTEST_ID)
        assert window
        window.state = VoteState.CERTIFIED
    house.clock.instant = AFTER_APPEALS
    return house


async def destroy(house: House) -> Report:
    async with house.database.transaction() as session:
        return await destroy_keys(session, house.clock, ROOT, COMMAND)


async def test_keys_are_destroyed_after_the_appeals_and_nothing_links(voting_database: Database) -> None:
    house = await held(voting_database)
    before = await house.keys()
    report = await destroy(house)
    await shred(voting_database)
    assert (report.before.addresses_opened, report.before.addresses_tried) == (4, 4)
    assert (report.before.voters_derived, report.before.voters_tried) == (3, 3)
    assert (report.after.addresses_opened, report.after.addresses_tried) == (0, 4)
    assert (report.after.voters_derived, report.after.voters_tried) == (0, 3)
    assert report.holds
    after = await house.keys()
    assert after.destroyed
    assert (after.receipt, after.salt, after.token, after.signing_seed) == (
        before.receipt,
        before.salt,
        before.token,
        before.signing_seed,
    )
    for way in (lambda: subject_of(after, EMAIL), lambda: voter_of(after, b"subject")):
        with pytest.raises(IdentityDestroyed):
            way()
    async with voting_database.transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM outgoing_code"))).scalar_one() == 0
        values = (await session.execute(OUTBOX.select().order_by(OUTBOX.c.sequence.desc()))).first()
        assert values
        event = IdentityKeysDestroyed.model_validate_json(values.value)
    assert (event.destroyed_by, event.addresses, event.voters, event.linked) == (POST, 4, 3, 0)


async def test_receipts_verify_as_before_once_the_keys_are_gone(voting_database: Database) -> None:
    house = await held(voting_database)
    signer = HeadSigner(ROOT)
    batch = [a_vote(CONTEST_ID, f"v{n}", partition=n % 3, offset=n // 3) for n in range(20)]
    async with voting_database.transaction() as session:
        await fold_votes(session, batch)
        await grow_trees(session, batch)
        signed = await heads.sign_head(session, house.clock, signer, CONTEST_ID)
        assert signed
        proofs_before = [await proof_of(session, record) for record in batch]
    report = await destroy(house)
    assert (report.before.receipts_verified, report.after.receipts_verified) == (20, 20)
    assert (report.after.receipts, report.after.head_verified, report.holds) == (20, True, True)
    async with voting_database.transaction() as session:
        assert [await proof_of(session, record) for record in batch] == proofs_before
        await session.execute(
            text("UPDATE tree_tile SET hashes = set_byte(hashes, 0, 255 - get_byte(hashes, 0))")
        )
        spoilt = await check(session, ROOT, CONTEST_ID)
    assert spoilt.receipts_verified < spoilt.receipts, "the check would notice"


async def proof_of(session: AsyncSession, record: Delivered[VoteCast]) -> proofs.Inclusion:
    place = record.envelope
    return await proofs.prove_inclusion(
        session, CONTEST_ID, record.event.receipt_id, place.partition, place.offset
    )


async def test_destroying_twice_tells_of_the_first_time(voting_database: Database) -> None:
    house = await held(voting_database)
    first = await destroy(house)
    house.clock.advance(timedelta(days=1))
    assert await destroy(house) == first
    async with voting_database.transaction() as session:
        again = await check(session, ROOT, CONTEST_ID)
    assert again == first.after


async def test_running_processes_let_go_of_the_keys(voting_database: Database) -> None:
    house = await held(voting_database)
    window = LiveWindow(house.resources.settings, voting_database, house.clock, ROOT)
    await window.refresh()
    keys = window.keys(CONTEST_ID)
    assert keys
    assert not keys.destroyed
    network_signals(keys.signals, "203.0.113.9")
    await destroy(house)
    await window.refresh()
    keys = window.keys(CONTEST_ID)
    assert keys
    assert keys.destroyed
    assert network_signals.cache_info().currsize == 0, "the key of the networks is in the cache's keys"


async def test_whoever_comes_after_the_destruction_is_told(voting_database: Database) -> None:
    house = await held(voting_database)
    await destroy(house)
    after = build(house.resources)
    async with client_for(after.http) as client:
        await house.turn()
        assert len(house.mailer.sent) == 3, "the code that waited is not sent"
        refused = await house.ask(client, "late@example.com")
        assert (refused.status_code, refused.json()["type"]) == (410, "/problems/vote-closed")
        redeemed = await house.redeem(client, "123456")
        assert (redeemed.status_code, redeemed.json()["type"]) == (410, "/problems/identity-destroyed")
        assert (await client.get(f"/api/voting/v1/contests/{CONTEST_ID}/puzzle")).status_code == 200
    async with voting_database.transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM outgoing_code"))).scalar_one() == 0


async def test_open_data_tells_of_the_destruction_in_every_form(voting_database: Database) -> None:
    house = await held(voting_database)
    await destroy(house)
    address = f"/api/voting/v1/contests/{CONTEST_ID}/open-data"
    async with client_for(house.service.http) as client:
        answer = await client.get(address)
        tables = [
            await client.get(f"{address}?format=csv&table={table}")
            for table in ("ballots", "totals", "decisions", "heads")
        ]
    assert (answer.status_code, [table.status_code for table in tables]) == (200, [200] * 4)
    last = answer.json()["decisions"][-1]
    told = ("IdentityKeysDestroyed", AFTER_APPEALS)
    assert (last["kind"], datetime.fromisoformat(last["at"])) == told
    assert "IdentityKeysDestroyed" in tables[2].text


async def test_destruction_is_refused_before_the_appeals_end_and_before_the_certificate(
    voting_database: Database,
) -> None:
    house = await held(voting_database)
    house.clock.instant = AFTER_APPEALS - timedelta(seconds=1)
    with pytest.raises(Conflict, match="appeal period has not ended"):
        await destroy(house)
    house.clock.instant = AFTER_APPEALS
    async with voting_database.transaction() as session:
        window = await repository.window(session, CONTEST_ID)
        assert window
        window.state = VoteState.CLOSED
    with pytest.raises(Conflict, match="not certified yet"):
        await destroy(house)
    assert not (await house.keys()).destroyed


async def test_check_finds_what_still_links(voting_database: Database) -> None:
    """The check is worth nothing unless it would notice: with a kept pepper, and with a weak key."""
    house = await held(voting_database)
    async with voting_database.transaction() as session:
        kept = await repository.pepper(session, CONTEST_ID)
    await destroy(house)
    async with voting_database.transaction() as session:
        found = await check(session, ROOT, CONTEST_ID, kept)
        assert found.linked
        keys = derive_keys(ROOT, CONTEST_ID, b"")
        weak = replace(keys, identity=keys.token, contact=keys.cookie)
        await vault.keep(session, weak, b"weak", "email", "found@example.com")
        assert (await check(session, ROOT, CONTEST_ID)).addresses_opened == 1


_VOTED = text(
    "INSERT INTO vote_signal VALUES "
    "(:contest, '', :voter, 'entry-00', :network, '', '', '', 'other', '', 60, now())"
)


async def voted_from(house: House, key: bytes, *addresses: str) -> None:
    """Let the detectors have read votes from these addresses."""
    async with house.database.transaction() as session:
        for number, address in enumerate(addresses):
            found = network_signals(key, address)
            network = found.subnet24 or found.subnet48
            values = {"contest": CONTEST_ID, "voter": f"{key.hex()}{number}", "network": network}
            await session.execute(_VOTED, values)


SIX = ("2001:db8:1::9", "2001:db8:2::9")


@pytest.fixture
def few_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all networks only 203.0.0.0/16 is tried."""
    monkeypatch.setattr(destruction, "EVERY_24", range(203 << 16, (203 << 16) + 256))


@pytest.mark.usefixtures("few_networks")
async def test_networks_on_the_log_cannot_be_tried_afterwards(voting_database: Database) -> None:
    house = await held(voting_database)
    await voted_from(house, (await house.keys()).signals, "203.0.113.9", "203.0.114.9", "203.0.114.99")
    report = await destroy(house)
    assert (report.before.networks_derived, report.before.networks_tried) == (2, 2)
    assert (report.after.networks_derived, report.after.networks_tried, report.holds) == (0, 2, True)


@pytest.mark.usefixtures("few_networks")
@pytest.mark.parametrize(("addresses", "tried"), [(("203.0.113.9", *SIX), 1), (SIX, 0)])
async def test_ipv6_networks_are_not_tried_and_nothing_is_claimed_of_them(
    voting_database: Database, addresses: tuple[str, ...], tried: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IPv4 networks show that the key of both is gone; where there are none, nothing does."""
    house = await held(voting_database)
    await voted_from(house, (await house.keys()).signals, *addresses)
    report = await destroy(house)
    assert (report.before.networks_derived, report.before.networks_tried) == (tried, tried + 2)
    assert (report.after.networks_derived, report.after.networks_tried) == (0, tried)
    assert (report.networks_left, report.holds) == (2, tried > 0)
    async with voting_database.transaction() as session:
        kept = await session.get(IdentityDestruction, CONTEST_ID)
        assert kept
        kept.report = {"before": kept.report["before"], "after": kept.report["after"] | {"networks_tried": 3}}
        assert read_report(kept) == report, "one of a version that claimed all is read as it should have been"
        values = (await session.execute(OUTBOX.select().order_by(OUTBOX.c.sequence.desc()))).first()
        assert values
    assert IdentityKeysDestroyed.model_validate_json(values.value).networks_linked == (0 if tried else None)
    for name, value in settings_for_tests(voting_database_url=voting_database.dsn).environment().items():
        monkeypatch.setenv(name, value)
    command = ["destroy-identity-keys", "--contest", CONTEST_ID, "--check"]
    checked = await asyncio.to_thread(CliRunner().invoke, app, command)
    assert (checked.exit_code, "2 networks that the key" in checked.output) == (0 if tried else 2, True)
    async with client_for(build(house.resources).http) as client:
        page = (await client.get(f"/audit?contest={CONTEST_ID}")).text
    assert ("โยงไม่ได้แล้ว" in page, "เครือข่ายอื่น (IPv6) ที่ไม่ได้ลอง" in page) == (tried > 0, True)


@pytest.mark.usefixtures("few_networks")
async def test_networks_hidden_under_the_secret_alone_are_found_and_told(voting_database: Database) -> None:
    house = await held(voting_database)
    await voted_from(house, signals_without_pepper(ROOT, CONTEST_ID), "203.0.113.9")
    report = await destroy(house)
    assert (report.after.networks_derived, report.after.linked, report.holds) == (1, True, False)
    async with client_for(build(house.resources).http) as client:
        page = (await client.get(f"/audit?contest={CONTEST_ID}")).text
    assert ("ยังยืนยันไม่ได้" in page, "โยงไม่ได้แล้ว" in page) == (True, False)


async def test_badge_of_the_audit_page_follows_from_what_was_checked(voting_database: Database) -> None:
    house = await held(voting_database)
    await destroy(house)
    async with client_for(build(house.resources).http) as client:
        page = (await client.get(f"/audit?contest={CONTEST_ID}")).text
    assert ("ยังยืนยันไม่ได้" in page, "โยงไม่ได้แล้ว" in page) == (False, True)
    async with voting_database.transaction() as session:  # a report of before networks were asked for
        await session.execute(text("UPDATE identity_destruction SET report = report #- '{after,networks}'"))
    async with client_for(build(house.resources).http) as client:
        page = (await client.get(f"/audit?contest={CONTEST_ID}")).text
    assert ("ยังยืนยันไม่ได้" in page, "ไม่ได้ลอง" in page) == (True, True)


async def test_voters_by_account_are_tried_and_what_was_not_tried_is_not_claimed(
    voting_database: Database,
) -> None:
    house = await held(voting_database, voters=0)
    keys = await house.keys()

    async def ballot(account: str, mail_class: MailClass = MailClass.ACCOUNT) -> bytes:
        subject = subject_of(keys, account)
        async with voting_database.transaction() as session:
            voters = [voter_of(keys, subject)]
            await repository.keep_issued_ballots(session, CONTEST_ID, voters, mail_class, AFTER_APPEALS)
        return subject

    async def asked(keys_of: ContestKeys) -> destruction.Checked:
        async with voting_database.transaction() as session:
            pepper = b"" if keys_of.destroyed else await repository.pepper(session, CONTEST_ID)
            return await check(session, ROOT, CONTEST_ID, pepper)

    await ballot("nobody", MailClass.REHEARSAL)
    assert (await asked(keys)).untried == ()
    subject = await ballot("oidc\nissuer\none")
    assert (await asked(keys)).untried == ("voters",)
    report = await destroy(house)
    assert (report.after.voters, report.after.voters_tried, report.holds) == (1, 0, False)
    async with voting_database.transaction() as session:
        await records.keep_account(session, CONTEST_ID, subject)
    now = await asked(await house.keys())
    assert (now.voters_tried, now.voters_derived, now.untried) == (1, 0, ())


async def test_command_asks_for_the_slug_and_tells_what_was_checked(
    voting_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await held(voting_database)
    settings = settings_for_tests(voting_database_url=voting_database.dsn)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)

    async def run(*arguments: str, typed: str = "") -> tuple[int, str]:
        command = ["destroy-identity-keys", "--contest", CONTEST_ID, *arguments]
        result = await asyncio.to_thread(CliRunner().invoke, app, command, input=typed)
        return result.exit_code, result.output

    assert (await run("--by", POST, typed="something else\n"))[0] == 1
    assert (await run("--confirm", CONTEST_ID))[0] == 1, "nobody is named"
    assert (await run("--check"))[0] == 1, "they are not destroyed yet"
    async with voting_database.transaction() as session:
        await set_rehearsal_clock(session, CONTEST_ID, AFTER_APPEALS - timedelta(days=1))
    code, said = await run("--by", POST, "--confirm", CONTEST_ID)
    assert (code, "appeal period has not ended" in said) == (1, True)
    async with voting_database.transaction() as session:
        await set_rehearsal_clock(session, CONTEST_ID, AFTER_APPEALS)
    code, said = await run("--by", POST, typed=f"{CONTEST_ID}\n")
    assert (code, "Nothing that was tried ties a voter to a person" in said) == (0, True), said
    async with voting_database.transaction() as session:
        await session.execute(text("UPDATE ballot_code SET used_at = NULL"))
    code, said = await run("--check")
    assert (code, "Not tried, so nothing is claimed of it: voters." in said) == (2, True), said
    async with voting_database.transaction() as session:
        await session.execute(text("UPDATE ballot_code SET used_at = sent_at"))
    code, said = await run("--check", "--json")
    assert code == 0
    assert json.loads(said)["after"]["addresses_opened"] == 0
