"""Servers in containers, for tests where a Docker engine answers.

Ports are published on the loopback only. ``TC_NETWORK_MODE`` names another network mode for
engines without bridges (``slirp4netns``, ``host``).
"""

import os
from typing import Any, Self

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

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
