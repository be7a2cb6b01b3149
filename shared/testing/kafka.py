"""Real Apache Kafka for tests: one broker for the run.

It is the one that KAFKA_BOOTSTRAP_SERVERS names, else a container where a Docker engine answers,
else Kafka's jars on the local Java. Tests take their own topics and groups, so they share it.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from shared.contracts.ids import new_id
from shared.embedded.kafka_java import KafkaJava
from shared.settings import BrokerKind, Settings
from shared.testing.docker import docker_answers


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap servers of the run's Kafka."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield given
        return
    with ExitStack() as stack:
        yield _from_container(stack) if docker_answers() else _from_java(stack)


@pytest.fixture(scope="session")
def kafka_settings(kafka: str) -> Settings:
    """Settings of a process that uses the run's Kafka."""
    return settings_for_kafka(kafka)


@pytest.fixture
def own_kafka() -> Iterator[KafkaJava]:
    """A broker for one test alone, which may kill it. Always on the local Java."""
    folder = Path(tempfile.mkdtemp(prefix="showcase-kafka-"))
    broker = KafkaJava(folder, heap="384m")
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def fresh_name() -> Callable[[str], str]:
    """Names of groups and topics that no other test has: ``fresh_name("tally")``."""
    return lambda prefix: f"{prefix}-{new_id()[-12:]}"


def settings_for_kafka(bootstrap_servers: str) -> Settings:
    """Settings that say: Apache Kafka, there."""
    return Settings(broker=BrokerKind.KAFKA, KAFKA_BOOTSTRAP_SERVERS=bootstrap_servers)


def _from_java(stack: ExitStack) -> str:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="showcase-kafka-")))
    broker = KafkaJava(folder)
    stack.callback(broker.kill)
    return broker.start()


def _from_container(stack: ExitStack) -> str:
    # testcontainers takes a second to load, and most machines have no Docker engine
    from shared.testing.containers import KafkaServer

    return stack.enter_context(KafkaServer()).bootstrap_servers
