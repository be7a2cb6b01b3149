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
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from shared.contracts.ids import new_id
from shared.embedded.kafka_java import KAFKA_VERSION, KafkaJava
from shared.embedded.ports import free_port
from shared.settings import BrokerKind, Settings
from shared.testing.containers import NETWORK_MODE, LocalContainer
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
    return stack.enter_context(KafkaContainer()).bootstrap_servers


class KafkaContainer(LocalContainer):
    """The apache/kafka image in KRaft mode. The advertised port is known only once the container
    runs, so the broker waits for a script that we put there."""

    _SCRIPT = "/var/tmp/start.sh"  # noqa: S108 - inside the container

    def __init__(self, image: str = f"apache/kafka:{KAFKA_VERSION}") -> None:
        super().__init__(image)
        on_host = NETWORK_MODE == "host"
        self._port, controller = (free_port(), free_port()) if on_host else (9092, 9093)
        bind = "127.0.0.1" if on_host else "0.0.0.0"  # noqa: S104 - inside the container
        self.with_exposed_ports(self._port)
        for name, value in {
            "NODE_ID": "1",
            "PROCESS_ROLES": "broker,controller",
            "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "LISTENERS": f"PLAINTEXT://{bind}:{self._port},CONTROLLER://127.0.0.1:{controller}",
            "LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "CONTROLLER_QUORUM_VOTERS": f"1@127.0.0.1:{controller}",
            "LOG_DIRS": "/tmp/kafka-data",  # noqa: S108 - inside the container
            "AUTO_CREATE_TOPICS_ENABLE": "false",
            "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "OFFSETS_TOPIC_NUM_PARTITIONS": "4",
            "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
            "HEAP_OPTS": "-Xms128m -Xmx512m",
        }.items():
            self.with_env(f"KAFKA_{name}", value)
        waiting = f"until [ -s {self._SCRIPT} ]; do sleep .1; done; exec bash {self._SCRIPT}"
        self.with_command(["bash", "-c", waiting])

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.get_exposed_port(self._port)}"

    def start(self) -> "KafkaContainer":
        super().start()
        script = (
            f"export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://{self.bootstrap_servers}; "
            "exec /etc/kafka/docker/run"
        )
        target = self._SCRIPT
        self.exec(["bash", "-c", f"echo '{script}' > {target}.t && mv {target}.t {target}"])
        LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(60).wait_until_ready(self)
        return self
