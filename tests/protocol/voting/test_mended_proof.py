"""What a person mends after a vote, on real Kafka: trees made anew, records that nobody can read."""

# ruff: noqa: S608 - these tests play an attacker who has the database's password
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.voting.audit import recount_from_log
from services.voting.certification import RecordsUnread
from services.voting.closing import Closer
from services.voting.fraud.signals import GROUP as DETECTORS
from services.voting.tally import GROUP as TALLY
from services.voting.tree import GROUP as TREE
from shared.contracts.intake import Role
from shared.contracts.voting import PopularVoteCertified
from shared.messaging.broker import make_producer
from shared.messaging.codec import encode
from shared.messaging.consume import Consumers
from shared.messaging.dlq import CannotReplay, read_letters, send_back
from shared.messaging.relay import Relay
from shared.messaging.topics import provision
from tests.component.voting.scenario import eventually, open_vote, ready_to_vote
from tests.protocol.voting.proof_house import CLOCK, House, closed_house

pytestmark = pytest.mark.kafka
OF_CONTEST = "WHERE contest_id = :c AND partition = 0"
SPOILT = {
    "a leaf": "UPDATE tree_tile SET hashes = overlay(hashes PLACING '\\x00ff00ff'::bytea FROM 33) "
    f"{OF_CONTEST} AND level = 0 AND number = 1",
    "the right edge": f"UPDATE tree_frontier SET peaks = ''::bytea {OF_CONTEST}",
    "every tile": "DELETE FROM tree_tile WHERE contest_id = :c",
    "a partition's tree": f"DELETE FROM tree_frontier {OF_CONTEST}",
}


@pytest.fixture
async def house(voting_database: Any, kafka: str) -> AsyncIterator[House]:
    async with closed_house(voting_database, kafka) as closed:
        yield closed


async def test_spoilt_trees_are_made_anew_from_the_log_but_never_against_a_head(
    house: House,
) -> None:
    for what, statement in SPOILT.items():
        await house.execute(statement)
        assert await house.verdict() != [], what
        code, said = await house.command("rebuild-trees", "--json")
        assert (code, sum(json.loads(said)["leaves"].values())) == (0, 321), what
        assert await house.verdict() == [], what

    await house.execute(SPOILT["every tile"])
    await house.execute(
        """UPDATE tree_head SET document = regexp_replace(document, '"root":"..', '"root":"zz')
           WHERE contest_id = :c AND revision = 2"""
    )
    code, _ = await house.command("rebuild-trees")
    assert code == 1
    assert await house.scalar("SELECT count(*) FROM tree_tile WHERE contest_id = :c") == 0, "nothing changed"
    assert (await house.command("rebuild-trees", contest="mistyped"))[0] == 1
    assert (await house.command("rebuild-trees", servers="127.0.0.1:1"))[0] == 3


async def put_unreadable(house: House, number: int) -> None:
    """A vote without its voter, as no door writes it."""
    record = encode(house.vote(number))
    body = json.loads(record.value)
    del body["voter_id"]
    producer = make_producer(house.settings)
    await producer.start()
    try:
        await producer.send_and_wait(
            record.topic, json.dumps(body).encode(), key=record.key, partition=2, headers=record.headers
        )
    finally:
        await producer.stop()


async def test_result_with_records_that_nobody_can_read_is_signed_by_their_number_only(
    voting_database: Any, kafka: str
) -> None:
    own = House(voting_database, kafka)
    await provision(own.settings, ("voting", TALLY, TREE, DETECTORS))
    own.contest_id = (await ready_to_vote(voting_database)).contest_id
    await open_vote(voting_database, own.contest_id, CLOCK)
    consumers = Consumers(own.settings, "voting", voting_database, own.service.subscriptions)
    async with consumers, Relay(own.settings, voting_database, "voting"):
        await own.put(2, *(own.vote(number) for number in range(60)))
        await eventually(lambda: own.trees_hold(60))
        await put_unreadable(own, 60)
        await own.put(2, *(own.vote(number) for number in range(61, 70)))
        await eventually(lambda: own.trees_hold(69))
        await Closer(own.settings, voting_database, CLOCK).close(own.contest_id)
        await eventually(own.told)
        await eventually(own.passed_the_seals)

        for wrong in (0, 2):
            with pytest.raises(RecordsUnread, match="Nobody can read 1 records"):
                await own.certify("one", Role.STAFF, unreadable=wrong)
        assert (await own.command("audit", "votes"))[0] == 1
        await own.certify("one", Role.STAFF, unreadable=1)
        with pytest.raises(RecordsUnread):
            await own.certify("two", Role.APPROVER)
        signed = await own.certify("two", Role.APPROVER, unreadable=1)
        assert signed.report["unreadable"] == 1
        value = await own.scalar(
            "SELECT value FROM outbox WHERE headers ->> 'ce_type' = 'showcase.voting.PopularVoteCertified.v1'"
        )
        certified = PopularVoteCertified.model_validate_json(value)
        assert (certified.counted, certified.unreadable) == (69, 1)
        await eventually(own.told)
        recount = await recount_from_log(own.settings, own.contest_id)
        assert (recount.findings, recount.unreadable, recount.counted) == ([], 1, 69)

    (letter,) = [
        each
        for each in await read_letters(own.settings, TALLY)
        if own.contest_id.encode() in (each.value or b"")
    ]
    with pytest.raises(CannotReplay, match="DeadLetters"):
        await send_back(own.settings, [letter])
