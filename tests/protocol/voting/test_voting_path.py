"""A vote's whole way on real Kafka and PostgreSQL: door, log, tally, receipt, seal, recount."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from services.voting.app import build
from services.voting.audit import recount_from_log
from services.voting.closing import PARTITIONS, TOPIC, Closer
from shared.clock import FixedClock
from shared.contracts.intake import Role
from shared.contracts.voting import VotingSealed
from shared.db import Database
from shared.embedded.kafka_java import KafkaJava
from shared.messaging.broker import make_producer
from shared.messaging.codec import encode
from shared.messaging.consume import Consumers
from shared.messaging.relay import Relay
from shared.messaging.topics import provision
from shared.service import Resources, Service
from shared.settings import BrokerKind
from shared.testing.rulebooks import VOTE_OPENS
from shared.testing.web import client_for, resources_for, sign_in
from tests.component.voting.scenario import entry_id, eventually, open_vote, ready_to_vote
from tests.faults.proxy import Cut, Proxy, Way

pytestmark = pytest.mark.kafka
GROUPS = ("voting", "voting-tally", "voting-tree")


def on_kafka(database: Database, bootstrap_servers: str, **changes: object) -> Resources:
    return resources_for(
        database,
        clock=FixedClock(VOTE_OPENS.astimezone(UTC)),
        broker=BrokerKind.KAFKA,
        bootstrap_servers=bootstrap_servers,
        **changes,
    )


@asynccontextmanager
async def worker(service: Service, resources: Resources) -> AsyncIterator[Consumers]:
    consumers = Consumers(resources.settings, "voting", resources.database, service.subscriptions)
    async with consumers, Relay(resources.settings, resources.database, "voting"):
        yield consumers


@pytest.fixture
async def house(voting_database: Database, kafka: str) -> tuple[Service, Resources]:
    resources = on_kafka(voting_database, kafka)
    await provision(resources.settings, GROUPS)
    return build(resources), resources


async def until(
    client: httpx.AsyncClient, receipt: str, status: str, seconds: float = 20
) -> dict[str, object]:
    """Ask for the receipt until it says ``status``."""
    ends = time.monotonic() + seconds
    answer: dict[str, object] = {}
    while time.monotonic() < ends:
        answer = (await client.get(f"/api/voting/v1/votes/{receipt}")).json()
        if answer.get("status") == status:
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(f"{receipt} is {answer}, not {status}")


async def ready(client: httpx.AsyncClient) -> None:
    async def is_ready() -> bool:
        return (await client.get("/readyz")).status_code == 200

    await eventually(is_ready)


async def ballots(client: httpx.AsyncClient, contest_id: str, count: int) -> list[str]:
    sign_in(client, [Role.ADMIN], contest_id=contest_id)
    answer = await client.post(
        f"/api/voting/v1/contests/{contest_id}/rehearsal-ballots", json={"count": count}
    )
    assert answer.status_code == 201, answer.text
    return list(answer.json()["ballots"])


async def vote(client: httpx.AsyncClient, ballot: str, entry: str, key: str) -> httpx.Response:
    return await client.post("/api/voting/v1/votes", json={"ballot": ballot, "entry_id": entry, "key": key})


async def test_vote_is_counted_closed_recounted_and_certified(house: tuple[Service, Resources]) -> None:
    service, resources = house
    database = resources.database
    contest_id = (await ready_to_vote(database)).contest_id
    await open_vote(database, contest_id)
    async with client_for(service) as client, worker(service, resources):
        await ready(client)
        tokens = await ballots(client, contest_id, 49)
        chosen = [entry_id(number % 3) for number in range(49)]
        first = [
            await vote(client, token, entry, f"attempt-{n}")
            for n, (token, entry) in enumerate(zip(tokens, chosen, strict=True))
        ]
        assert {answer.status_code for answer in first} == {202}
        again = await vote(client, tokens[0], chosen[0], "attempt-0")
        assert again.json() == first[0].json(), "a retry gives the same receipt"
        other = await vote(client, tokens[0], entry_id(1), "another-key")
        assert other.json() != first[0].json()

        assert (await until(client, first[0].json()["receipt"], "counted"))["contest_id"] == contest_id
        await until(client, other.json()["receipt"], "duplicate")

        sign_in(client, [Role.STAFF], contest_id=contest_id)
        await Closer(resources.settings, database, resources.clock).close(contest_id)
        await _refreshed(client, contest_id)
        late = await vote(client, tokens[1], entry_id(0), "too-late-key")
        assert (late.status_code, late.json()["type"]) == (410, "/problems/vote-closed")

        first_act = await _certify(client, contest_id)
        assert first_act["certified_by"] is None
        assert first_act == await _certify(client, contest_id), "the same person again changes nothing"
        sign_in(client, [Role.APPROVER], contest_id=contest_id, contact_id="second")
        second_act = await _certify(client, contest_id)
        assert second_act["certified_by"] == "second"

        result = (await client.get(f"/api/voting/v1/contests/{contest_id}/tally")).json()
        expected = {entry_id(n): chosen.count(entry_id(n)) for n in range(4)}
        assert {row["entry_id"]: row["counted"] for row in result["entries"]} == expected
        assert result["totals"] == {
            "received": 51, "counted": 49, "duplicate": 2, "late": 0, "held": 0, "struck": 0
        }  # fmt: skip
        assert result["winner_entry_id"] == entry_id(0)
    recount = await recount_from_log(resources.settings, contest_id)
    assert (recount.findings, recount.by_entry) == ([], {e: n for e, n in expected.items() if n})


async def _refreshed(client: httpx.AsyncClient, contest_id: str) -> None:
    """Wait until the vote's own process knows that it is closed."""
    await asyncio.sleep(2.5)


async def _certify(client: httpx.AsyncClient, contest_id: str) -> dict[str, object]:
    async with asyncio.timeout(30):
        while True:
            answer = await client.post(f"/api/voting/v1/contests/{contest_id}/certification")
            if answer.status_code == 200:
                return answer.json()
            assert "Wait a moment" in answer.text, answer.text
            await asyncio.sleep(0.2)


async def test_votes_repeated_ten_times_in_any_order_count_once(house: tuple[Service, Resources]) -> None:
    service, resources = house
    contest_id = (await ready_to_vote(resources.database)).contest_id
    await open_vote(resources.database, contest_id)
    async with client_for(service) as client:
        await ready(client)
        tokens = await ballots(client, contest_id, 30)
        attempts = [(n, token) for n, token in enumerate(tokens)] * 10
        random.Random(4).shuffle(attempts)
        receipts: dict[int, set[str]] = {}

        async def cast(number: int, token: str) -> None:
            answer = await vote(client, token, entry_id(number % 4), f"only-key-{number}")
            while answer.status_code == 503:  # a slow machine: what every client is told to do
                await asyncio.sleep(0.2)
                answer = await vote(client, token, entry_id(number % 4), f"only-key-{number}")
            receipts.setdefault(number, set()).add(answer.json()["receipt"])

        await asyncio.gather(*(cast(n, token) for n, token in attempts))
        assert {len(found) for found in receipts.values()} == {1}
        async with worker(service, resources):
            await until(client, next(iter(receipts[29])), "counted")

            async def all_received() -> bool:
                return (await _totals(client, contest_id))["received"] >= 300

            await eventually(all_received)
        totals = await _totals(client, contest_id)
        assert totals == {
            "received": totals["received"], "counted": 30, "duplicate": totals["received"] - 30,
            "late": 0, "held": 0, "struck": 0,
        }  # fmt: skip


async def _totals(client: httpx.AsyncClient, contest_id: str) -> dict[str, int]:
    sign_in(client, [Role.STAFF], contest_id=contest_id)
    answer = (await client.get(f"/api/voting/v1/contests/{contest_id}/tally")).json()
    return dict(answer["totals"])


async def test_votes_racing_with_the_seals_are_in_or_late_and_all_accounts_agree(
    house: tuple[Service, Resources],
) -> None:
    service, resources = house
    database = resources.database
    contest_id = (await ready_to_vote(database)).contest_id
    await open_vote(database, contest_id)
    async with client_for(service) as client, worker(service, resources):
        await ready(client)
        tokens = await ballots(client, contest_id, 400)
        closers = [Closer(resources.settings, database, resources.clock) for _ in range(2)]

        async def cast(number: int, token: str) -> str:
            await asyncio.sleep(number / 400)
            answer = await vote(client, token, entry_id(number % 4), f"racing-{number}")
            return answer.json().get("receipt", "") if answer.status_code == 202 else str(answer.status_code)

        async def close(closer: Closer) -> dict[int, int]:
            await asyncio.sleep(0.3)
            return await closer.close(contest_id)

        casting = asyncio.gather(*(cast(n, token) for n, token in enumerate(tokens)))
        seals = await asyncio.gather(*(close(closer) for closer in closers))
        answers = await casting
        accepted = [answer for answer in answers if "-" in answer]
        unknown = answers.count("503")
        # a machine under load gives up waiting for the broker, which may have the vote all the same
        assert seals[0] == seals[1]
        assert sorted(seals[0]) == list(PARTITIONS)

        async def all_folded() -> bool:
            return 0 <= (await _totals(client, contest_id))["received"] - len(accepted) <= unknown

        await eventually(all_folded)
        report = (await _certify(client, contest_id))["report"]
        outcomes = [
            (await client.get(f"/api/voting/v1/votes/{receipt}")).json()["status"] for receipt in accepted
        ]
        assert isinstance(report, dict)
        for name in ("counted", "late"):
            assert 0 <= report[name] - outcomes.count(name) <= unknown
        assert 0 <= report["received"] - len(accepted) <= unknown
        assert outcomes.count("counted") > 0


async def test_seal_that_a_dead_closer_left_behind_is_the_one_that_counts(
    house: tuple[Service, Resources],
) -> None:
    """A closer that sealed a few partitions and died: its seals stand, though they were never told."""
    _, resources = house
    contest_id = (await ready_to_vote(resources.database)).contest_id
    await open_vote(resources.database, contest_id)
    closer = Closer(resources.settings, resources.database, resources.clock)
    await closer._search_starts(contest_id)
    producer = make_producer(resources.settings, linger_ms=0)
    await producer.start()
    left: dict[int, int] = {}
    for partition in (0, 5):
        record = encode(
            VotingSealed(contest_id=contest_id, partition=partition, sealed_at=VOTE_OPENS)  # type: ignore[arg-type]
        )
        sent = await producer.send_and_wait(
            TOPIC, record.value, key=record.key, partition=partition, headers=record.headers
        )
        left[partition] = sent.offset
    await producer.stop()
    seals = await closer.close(contest_id)
    assert {partition: seals[partition] for partition in left} == left
    assert (await recount_from_log(resources.settings, contest_id)).seals == seals


async def test_api_stays_ready_and_takes_votes_while_postgresql_is_away(
    house: tuple[Service, Resources],
) -> None:
    """Whether it says so at once or swallows every packet: a probe of Kubernetes has three seconds."""
    database = house[1].database
    address = urlsplit(database.dsn)
    contest_id = (await ready_to_vote(database)).contest_id
    await open_vote(database, contest_id)
    async with Proxy(address.port or 5432) as way:
        host = address.netloc.rpartition(":")[0]
        behind = Database(urlunsplit(address._replace(netloc=f"{host}:{way.port}")))
        async with client_for(build(on_kafka(behind, house[1].settings.bootstrap_servers))) as client:
            await ready(client)
            tokens = await ballots(client, contest_id, 2)
            for number, (end, reason) in enumerate(
                (
                    (lambda: way.cut(dict.fromkeys(Way, Cut.DROP)), "database: no answer within 1.5 s"),
                    (way.close, "database: ConnectionRefusedError"),
                )
            ):
                end()
                probe = await client.get("/readyz")
                assert (probe.status_code, probe.json()) == (200, {"status": "ready", "reasons": [reason]})
                metrics = (await client.get("/metrics")).text
                assert "showcase_ready 0.0" in metrics, "the alarms hear of it"
                answer = await vote(client, tokens[number], entry_id(0), "without-postgres")
                assert (answer.status_code, set(answer.json())) == (202, {"receipt"})
        await behind.close()


async def test_broken_broker_gives_503_within_two_seconds_and_recovers(
    voting_database: Database, own_kafka: KafkaJava
) -> None:
    resources = on_kafka(voting_database, own_kafka.bootstrap_servers)
    await provision(resources.settings, GROUPS)
    service = build(resources)
    contest_id = (await ready_to_vote(voting_database)).contest_id
    await open_vote(voting_database, contest_id)
    async with client_for(service) as client:
        await ready(client)
        tokens = await ballots(client, contest_id, 3)

        async def accepted() -> bool:  # leaders of fresh topics may still be on their way
            return (await vote(client, tokens[0], entry_id(0), "before-the-fall")).status_code == 202

        await eventually(accepted)
        await asyncio.to_thread(own_kafka.kill)
        for number in range(8):
            started = time.monotonic()
            answer = await vote(client, tokens[1], entry_id(1), "during-the-fall")
            assert time.monotonic() - started <= 2.0
            assert answer.status_code == 503, number
            assert int(answer.headers["retry-after"]) >= 1
        probe = await client.get("/readyz")
        assert (probe.status_code, probe.json()["reasons"]) == (200, ["votes: no broker answers"])
        await asyncio.to_thread(own_kafka.start)

        async def accepted_again() -> httpx.Response | None:
            answer = await vote(client, tokens[1], entry_id(1), "during-the-fall")
            return answer if answer.status_code == 202 else None

        answer = await eventually(accepted_again, seconds=40)
        async with worker(service, resources):
            await until(client, answer.json()["receipt"], "counted")
        totals = await _totals(client, contest_id)
        assert totals["counted"] == 2
        assert totals["received"] == totals["counted"] + totals["duplicate"]
