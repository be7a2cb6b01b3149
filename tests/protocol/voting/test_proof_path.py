"""The proof's whole way on real Kafka: trees, heads, close, tampering, certificate, late votes, openings."""

# ruff: noqa: S608 - these tests play an attacker who has the database's password
import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from services.voting import cli, heads
from services.voting.accounts import take_accounts
from services.voting.agreement import differences, recount_for
from services.voting.app import build
from services.voting.audit import recount_from_log
from services.voting.audit.openings import Openings
from services.voting.certification import Certifier, RecountDiffers
from services.voting.closing import Closer
from services.voting.domain.keys import keyed_hash
from services.voting.domain.receipts import commitment_of
from services.voting.tables import Certification
from services.voting.tally import GROUP as TALLY
from services.voting.tree import GROUP as TREE
from services.voting.verifier import verify_receipt
from shared.clock import FixedClock
from shared.contracts.ids import ContactId, ContestId, EntryId, ReceiptId, VoterId
from shared.contracts.intake import Role
from shared.contracts.voting import PopularVoteCertified, TreeHeadSigned, VoteCast
from shared.errors import Conflict
from shared.messaging.broker import make_producer
from shared.messaging.codec import encode
from shared.messaging.consume import Consumers
from shared.messaging.relay import Relay
from shared.messaging.topics import provision
from shared.recount.scores_only import NO_RULEBOOK
from shared.settings import BrokerKind
from shared.testing.rulebooks import VOTE_OPENS
from shared.testing.web import client_for, resources_for, sign_in
from shared.web.sessions import Account
from tests.component.voting.scenario import SIGNER, entry_id, eventually, open_vote, ready_to_vote

pytestmark = pytest.mark.kafka
CLOCK = FixedClock(VOTE_OPENS.astimezone(UTC))
IN_FIRST = 300
"""Votes in partition 0: more than a tile holds, so that the tree has a node of level 1."""
API = "/api/voting/v1"


class House:
    """A vote with its worker and relay, but without its door: votes are put on the log as they are."""

    def __init__(self, database: Any, kafka: str) -> None:
        self.resources = resources_for(
            database, clock=CLOCK, broker=BrokerKind.KAFKA, bootstrap_servers=kafka
        )
        self.settings, self.database = self.resources.settings, database
        self.service = build(self.resources)
        self.contest_id = ""

    def receipt(self, number: int) -> str:
        """Other tests' votes lie on the same log, so no receipt is like theirs."""
        own = self.contest_id[-8:].upper()
        return f"{own[:4]}-{own[4:]}-{number:04d}"

    def vote(self, number: int, voter: str = "", *, off_by: timedelta = timedelta(0)) -> VoteCast:
        voter = voter or f"voter-{number}"
        receipt = self.receipt(number)
        salt = keyed_hash(SIGNER.salt_key(self.contest_id), self.contest_id, voter, receipt)
        entry = entry_id(number % 3)
        return VoteCast(
            contest_id=ContestId(self.contest_id),
            receipt_id=ReceiptId(receipt),
            voter_id=VoterId(voter),
            slot="",
            entry_id=EntryId(entry),
            commitment=commitment_of(salt, self.contest_id, entry),
            key_id="k",
            cast_at=CLOCK.instant + off_by,
        )

    async def put(self, partition: int, *events: Any) -> None:
        """Append events to a partition of their topic, confirmed and in this order."""
        producer = make_producer(self.settings, linger_ms=5)
        await producer.start()
        try:
            for event in events:
                record = encode(event)
                await producer.send(
                    record.topic, record.value, key=record.key, partition=partition, headers=record.headers
                )
            await producer.flush()
        finally:
            await producer.stop()

    async def sign(self) -> None:
        async with self.database.transaction() as session:
            await heads.sign_changed(session, CLOCK, SIGNER)

    async def execute(self, statement: str) -> None:
        async with self.database.transaction() as session:
            done = await session.execute(text(statement), {"c": self.contest_id})
            assert done.rowcount > 0, statement

    async def scalar(self, statement: str) -> Any:
        async with self.database.transaction() as session:
            return (await session.execute(text(statement), {"c": self.contest_id})).scalar()

    async def trees_hold(self, leaves: int) -> bool:
        trees = await self.scalar("SELECT sum(size) FROM tree_frontier WHERE contest_id = :c")
        rows = await self.scalar(
            "SELECT (SELECT count(*) FROM vote WHERE contest_id = :c)"
            " + (SELECT count(*) FROM uncounted_vote WHERE contest_id = :c)"
        )
        return trees == leaves == rows

    async def passed_the_seals(self) -> bool:
        return not await self.scalar(
            "SELECT count(*) FROM partition_seal AS seal JOIN consumer_fence AS fence USING (partition)"
            " WHERE seal.contest_id = :c AND fence.topic = 'voting.vote.v1'"
            f" AND fence.consumer_group IN ('{TALLY}', '{TREE}') AND fence.next_offset <= seal.\"offset\""
        )

    async def told(self) -> bool:
        return not await self.scalar("SELECT count(*) FROM outbox WHERE published_at IS NULL")

    async def certify(self, name: str, role: Role) -> Certification:
        certifier = Certifier(self.settings, self.database, CLOCK)
        while True:
            try:
                return await certifier.certify(self.contest_id, Account(ContactId(name), frozenset({role})))
            except Conflict as refusal:
                if "Wait a moment" not in refusal.en:
                    raise
                await asyncio.sleep(0.2)

    async def command(self, *words: str, servers: str = "", contest: str = "") -> tuple[int, str]:
        """A command of the auditor, as a shell runs it: exit code and what it said."""
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": servers or self.settings.bootstrap_servers,
            "SHOWCASE_VOTING_DATABASE_URL": self.database.dsn,
        }
        words = (*words, "--contest", contest or self.contest_id)
        done = await asyncio.to_thread(CliRunner().invoke, cli.app, words, env=environment)
        return done.exit_code, done.stdout

    async def refusal(self) -> str:
        with pytest.raises(RecountDiffers) as refused:
            await self.certify("one", Role.STAFF)
        return refused.value.en

    async def verdict(self) -> list[str]:
        """What the verifier says of voting's own accounts."""
        key = SIGNER.public_key(self.contest_id)
        kept = await take_accounts(self.database, self.contest_id)
        recount = await recount_for(self.settings, kept, key)
        return await differences(self.settings, self.database, kept, recount, key)


@pytest.fixture
async def house(voting_database: Any, kafka: str) -> AsyncIterator[House]:
    """A vote that was closed, with 321 votes before the seals and three heads."""
    house = House(voting_database, kafka)
    await provision(house.settings, ("voting", TALLY, TREE))
    house.contest_id = (await ready_to_vote(voting_database)).contest_id
    await open_vote(voting_database, house.contest_id, CLOCK)
    consumers = Consumers(house.settings, "voting", voting_database, house.service.subscriptions)
    async with consumers, Relay(house.settings, voting_database, "voting"):
        await house.put(0, *(house.vote(number) for number in range(100)))
        await eventually(lambda: house.trees_hold(100))
        await house.sign()
        await house.put(0, *(house.vote(number) for number in range(100, IN_FIRST)))
        await house.put(1, *(house.vote(number) for number in range(IN_FIRST, IN_FIRST + 20)))
        again = house.vote(IN_FIRST + 20, f"voter-{IN_FIRST}", off_by=timedelta(minutes=10))
        await house.put(1, again)
        await eventually(lambda: house.trees_hold(321))
        await house.sign()
        await Closer(house.settings, voting_database, CLOCK).close(house.contest_id)
        await eventually(house.told)
        await eventually(house.passed_the_seals)
        yield house


ROW = "WHERE contest_id = :c AND partition = 0"
FIRST = '(SELECT min(v."offset") FROM vote AS v WHERE v.contest_id = :c AND v.partition = 0)'
TAMPERINGS = {
    "a row": (
        f'UPDATE vote SET entry_id = :new {ROW} AND "offset" = {FIRST}',
        "row of partition 0 offset",
    ),
    "two rows whose numbers stay the same": (
        f"UPDATE vote SET entry_id = CASE entry_id WHEN 'entry-00' THEN 'entry-01' ELSE 'entry-00' END {ROW} "
        f'AND "offset" IN ({FIRST}, {FIRST} + 1)',
        "row of partition 0 offset",
    ),
    "a counter": (
        f"UPDATE entry_count SET counted = counted + 1 {ROW} AND entry_id = 'entry-02'",
        "the counter of entry entry-02 in partition 0 says",
    ),
    "a partition's counter": (
        f"UPDATE partition_count SET duplicate = duplicate + 1 {ROW}",
        "the counter of partition 0 says duplicate = 1, its rows 0",
    ),
    "a leaf": (
        f"UPDATE tree_tile SET hashes = overlay(hashes PLACING '\\x00ff00ff'::bytea FROM 7 * 32 + 1) {ROW} "
        "AND level = 0 AND number = 1",
        "leaf 263 of partition 0:",
    ),
    "a leaf's place": (
        f"UPDATE tree_tile SET offsets = overlay(offsets PLACING '\\xff'::bytea FROM 8 * 3 + 1) {ROW} "
        "AND level = 0 AND number = 0",
        "leaf 3 of partition 0:",
    ),
    "a node": (
        f"UPDATE tree_tile SET hashes = overlay(hashes PLACING '\\x00ff00ff'::bytea FROM 1) {ROW} "
        "AND level = 1",
        "node 0 of level 1 of partition 0",
    ),
    "the right edge": (
        f"UPDATE tree_frontier SET peaks = overlay(peaks PLACING '\\x00ff00ff'::bytea FROM 3) {ROW}",
        "the tree of partition 0 ends at leaf 300 with another right edge",
    ),
    "a head": (
        "UPDATE tree_head SET document = replace(document, '2022-', '2023-') "
        "WHERE contest_id = :c AND revision = 1",
        "head 1: the database has another one than the log",
    ),
    "a head's revision": (
        "UPDATE tree_head SET revision = 77 WHERE contest_id = :c AND revision = 2",
        "head 2 is on the log and not in the database",
    ),
}
TABLES = ("vote", "entry_count", "partition_count", "tree_tile", "tree_frontier", "tree_head")


async def test_every_tampering_is_named_and_refused_then_two_people_certify(house: House) -> None:
    assert await house.verdict() == []
    for what, (statement, named) in TAMPERINGS.items():
        async with house.database.transaction() as session:
            for table in TABLES:
                await session.execute(text(f"CREATE TABLE kept_{table} AS TABLE {table}"))
        await house.execute(statement.replace(":new", "'entry-03'"))
        try:
            found = await house.verdict()
            assert any(finding.startswith(named) for finding in found), (what, found)
            refused = await house.refusal()
            assert named in refused, (what, refused)
        finally:
            async with house.database.transaction() as session:
                for table in TABLES:
                    await session.execute(text(f"TRUNCATE {table}"))
                    await session.execute(text(f"INSERT INTO {table} TABLE kept_{table}"))
                    await session.execute(text(f"DROP TABLE kept_{table}"))
    assert await house.verdict() == []
    first = await house.certify("one", Role.STAFF)
    assert first.certified_by is None
    second = await house.certify("two", Role.APPROVER)
    value = await house.scalar(
        "SELECT value FROM outbox WHERE headers ->> 'ce_type' = 'showcase.voting.PopularVoteCertified.v1'"
    )
    certified = PopularVoteCertified.model_validate_json(value)
    assert (certified.tree_head_revision, certified.counted, certified.duplicate) == (3, 320, 1)
    assert (second.tree_head_revision, certified.certified_by) == (3, ("one", "two"))
    await eventually(house.told)
    recount = await recount_from_log(house.settings, house.contest_id)
    assert (recount.findings, recount.heads, recount.last_head) == ([], 3, 3)
    code, said = await house.command("audit", "votes", "--accounts", "--json")
    assert (code, json.loads(said)["findings"], json.loads(said)["last_head"]) == (0, [], 3)
    code, said = await house.command("audit", "votes", "--key", SIGNER.public_key("another"))
    assert (code, "head 1: its signature does not hold" in said) == (1, True)
    await house.execute(f"UPDATE partition_count SET duplicate = duplicate + 1 {ROW}")
    code, said = await house.command("audit", "votes", "--accounts", "--json")
    assert (code, json.loads(said)["findings"][0]) == (
        1, "the counter of partition 0 says duplicate = 1, its rows 0"
    )  # fmt: skip
    code, said = await house.command("audit", "scores", "--json")
    assert (code, json.loads(said)["findings"]) == (1, [NO_RULEBOOK])
    code, said = await house.command("audit", "votes", "--json", contest="mistyped")
    assert (code, json.loads(said)["findings"]) == (1, [NO_RULEBOOK])
    code, said = await house.command("audit", "votes", "--openings", "no-such-file")
    assert code == 2
    code, said = await house.command("audit", "votes", servers="127.0.0.1:1")
    assert code == 3


async def test_late_vote_is_in_the_tree_and_proves_itself_whatever_the_clocks_say(
    house: House, tmp_path: Path
) -> None:
    """An api clock ten minutes slow: the vote claims a time before the close and lies behind the seal."""
    late = house.vote(900, off_by=-timedelta(minutes=10))
    await house.put(0, late)
    await eventually(lambda: house.trees_hold(322))
    await house.sign()
    await eventually(house.told)
    async with client_for(house.service.http) as client:
        status = (await client.get(f"{API}/votes/{late.receipt_id}")).json()
        assert status["status"] == "late"
        early = (await client.get(f"{API}/votes/{house.receipt(IN_FIRST)}")).json()
        assert early["status"] == "counted"
        second = (await client.get(f"{API}/votes/{house.receipt(IN_FIRST + 20)}")).json()
        assert second["status"] == "duplicate"
        contest = f"{API}/contests/{house.contest_id}"
        key = (await client.get(f"{contest}/heads/key")).json()["public_key"]
        bundles = {}
        for number in (0, 255, 256, IN_FIRST + 20, 900):
            answer = await client.get(f"{API}/votes/{house.receipt(number)}/proof")
            assert answer.status_code == 200, answer.text
            bundles[number] = answer.json()
            assert "is leaf" in verify_receipt.check_receipt(bundles[number], key)
            assert "entry" not in answer.text, "the proof does not show the choice"
        latest = await client.get(f"{contest}/heads/latest")
        assert latest.json() == bundles[900]["head"]
        listed = (await client.get(f"{contest}/heads?limit=2")).json()
        assert [head["revision"] for head in listed["heads"]] == [latest.json()["revision"], 2][:2]
        first = await client.get(f"{contest}/heads/1")
        assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
        newest = latest.json()["revision"]
        growth = await client.get(f"{contest}/heads/{newest}/consistency?since=1")
        verify_receipt.check_heads(first.json(), latest.json(), growth.json(), key)
        for path, problem in (
            (f"{contest}/heads/{newest + 1}", "unknown-head"),
            (f"{contest}/heads/1/consistency?since=2", "unknown-head"),
            (f"{API}/votes/ZZZZ-ZZZZ-ZZZZ/proof", "unknown-receipt"),
        ):
            assert (await client.get(path)).json()["type"] == f"/problems/{problem}", path
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(bundles[900]), encoding="utf-8")
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-I", verify_receipt.__file__, "receipt", str(file), "--key", key],
        env={"PYTHONIOENCODING": "utf-8"},
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr


async def test_auditor_opens_every_commitment_if_an_approver_lets_them(house: House, tmp_path: Path) -> None:
    openings = f"{API}/contests/{house.contest_id}/openings"
    async with client_for(house.service.http, [Role.AUDITOR], contact_id="auditor") as client:
        sign_in(client, [Role.AUDITOR], contact_id="auditor", contest_id=house.contest_id)
        assert (await client.get(openings)).json()["type"] == "/problems/openings-refused"
        sign_in(client, [Role.APPROVER], contact_id="approver", contest_id=house.contest_id)
        granted = await client.post(f"{openings}-grants", json={"contact_id": "auditor"})
        assert (granted.status_code, granted.json()["granted_by"]) == (201, "approver")
        sign_in(client, [Role.AUDITOR], contact_id="auditor", contest_id=house.contest_id)
        answer = await client.get(openings)
        assert answer.headers["content-type"].startswith("application/x-ndjson")
    file = tmp_path / "openings.jsonl"
    file.write_bytes(answer.content)
    recount = await recount_from_log(house.settings, house.contest_id, openings=Openings.read(file))
    assert (recount.findings, recount.opened) == ([], 321)
    forged = answer.text.splitlines()
    forged[5] = forged[5].replace('"salt": "', '"salt": "00')
    file.write_text("\n".join(forged), encoding="utf-8")
    recount = await recount_from_log(house.settings, house.contest_id, openings=Openings.read(file))
    assert recount.opened == 320
    assert "the commitment does not open to the entry" in recount.findings[0]
    assert await house.scalar("SELECT taken_at FROM openings_grant WHERE contest_id = :c") == CLOCK.instant


async def test_forged_head_and_forged_decision_on_the_log_are_named(house: House) -> None:
    async with house.database.transaction() as session:
        last = await heads.latest(session, house.contest_id)
    assert last is not None
    document = heads.document_of(last)
    moved = [head | {"root": "00" * 32} if head["partition"] == 1 else head for head in document["heads"]]
    forged = TreeHeadSigned.model_validate(document | {"revision": last.revision + 1, "heads": moved})
    await house.put(0, forged)
    found = (await recount_from_log(house.settings, house.contest_id)).findings
    assert found == [
        f"head {forged.revision}: its signature does not hold",
        f"head {forged.revision}: partition 1 with 21 leaves has another root than in head 2",
    ]
    assert "its signature does not hold" in await house.refusal()
