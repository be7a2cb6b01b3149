"""Real PostgreSQL for tests: one server for the run, a fresh migrated database for each test.

The server is the one that SHOWCASE_DATABASE_URL names, else a container where a Docker engine
answers, else the wheel's. Each service's migrations run once, into a template database; a test
gets a copy of it, which takes some 30 ms.
"""

import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from shared.db import Database
from shared.db.migrations import upgrade
from shared.db.provision import LAYOUT
from shared.embedded.postgres import FAST, SMALL, EmbeddedPostgres
from shared.settings import ServiceName
from shared.testing.docker import docker_answers

_counter = itertools.count(1)


def in_database(dsn: str, name: str) -> str:
    """``dsn`` with another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """An administrator's DSN of the run's PostgreSQL server."""
    given = os.environ.get("SHOWCASE_DATABASE_URL")
    if given:
        yield given
        return
    with ExitStack() as stack:
        yield _from_container(stack) if docker_answers() else _from_wheel(stack)


def _from_wheel(stack: ExitStack) -> str:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="showcase-pg-")))
    server = EmbeddedPostgres(folder / "data", password="test", settings=SMALL | FAST)
    stack.callback(server.stop)
    return server.start()


def _from_container(stack: ExitStack) -> str:
    from shared.testing.containers import PostgresServer

    return stack.enter_context(PostgresServer()).dsn


class Templates:
    """The template databases of this run, made when first asked for."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._made: set[str] = set()

    async def template_of(self, service: ServiceName) -> str:
        """The name of the service's migrated template."""
        name = f"showcase_test_{os.getpid()}_{service}"
        if name not in self._made:
            await self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await self._execute(f"CREATE DATABASE {name} {LAYOUT}")
            await upgrade(in_database(self._dsn, name), f"services.{service}")
            self._made.add(name)
        return name

    @asynccontextmanager
    async def database(self, service: ServiceName) -> AsyncIterator[Database]:
        """A fresh copy of the template, dropped afterwards."""
        template = await self.template_of(service)
        name = f"{template}_{next(_counter)}"
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        database = Database(in_database(self._dsn, name))
        try:
            yield database
        finally:
            await database.close()
            await self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def drop_all(self) -> None:
        """Leave nothing behind on a server that outlives the run."""
        for name in self._made:
            await self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
async def database_templates(postgres_dsn: str) -> AsyncIterator[Templates]:
    """The run's template databases."""
    templates = Templates(postgres_dsn)
    yield templates
    await templates.drop_all()


@pytest.fixture
async def intake_database(database_templates: Templates) -> AsyncIterator[Database]:
    """intake's database, migrated and empty."""
    async with database_templates.database("intake") as database:
        yield database


@pytest.fixture
async def scoring_database(database_templates: Templates) -> AsyncIterator[Database]:
    """scoring's database, migrated and empty."""
    async with database_templates.database("scoring") as database:
        yield database


@pytest.fixture
async def voting_database(database_templates: Templates) -> AsyncIterator[Database]:
    """voting's database, migrated and empty."""
    async with database_templates.database("voting") as database:
        yield database


@pytest.fixture
async def notify_database(database_templates: Templates) -> AsyncIterator[Database]:
    """notify's database, migrated and empty."""
    async with database_templates.database("notify") as database:
        yield database
