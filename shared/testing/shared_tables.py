"""A database that has only the tables which every service has; for tests of ``shared``."""

import itertools
import os
from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.db import Database
from shared.known.tables import KNOWN
from shared.messaging.tables import MESSAGING
from shared.testing.postgres import in_database

_counter = itertools.count(1)


@pytest.fixture
async def shared_database(postgres_dsn: str) -> AsyncIterator[Database]:
    """A fresh database with the kit's tables and the read model."""
    name = f"showcase_test_{os.getpid()}_shared_{next(_counter)}"
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    database = Database(in_database(postgres_dsn, name))
    try:
        async with database.engine.begin() as tables:
            await tables.run_sync(MESSAGING.create_all)
            await tables.run_sync(KNOWN.create_all)
        yield database
    finally:
        await database.close()
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()
