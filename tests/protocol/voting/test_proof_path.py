"""The proof's whole way on real Kafka: trees, heads, close, tampering, certificate, late votes, openings."""

# ruff: noqa: S608 - these tests play an attacker who has the database's password
import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.voting import heads
from services.voting.audit import recount_from_log
from services.voting.audit.openings import Openings
from services.voting.verifier import verify_receipt
from shared.contracts.intake import Role
from shared.contracts.voting import PopularVoteCertified, TreeHeadSigned
from shared.recount.scores_only import NO_RULEBOOK
from shared.testing.web import client_for, sign_in
from tests.component.voting.scenario import SIGNER, eventually
from tests.protocol.voting.proof_house import API, CLOCK, IN_FIRST, House, closed_house

pytestmark = pytest.mark.kafka


@pytest.fixture
async def house(voting_database: Any, kafka: str) -> AsyncIterator[House]:
    async with closed_house(voting_database, kafka) as house:
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
