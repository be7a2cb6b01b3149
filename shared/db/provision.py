"""One database and one role for each service, made from an administrator's DSN.

A role owns its database and nothing else; no other service's role can connect to it. Voting has a
second role, which nobody signs in as and which alone may read what voters typed: voting's own steps into
it for that statement and no longer.
"""

from collections.abc import Iterable, Mapping

import asyncpg

from shared.settings import SERVICE_NAMES, ServiceName

KEEPERS: Mapping[ServiceName, str] = {"voting": "showcase_voting_identity"}
"""The role of a service that owns its personal data, where it has one."""
LAYOUT = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'"
"""Texts are compared byte by byte: almost all of them are codes, and finding a vote by a language's
alphabet costs several times as much. What people read in order is sorted where it is shown."""


def role_of(service: ServiceName) -> str:
    """The name of the service's role, and of its database."""
    return f"showcase_{service}"


async def provision(
    admin_dsn: str, password: str, *, services: Iterable[ServiceName] = SERVICE_NAMES
) -> None:
    """Create what is missing and set the roles' password; safe to repeat.

    Raises:
        OSError, asyncpg.PostgresError: the server cannot be reached, or the role of ``admin_dsn``
            may not create roles and databases.
    """
    connection = await asyncpg.connect(admin_dsn)
    try:
        for service in services:
            await _provision(connection, role_of(service), password)
            if service in KEEPERS:
                await _keeper(connection, role_of(service), KEEPERS[service])
    finally:
        await connection.close()


async def _provision(connection: asyncpg.Connection, role: str, password: str) -> None:
    quoted = _literal(password)
    if await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        await connection.execute(f"ALTER ROLE {role} LOGIN PASSWORD {quoted}")
    else:
        await connection.execute(
            f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {quoted}"
        )
    if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", role):
        # an administrator who is not a superuser may hand a database only to a role they are a member of
        if not await connection.fetchval("SELECT pg_has_role(current_user, $1, 'MEMBER')", role):
            await connection.execute(f"GRANT {role} TO CURRENT_USER")
        await connection.execute(f"CREATE DATABASE {role} OWNER {role} {LAYOUT}")
    await connection.execute(f"REVOKE ALL ON DATABASE {role} FROM PUBLIC")


async def _keeper(connection: asyncpg.Connection, role: str, keeper: str) -> None:
    """Let ``role`` step into ``keeper`` (SET ROLE) without inheriting what it may do."""
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", keeper):
        await connection.execute(f"CREATE ROLE {keeper} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
    await connection.execute(f"ALTER ROLE {role} NOINHERIT")
    await connection.execute(f"GRANT {keeper} TO {role}")


def _literal(value: str) -> str:
    """``value`` as an SQL string; utility statements take no parameters."""
    if "\x00" in value or "\\" in value:
        raise ValueError("a database password must not contain a backslash or a NUL byte")
    return "'" + value.replace("'", "''") + "'"
