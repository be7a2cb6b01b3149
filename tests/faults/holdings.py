"""Reads what the system holds of one vote: tables and log at one moment, by its own few statements."""

import asyncio
import json
import random
from collections.abc import Mapping
from typing import Any

import httpx
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.voting.audit import recount_from_log
from shared.contracts.catalogue import TOPICS
from shared.messaging.broker import BrokerUnavailable, make_reader
from tests.faults.clients import Vote
from tests.faults.house import House, until
from tests.faults.oracle import Finding, Holdings, Kind, Place, Record, Row, Uncounted, judge

VOTES = "voting.vote.v1"
GROUP = "voting-tally"
PARTITIONS = range(TOPICS[VOTES].partitions)
ASKED_RECEIPTS = 200
_FENCES = "SELECT partition, next_offset FROM consumer_fence WHERE consumer_group = :g AND topic = :t"
_ROWS = (
    'SELECT partition, "offset", voter_id, slot, entry_id, receipt_id, state FROM vote WHERE contest_id = :c'
)
_UNCOUNTED = 'SELECT partition, "offset", receipt_id, outcome FROM uncounted_vote WHERE contest_id = :c'
_ENTRIES = "SELECT entry_id, sum(counted)::int AS n FROM entry_count WHERE contest_id = :c GROUP BY 1"
_TOTALS = """
    SELECT coalesce(sum(counted), 0)::int AS counted, coalesce(sum(duplicate), 0)::int AS duplicate,
           coalesce(sum(late), 0)::int AS late, coalesce(sum(held), 0)::int AS held,
           coalesce(sum(struck), 0)::int AS struck
    FROM partition_count WHERE contest_id = :c
"""


async def verdict(
    house: House, vote: Vote, *, within: float = 120, receipts: int = ASKED_RECEIPTS
) -> list[Finding]:
    """Wait until the tally has folded the whole log, then let the oracle judge. A tally that never
    gets there has lost what it did not fold."""
    try:
        await folded(house, within=within)
    except AssertionError as error:
        return [Finding(Kind.LOST, f"the tally does not come to the log's end: {error}")]
    return judge(vote.history.attempts, await holdings(house, vote, receipts=receipts))


async def folded(house: House, *, within: float = 120) -> float:
    """Wait until the tally's fences are where the log ends now; returns the seconds that it took."""
    ends: dict[int, int] = {}

    async def at_the_end() -> bool:
        try:
            if not ends:
                ends.update(await _ends(house))
            async with house.database.engine.connect() as connection:
                fences = await _fences(connection)
        except (KafkaError, SQLAlchemyError, OSError, BrokerUnavailable):
            return False
        return all(fences.get(partition, 0) >= end for partition, end in ends.items())

    return await until(at_the_end, "the tally has folded the log", within, pause=0.1)


async def holdings(house: House, vote: Vote, *, receipts: int = ASKED_RECEIPTS) -> Holdings:
    """Everything that is known of ``vote``, up to the tally's fences."""
    contest = {"c": vote.contest_id}
    async with house.database.engine.connect() as connection:
        await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        fences = await _fences(connection)
        rows = [
            ((r.partition, r.offset), Row(Record(r.voter_id, r.slot, r.entry_id, r.receipt_id), r.state))
            for r in await connection.execute(text(_ROWS), contest)
        ]
        uncounted = [
            ((r.partition, r.offset), Uncounted(r.receipt_id, r.outcome))
            for r in await connection.execute(text(_UNCOUNTED), contest)
        ]
        entries = {r.entry_id: r.n for r in await connection.execute(text(_ENTRIES), contest)}
        totals = dict((await connection.execute(text(_TOTALS), contest)).one()._mapping)
    totals["received"] = sum(totals.values())
    log, seals = await _log(house, vote.contest_id, fences)
    recount = await recount_from_log(house.settings, vote.contest_id, fences)
    return Holdings(
        log=log,
        seals=seals,
        rows=rows,
        uncounted=uncounted,
        entry_counts=entries,
        totals=totals,
        recount={name: getattr(recount, name) for name in totals},
        recounted_entries=recount.by_entry,
        recount_findings=recount.findings,
        receipts=await _ask(house, sorted({record.receipt for record in log.values()}), receipts),
    )


async def _fences(connection: AsyncConnection) -> dict[int, int]:
    found = await connection.execute(text(_FENCES), {"g": GROUP, "t": VOTES})
    return {row.partition: row.next_offset for row in found}


async def _ends(house: House) -> Mapping[int, int]:
    reader = make_reader(house.settings, client_id="faults")
    async with asyncio.timeout(10):
        await reader.start()
        try:
            found = await reader.end_offsets([TopicPartition(VOTES, p) for p in PARTITIONS])
        finally:
            await reader.stop()
    return {place.partition: offset for place, offset in found.items()}


async def _log(
    house: House, contest_id: str, up_to: Mapping[int, int]
) -> tuple[dict[Place, Record], dict[int, int]]:
    """The contest's votes and first seals, taken from the bare records."""
    log: dict[Place, Record] = {}
    seals: dict[int, int] = {}
    reader = make_reader(house.settings, client_id="faults")
    await reader.start()
    try:
        unread = {TopicPartition(VOTES, p) for p in PARTITIONS if up_to.get(p, 0) > 0}
        reader.assign(sorted(unread))
        for partition in unread:
            reader.seek(partition, 0)
        while unread:
            for partition, records in (await reader.getmany(*unread, timeout_ms=1_000)).items():
                for record in records:
                    if record.offset < up_to[partition.partition]:
                        _take(record, contest_id, log, seals)
                if await reader.position(partition) >= up_to[partition.partition]:
                    unread.discard(partition)
    finally:
        await reader.stop()
    return log, seals


def _take(record: Any, contest_id: str, log: dict[Place, Record], seals: dict[int, int]) -> None:
    body = json.loads(record.value)
    if body["contest_id"] != contest_id:
        return
    if "voter_id" in body:
        log[record.partition, record.offset] = Record(
            body["voter_id"], body["slot"], body["entry_id"], body["receipt_id"]
        )
    else:
        seals.setdefault(record.partition, record.offset)


async def _ask(house: House, receipts: list[str], number: int) -> dict[str, str]:
    """What the api says of some of the receipts."""
    chosen = random.Random(len(receipts)).sample(receipts, min(number, len(receipts)))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.ports[0]}", timeout=30) as client:
        found = {}
        for receipt in chosen:
            answer = (await client.get(f"/api/voting/v1/votes/{receipt}")).json()
            found[receipt] = str(answer.get("status"))
    return found
