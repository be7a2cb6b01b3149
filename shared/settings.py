"""Settings of one process, read from the environment; only settings differ between the modes."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

ServiceName = Literal["intake", "scoring", "voting", "notify"]
SERVICE_NAMES: tuple[ServiceName, ...] = ("intake", "scoring", "voting", "notify")


class BrokerKind(StrEnum):
    """``memory`` keeps nothing over a restart and knows no idempotent producer; ``kafka`` is Apache Kafka."""

    MEMORY = "memory"
    KAFKA = "kafka"


def _broker_of(given: dict[str, Any]) -> BrokerKind:
    return BrokerKind.KAFKA if given.get("bootstrap_servers") else BrokerKind.MEMORY


class Settings(BaseSettings):
    """Everything a process is told from outside. Every variable starts with ``SHOWCASE_``.

    What should not stand in the environment may lie in a file of the same name, in lower case, in
    the folder that SHOWCASE_SECRETS_DIR names: ``showcase_session_private_key``.
    """

    model_config = SettingsConfigDict(
        env_prefix="SHOWCASE_",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        secrets_dir=os.environ.get("SHOWCASE_SECRETS_DIR") or None,
    )

    var: Path = Path("var")
    """Where the embedded mode keeps its data, keys and addresses."""
    bootstrap_servers: str = Field(
        default="",
        validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS", "SHOWCASE_BOOTSTRAP_SERVERS"),
    )
    broker: BrokerKind = Field(default_factory=lambda given: _broker_of(given))
    """``kafka`` where ``bootstrap_servers`` are given and nothing else is said."""
    replication_factor: int = 1
    min_insync_replicas: int = 1

    database_url: str = ""
    """DSN of the PostgreSQL server, ``postgresql://user:password@host:port/postgres``; each service
    uses its own database and role there, named ``showcase_<service>``."""
    intake_database_url: str = ""
    scoring_database_url: str = ""
    voting_database_url: str = ""
    notify_database_url: str = ""
    database_password: SecretStr = SecretStr("")
    """Password of the four service roles where ``database_url`` is used to derive their DSNs."""

    http_host: str = "127.0.0.1"
    """Where the process listens; every process answers ``/healthz /readyz /metrics`` there."""
    http_port: int = 8000
    """0 takes any free port."""
    public_url: str = "http://127.0.0.1:8080"
    """The one origin under which people reach the pages."""
    session_private_key: SecretStr = SecretStr("")
    """Ed25519 private key (PEM) that signs sessions; intake's alone."""
    session_public_key: str = ""
    """Ed25519 public key (PEM) by which every service verifies them."""
    session_hours: int = 12
    secure_cookies: bool = True
    voting_secret: SecretStr = SecretStr("")
    """Root of voting's keys (voter ids, receipts, salts, ballot tokens), 32 bytes in hexadecimal."""
    notify_secret: SecretStr = SecretStr("")
    """Root of notify's keys (second factors of those who sign), 32 bytes in hexadecimal."""

    smtp_host: str = "127.0.0.1"
    smtp_port: int = 1025
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_starttls: bool = False
    mail_from: str = "no-reply@showcase.invalid"

    otlp_endpoint: str = ""
    """Where traces go (OTLP over HTTP); empty = traces are made and not exported."""
    log_json: bool = True
    log_level: str = "INFO"

    def service_dsn(self, service: ServiceName) -> str:
        """The DSN of ``service``'s own database.

        Raises:
            ValueError: neither ``SHOWCASE_<SERVICE>_DATABASE_URL`` nor ``SHOWCASE_DATABASE_URL`` is set.
        """
        own: str = getattr(self, f"{service}_database_url")
        if own:
            return own
        if not self.database_url:
            raise ValueError(
                f"no database for {service}: set SHOWCASE_{service.upper()}_DATABASE_URL "
                "or SHOWCASE_DATABASE_URL"
            )
        parts = urlsplit(self.database_url)
        role = f"showcase_{service}"
        password = self.database_password.get_secret_value()
        host = parts.netloc.rpartition("@")[2]
        credentials = f"{role}:{quote(password, safe='')}" if password else role
        return urlunsplit(parts._replace(netloc=f"{credentials}@{host}", path=f"/{role}"))

    def environment(self) -> dict[str, str]:
        """The variables that give another process the same settings."""
        variables = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            key = "KAFKA_BOOTSTRAP_SERVERS" if name == "bootstrap_servers" else f"SHOWCASE_{name.upper()}"
            variables[key] = str(value)
        return variables
