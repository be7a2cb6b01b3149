"""Settings decide what the clients may rely on."""

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.contracts.event import Event
from shared.contracts.intake import BriefingCancelled
from shared.db import Database
from shared.embedded import kafka_java
from shared.messaging.broker import BrokerUnavailable, bootstrap_servers, make_producer, subscriber_options
from shared.messaging.consume import Consumers
from shared.messaging.envelope import Envelope
from shared.messaging.subscription import Subscription
from shared.settings import BrokerKind, Settings
from shared.startup import CannotStart


def settings(kind: BrokerKind) -> Settings:
    return Settings(broker=kind, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1, 127.0.0.1:2")


async def test_kafka_gets_an_idempotent_producer_and_the_memory_broker_does_not() -> None:
    kafka = make_producer(settings(BrokerKind.KAFKA))
    memory = make_producer(settings(BrokerKind.MEMORY))
    assert kafka._txn_manager is not None
    assert memory._txn_manager is None
    assert kafka._sender._acks == memory._sender._acks == -1
    lz4, none = 3, 0
    assert kafka._message_accumulator._compression_type == lz4
    assert memory._message_accumulator._compression_type == none


def test_memory_broker_is_asked_with_short_waits() -> None:
    assert 20 <= subscriber_options(settings(BrokerKind.MEMORY))["fetch_max_wait_ms"] <= 50
    assert subscriber_options(settings(BrokerKind.KAFKA))["fetch_max_wait_ms"] > 50


@pytest.mark.parametrize("kind", BrokerKind)
def test_groups_start_at_the_first_record(kind: BrokerKind) -> None:
    assert subscriber_options(settings(kind))["auto_offset_reset"] == "earliest"


def test_no_address_is_said_at_once() -> None:
    with pytest.raises(BrokerUnavailable, match="set KAFKA_BOOTSTRAP_SERVERS"):
        bootstrap_servers(Settings(KAFKA_BOOTSTRAP_SERVERS=" , "))
    assert bootstrap_servers(settings(BrokerKind.KAFKA)) == ["127.0.0.1:1", "127.0.0.1:2"]


async def test_group_that_reads_a_topic_twice_is_refused() -> None:
    async def handle(session: AsyncSession, event: Event, envelope: Envelope) -> None: ...

    twice = Subscription("g", "intake.briefing.v1", {BriefingCancelled: handle})
    with pytest.raises(ValueError, match="group g subscribes to a topic twice"):
        Consumers(settings(BrokerKind.KAFKA), "test", Database("postgresql://nowhere/x"), [twice, twice])


def test_missing_java_and_old_java_say_what_to_install(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(CannotStart, match="install Java 17"):
        kafka_java.java()
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    with pytest.raises(CannotStart, match=r"Java 11\.0\.2 is too old"):
        kafka_java.java()


def test_missing_maven_says_what_to_install(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotStart, match="install Maven"):
        kafka_java.jars(tmp_path)
