"""Real PostgreSQL, real Kafka; each test has its own topics, group and database."""

import itertools
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest

from shared.contracts import catalogue
from shared.db import Database
from shared.messaging.broker import make_producer
from shared.messaging.tables import MESSAGING
from shared.messaging.topics import provision
from shared.settings import Settings
from shared.testing.postgres import in_database
from tests.protocol.protocol_kit import TEST_TABLES, Kit, TestTopic, declare

_counter = itertools.count(1)
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs Kafka."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.kafka)


@pytest.fixture
async def kit_database(postgres_dsn: str) -> AsyncIterator[Database]:
    """A database with the kit's tables and the tests' own."""
    name = f"showcase_kit_{os.getpid()}_{next(_counter)}"
    admin = await asyncpg.connect(postgres_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    database = Database(in_database(postgres_dsn, name))
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(MESSAGING.create_all)
            await connection.run_sync(TEST_TABLES.create_all)
        yield database
    finally:
        await database.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
async def kit(
    kafka_settings: Settings,
    kit_database: Database,
    fresh_name: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Kit]:
    """Everything one test of the kit needs."""
    group = fresh_name("group")
    producer = make_producer(kafka_settings, max_request_size=16 * 1024 * 1024)
    await producer.start()

    async def new_topic(
        partitions: int = 1, *, compacted: bool = False, personal_data: bool = False, big: bool = False
    ) -> TestTopic:
        topic = declare(
            fresh_name("topic"),
            partitions=partitions,
            compacted=compacted,
            personal_data=personal_data,
            big=big,
        )
        monkeypatch.setitem(catalogue.TOPICS, topic.name, topic.topic)  # type: ignore[arg-type]
        await provision(kafka_settings, [group], [topic.topic])
        return topic

    kit = Kit(kafka_settings, kit_database, group, new_topic, producer)
    yield kit
    await kit.producer.stop()
