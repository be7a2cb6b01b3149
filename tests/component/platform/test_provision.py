"""Four databases, four roles, and walls between them."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from shared.db.migrations import upgrade
from shared.db.provision import provision, role_of
from shared.settings import SERVICE_NAMES, Settings


@pytest.fixture(scope="module")
async def provisioned(postgres_dsn: str) -> AsyncIterator[Settings]:
    await provision(postgres_dsn, "o'clock")
    await provision(postgres_dsn, "o'clock")  # a second start changes nothing
    yield Settings(database_url=postgres_dsn, database_password="o'clock")
    connection = await asyncpg.connect(postgres_dsn)
    for service in SERVICE_NAMES:
        await connection.execute(f"DROP DATABASE {role_of(service)} WITH (FORCE)")
        await connection.execute(f"DROP ROLE {role_of(service)}")
    await connection.close()


async def test_each_role_owns_its_database(provisioned: Settings) -> None:
    for service in SERVICE_NAMES:
        connection = await asyncpg.connect(provisioned.service_dsn(service))
        await connection.execute("CREATE TABLE mine (id int PRIMARY KEY)")
        who = await connection.fetchrow("SELECT current_user::text, current_database()::text")
        await connection.close()
        assert who
        assert tuple(who) == (role_of(service), role_of(service))


@pytest.mark.parametrize("other", ["scoring", "voting", "notify"])
async def test_a_role_cannot_connect_to_anothers_database(provisioned: Settings, other: str) -> None:
    own = urlsplit(provisioned.service_dsn("intake"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await asyncpg.connect(urlunsplit(own._replace(path=f"/showcase_{other}")))


async def test_voting_steps_into_the_vault_s_role_and_inherits_nothing_of_it(provisioned: Settings) -> None:
    await upgrade(provisioned.service_dsn("voting"), "services.voting")
    connection = await asyncpg.connect(provisioned.service_dsn("voting"))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="schema identity"):
            await connection.fetch("SELECT * FROM identity.contact")
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE showcase_voting_identity")
            assert await connection.fetchval("SELECT count(*) FROM identity.contact") == 0
        other = await asyncpg.connect(provisioned.service_dsn("intake"))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await other.execute("SET ROLE showcase_voting_identity")
        await other.close()
    finally:
        await connection.close()


async def test_a_role_makes_neither_roles_nor_databases(provisioned: Settings) -> None:
    connection = await asyncpg.connect(provisioned.service_dsn("voting"))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE DATABASE another")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE ROLE another")
    finally:
        await connection.close()
