"""Servers in containers, for tests where a Docker engine answers.

Ports are published on the loopback only. ``TC_NETWORK_MODE`` names another network mode for
engines without bridges (``slirp4netns``, ``host``).
"""

import os
from typing import Any, Self

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from shared.embedded.kafka_java import KAFKA_VERSION
from shared.embedded.ports import free_port

NETWORK_MODE = os.environ.get("TC_NETWORK_MODE")
_PASSWORD = "test"


class LocalContainer(DockerContainer):
    """A container whose ports are published on 127.0.0.1 only."""

    def __init__(self, image: str, **options: Any) -> None:
        if NETWORK_MODE:
            options["network_mode"] = NETWORK_MODE
        super().__init__(image, **options)

    def with_exposed_ports(self, *ports: str | int) -> Self:
        if NETWORK_MODE != "host":
            published: dict[str, Any] = {f"{port}/tcp": ("127.0.0.1", None) for port in ports}
            self.ports.update(published)
        return self

    def get_exposed_port(self, port: int) -> int:
        return port if NETWORK_MODE == "host" else int(super().get_exposed_port(port))


class PostgresServer(LocalContainer):
    """The official PostgreSQL image, without fsync."""

    def __init__(self, image: str = "postgres:16") -> None:
        super().__init__(image)
        self.port = 5432
        self.with_exposed_ports(self.port)
        self.with_env("POSTGRES_PASSWORD", _PASSWORD)
        self.with_command("postgres -c fsync=off -c synchronous_commit=off -c max_connections=100")

    @property
    def dsn(self) -> str:
        """The administrator's DSN."""
        return f"postgresql://postgres:{_PASSWORD}@127.0.0.1:{self.get_exposed_port(self.port)}/postgres"

    def start(self) -> Self:
        super().start()
        # it starts once to make its data and once more to stay
        LogMessageWaitStrategy(
            "database system is ready to accept connections", times=2
        ).with_startup_timeout(60).wait_until_ready(self)
        return self


class KafkaServer(LocalContainer):
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

    def start(self) -> Self:
        super().start()
        script = (
            f"export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://{self.bootstrap_servers}; "
            "exec /etc/kafka/docker/run"
        )
        target = self._SCRIPT
        self.exec(["bash", "-c", f"echo '{script}' > {target}.t && mv {target}.t {target}"])
        LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(60).wait_until_ready(self)
        return self
