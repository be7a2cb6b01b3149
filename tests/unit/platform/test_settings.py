"""Settings come from the environment; a process can hand all of them on to another."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from pydantic import SecretStr

from shared.settings import SERVICE_NAMES, BrokerKind, Settings

SERVER = "postgresql://admin:secret@db.example:5433/postgres"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.delenv("SHOWCASE_DATABASE_URL", raising=False)


def test_service_dsn_is_derived_from_the_server() -> None:
    settings = Settings(database_url=SERVER, database_password=SecretStr("pw"))
    assert {name: settings.service_dsn(name) for name in SERVICE_NAMES} == {
        name: f"postgresql://showcase_{name}:pw@db.example:5433/showcase_{name}" for name in SERVICE_NAMES
    }


def test_service_dsn_keeps_a_password_of_any_letters() -> None:
    password = "p@ss/w:rd?#%"
    parts = urlsplit(
        Settings(database_url=SERVER, database_password=SecretStr(password)).service_dsn("intake")
    )
    assert (unquote(parts.password or ""), parts.hostname, parts.port) == (password, "db.example", 5433)


def test_service_dsn_without_a_password_and_with_options() -> None:
    settings = Settings(database_url="postgresql://db.example/postgres?sslmode=require")
    assert settings.service_dsn("voting") == (
        "postgresql://showcase_voting@db.example/showcase_voting?sslmode=require"
    )


def test_own_dsn_of_a_service_wins() -> None:
    settings = Settings(database_url=SERVER, notify_database_url="postgresql://n@elsewhere/n")
    assert settings.service_dsn("notify") == "postgresql://n@elsewhere/n"


def test_no_database_names_both_variables() -> None:
    with pytest.raises(ValueError, match="SHOWCASE_SCORING_DATABASE_URL or SHOWCASE_DATABASE_URL"):
        Settings(database_url="").service_dsn("scoring")


def test_given_servers_are_kafka_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().broker is BrokerKind.MEMORY
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
    assert Settings().broker is BrokerKind.KAFKA
    monkeypatch.setenv("SHOWCASE_BROKER", "memory")
    assert Settings().broker is BrokerKind.MEMORY


def test_environment_gives_another_process_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(
        var=Path("elsewhere"),
        bootstrap_servers="127.0.0.1:1",
        broker=BrokerKind.MEMORY,
        database_url=SERVER,
        session_private_key=SecretStr("-----BEGIN\nKEY-----"),
        secure_cookies=False,
        http_port=0,
    )
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings
