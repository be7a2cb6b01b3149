"""``showcase topics``, ``dlq`` and ``replay`` against a real broker, as scripts use them."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from shared.embedded.ports import free_port
from shared.messaging import Reject, Subscription
from shared.messaging.cli import app
from shared.messaging.envelope import Envelope
from shared.messaging.topics import TopicsDiffer, provision, verify
from shared.settings import Settings
from tests.protocol.fake_old_broker import old_broker
from tests.protocol.protocol_kit import Kit, TestTopic, ThingHappened, declare, until


@pytest.fixture
def run(kafka_settings: Settings, kit: Kit, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a command; the test's database stands in for notify's."""
    monkeypatch.setenv("SHOWCASE_BROKER", "kafka")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_settings.bootstrap_servers)
    monkeypatch.setenv("SHOWCASE_NOTIFY_DATABASE_URL", kit.database.dsn)

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))

    return run


async def two_dead_letters(kit: Kit, topic: TestTopic) -> None:
    async def refuse(session: object, event: ThingHappened, envelope: Envelope) -> None:
        raise Reject(f"no {event.number}")

    await kit.send(topic, topic.make(1), topic.make(2))
    async with kit.consuming(Subscription(kit.group, topic.name, {topic.event: refuse})):
        await until(lambda: kit.committed_count(topic) == 2)


async def test_dead_letters_are_listed_shown_and_sent_back_to_their_group_alone(
    kit: Kit, run: Callable[..., Any]
) -> None:
    topic = await kit.new_topic()
    await two_dead_letters(kit, topic)
    listed = await run("dlq", "list", kit.group, "--json")
    letters = json.loads(listed.stdout)
    assert listed.exit_code == 1
    assert [(letter["topic"], letter["record"], letter["reason"]) for letter in letters] == [
        (topic.name, "0:0", "no 1"),
        (topic.name, "0:1", "no 2"),
    ]

    shown = await run("dlq", "show", kit.group, letters[0]["letter"], "--json")
    full = json.loads(shown.stdout)
    assert json.loads(full["value"])["number"] == 1
    assert full["headers"]["ce_type"] == "showcase.test.ThingHappened.v1"
    assert full["whole"] is True

    assert (await run("dlq", "replay", kit.group, letters[1]["letter"])).exit_code == 0
    other = Kit(kit.settings, kit.database, f"{kit.group}-other", kit.new_topic, kit.producer)
    async with (
        kit.consuming(Subscription(kit.group, topic.name, {topic.event: kit.record_effect})),
        other.consuming(Subscription(other.group, topic.name, {topic.event: other.record_effect})),
    ):
        await until(lambda: kit.calls == [2])
        await until(lambda: other.committed_count(topic) == 3)
    assert other.calls == [1, 2]


async def test_what_does_not_exist_is_said_in_a_sentence(kit: Kit, run: Callable[..., Any]) -> None:
    none = await run("dlq", "list", "nobody")
    assert (none.exit_code, none.stdout) == (0, "No dead letters.\n")
    unknown = await run("dlq", "show", "nobody", "0:7")
    assert (unknown.exit_code, unknown.stderr) == (
        1,
        "there is no dead letter 0:7: `showcase dlq list` names them\n",
    )
    assert (await run("dlq", "replay", "nobody")).exit_code == 2
    assert (await run("replay", "notify", "--topic", "no.such.topic")).exit_code == 2
    assert (await run("replay", "nobody", "--topic", "intake.entry.v1")).exit_code == 2


async def test_original_that_is_not_kept_is_replayed_from_its_topic_instead(
    kit: Kit, run: Callable[..., Any]
) -> None:
    topic = await kit.new_topic(personal_data=True)
    await two_dead_letters(kit, topic)
    refused = await run("dlq", "replay", kit.group, "--all")
    assert refused.exit_code == 1
    assert f"showcase replay {kit.group} --topic {topic.name} --partition 0 --to 0" in refused.stderr
    where = ("--service", "notify", "--topic", topic.name)
    again = await run("replay", kit.group, *where, "--to", "1", "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout) == [{"partition": 0, "from": 2, "to": 1}]
    async with kit.consuming(Subscription(kit.group, topic.name, {topic.event: kit.record_effect})):
        await until(lambda: kit.calls == [2])


async def test_replay_to_an_offset_that_is_not_there_changes_nothing(
    kit: Kit, run: Callable[..., Any]
) -> None:
    topic = await kit.new_topic()
    await two_dead_letters(kit, topic)
    before = await kit.fences(topic)
    far = await run("replay", kit.group, "--service", "notify", "--topic", topic.name, "--to", "99")
    assert (far.exit_code, far.stderr) == (1, f"{topic.name} [0] has offsets 0 to 2, not 99\n")
    assert await kit.fences(topic) == before


async def test_topics_are_created_and_verified(run: Callable[..., Any]) -> None:
    assert (await run("topics", "create", "--group", "notify")).exit_code == 0
    assert json.loads((await run("topics", "create", "--json")).stdout) == []
    assert (await run("topics", "verify")).exit_code in (0, 1)  # other tests' groups may differ
    listed = json.loads((await run("topics", "list", "--json")).stdout)
    assert {"topic": "voting.vote.v1", "partitions": 6, "policy": "keep"}.items() <= {
        row["topic"]: row for row in listed
    }["voting.vote.v1"].items()


async def test_difference_in_partitions_or_settings_is_named(
    kafka_settings: Settings, fresh_name: Callable[[str], str]
) -> None:
    topic = declare(fresh_name("topic"), partitions=2)
    assert await provision(kafka_settings, [], [topic.topic]) == [topic.name]
    assert await provision(kafka_settings, [], [topic.topic]) == []
    other = declare(topic.name, partitions=5, compacted=True)
    assert await verify(kafka_settings, [], [other.topic]) == [
        f"topic {topic.name} has 2 partitions, the catalogue says 5",
        f"topic {topic.name} has cleanup.policy=delete, the catalogue says compact",
    ]
    with pytest.raises(TopicsDiffer, match="has 2 partitions"):
        await provision(kafka_settings, [], [other.topic])
    missing = declare(fresh_name("topic"))
    assert await verify(kafka_settings, [], [missing.topic]) == [
        f"topic {missing.name} is missing: run `showcase topics create`"
    ]


async def test_many_processes_may_provision_at_once(
    kafka_settings: Settings, fresh_name: Callable[[str], str]
) -> None:
    topics = [declare(fresh_name("topic"), partitions=3).topic for _ in range(5)]
    created = await asyncio.gather(*(provision(kafka_settings, ["g"], topics) for _ in range(4)))
    assert sorted(name for names in created for name in names if name != "g.dlq") == sorted(
        topic.name for topic in topics
    )


async def test_unreachable_broker_is_said_in_one_sentence(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", nowhere)
    failed = await run("topics", "verify")
    assert (failed.exit_code, failed.stderr) == (
        3,
        f"no Kafka broker answers at {nowhere}: start it, or correct KAFKA_BOOTSTRAP_SERVERS\n",
    )
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "")
    unnamed = await run("dlq", "list")
    assert (unnamed.exit_code, unnamed.stderr) == (
        3,
        "no Kafka broker is named: set KAFKA_BOOTSTRAP_SERVERS to host:port\n",
    )


@pytest.mark.parametrize("tells_versions", [False, True], ids=["0.9", "0.10"])
async def test_old_broker_is_said_in_one_sentence(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tells_versions: bool
) -> None:
    async with old_broker(tells_versions=tells_versions) as address:
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", address)
        failed = await run("topics", "create")
    assert failed.exit_code == 3
    assert f"the Kafka broker at {address} is too old for this program: upgrade it" in failed.stderr
    assert "\n" not in failed.stderr.strip()
