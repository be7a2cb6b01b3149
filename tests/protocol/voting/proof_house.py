"""A closed vote on real Kafka, as the tests of its proof and of its certificate find it."""

# ruff: noqa: S608 - these tests play an attacker who has the database's password
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from services.voting import cli, heads
from services.voting.accounts import take_accounts
from services.voting.agreement import differences, recount_for
from services.voting.app import build
from services.voting.certification import Certifier, RecountDiffers
from services.voting.closing import Closer
from services.voting.domain.keys import keyed_hash
from services.voting.domain.receipts import commitment_of
from services.voting.durability import LogDurability
from services.voting.tables import Certification
from services.voting.tally import GROUP as TALLY
from services.voting.tree import GROUP as TREE
from shared.clock import FixedClock
from shared.contracts.ids import ContactId, ContestId, EntryId, ReceiptId, VoterId
from shared.contracts.intake import Role
from shared.contracts.voting import VoteCast
from shared.errors import Conflict
from shared.messaging.broker import make_producer
from shared.messaging.codec import encode
from shared.messaging.consume import Consumers
from shared.messaging.relay import Relay
from shared.messaging.topics import provision
from shared.settings import BrokerKind
from shared.testing.rulebooks import VOTE_OPENS
from shared.testing.web import resources_for
from shared.web.sessions import Account
from tests.component.voting.scenario import SIGNER, STRONG, entry_id, eventually, open_vote, ready_to_vote

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

    async def certify(self, name: str, role: Role, unreadable: int = 0) -> Certification:
        certifier = Certifier(self.settings, self.database, CLOCK)
        account = Account(ContactId(name), frozenset({role}))
        while True:
            try:
                return await certifier.certify(self.contest_id, account, unreadable=unreadable)
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


@asynccontextmanager
async def closed_house(database: Any, kafka: str, log: LogDurability = STRONG) -> AsyncIterator[House]:
    """A vote that was closed, with 321 votes before the seals and three heads."""
    house = House(database, kafka)
    await provision(house.settings, ("voting", TALLY, TREE))
    house.contest_id = (await ready_to_vote(database)).contest_id
    await open_vote(database, house.contest_id, CLOCK, log)
    consumers = Consumers(house.settings, "voting", database, house.service.subscriptions)
    async with consumers, Relay(house.settings, database, "voting"):
        await house.put(0, *(house.vote(number) for number in range(100)))
        await eventually(lambda: house.trees_hold(100))
        await house.sign()
        await house.put(0, *(house.vote(number) for number in range(100, IN_FIRST)))
        await house.put(1, *(house.vote(number) for number in range(IN_FIRST, IN_FIRST + 20)))
        again = house.vote(IN_FIRST + 20, f"voter-{IN_FIRST}", off_by=timedelta(minutes=10))
        await house.put(1, again)
        await eventually(lambda: house.trees_hold(321))
        await house.sign()
        await Closer(house.settings, database, CLOCK).close(house.contest_id)
        await eventually(house.told)
        await eventually(house.passed_the_seals)
        yield house
