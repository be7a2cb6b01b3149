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


class DatabaseUnnamed(ValueError):
    """No setting names the database of a service; the message says which would."""


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
    """Root of notify's keys (second factors of those who sign, return paths, unsubscribe links, webhooks), 32
    bytes in hexadecimal."""

    codes_per_second: float = Field(default=50, gt=0)
    """How many ballot codes voting hands to the mail server or the gateway in a second, in all."""
    codes_per_second_and_provider: float = Field(default=25, gt=0)
    """The same for one mail domain: providers slow down who sends faster."""
    codes_in_flight: int = Field(default=16, ge=1, le=500)
    """How many of them are handed over at the same time."""
    codes_waiting: int = Field(default=200_000, ge=1)
    """With so many codes in the queue further requests are answered with 503."""
    friction_address: str = "20 100 500"
    """Code requests an hour of one IPv4 address (IPv6 /64) from which risk levels 1, 2 and 3 apply."""
    friction_network: str = "150 1000 5000"
    """The same of a /24 (IPv6 /48)."""
    friction_prefix: str = "3000 20000 100000"
    """The same of a /16 (IPv6 /32), about a carrier."""
    friction_puzzle: str = "150 600 2500 10000"
    """Derivations a puzzle takes at each level, 0 to 3; a phone does about 1,000 in a second."""
    friction_puzzle_cost: int = Field(default=1_000, ge=1)
    """PBKDF2 iterations of one derivation."""
    friction_seconds: str = "10 30 120 300"
    """How long a code waits at each level for those who solve no puzzle."""
    rehearsal_limit_factor: int = Field(default=1, ge=1)
    """In a rehearsal, and nowhere else, networks may do so many times more: its people sit on one machine."""
    sms_gateway_url: str = ""
    """Where codes by telephone are posted; see docs/operate/voter-identity.md."""
    sms_gateway_token: SecretStr = SecretStr("")
    sms_sender: str = "Showcase"
    oidc_issuer: str = ""
    """The OpenID Connect provider's issuer; its configuration lies under /.well-known."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")

    smtp_host: str = "127.0.0.1"
    smtp_port: int = 1025
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_starttls: bool = False
    mail_from: str = "no-reply@showcase.invalid"
    bounce_address: str = ""
    """Where undeliverable mail comes back to; each mail gets its own ``local+token@domain``. Empty =
    ``bounces@`` the domain of ``mail_from``."""
    bounce_host: str = "127.0.0.1"
    bounce_port: int = 8024
    """Where ``notices receive-reports`` of notify takes mail by LMTP; 0 takes any free port."""
    mail_connections: int = 4
    """Connections to the SMTP server at once."""
    mail_per_second: float = 200
    """Mails a second in all; 0 = as fast as the server takes them."""
    mail_per_domain_per_second: float = 20
    """Mails a second to one domain, such as gmail.com; 0 = no limit of its own."""
    quiet_hours: str = ""
    """Bangkok hours in which only urgent mail leaves, such as ``21:00-07:00``; empty = none."""
    webhooks_to_this_network: bool = False
    """Lets webhooks go to http and to private and loopback addresses; for tests and closed networks."""
    line_channel_token: SecretStr = SecretStr("")
    """Channel access token of the LINE Official Account."""
    line_api: str = "https://api.line.me"

    otlp_endpoint: str = ""
    """Where traces go (OTLP over HTTP); empty = traces are made and not exported."""
    log_json: bool = True
    log_level: str = "INFO"

    def service_dsn(self, service: ServiceName) -> str:
        """The DSN of ``service``'s own database.

        Raises:
            DatabaseUnnamed: neither ``SHOWCASE_<SERVICE>_DATABASE_URL`` nor ``SHOWCASE_DATABASE_URL`` is set.
        """
        own: str = getattr(self, f"{service}_database_url")
        if own:
            return own
        if not self.database_url:
            raise DatabaseUnnamed(
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
