"""What must be true of the database before a process starts to work."""

import asyncio
import time
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared.db import Database
from shared.db.migrations import head
from shared.startup import CannotStart


def place_of(dsn: str) -> str:
    """Host, port and database of ``dsn``, without its password."""
    parts = urlsplit(dsn)
    return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"


async def wait_for_database(dsn: str, seconds: float = 20.0) -> None:
    """Return when PostgreSQL takes a connection.

    Raises:
        CannotStart: it does not within ``seconds``, or refuses the role.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection = await asyncpg.connect(dsn, timeout=5)
        except (
            OSError,
            TimeoutError,
            asyncpg.CannotConnectNowError,
            asyncpg.TooManyConnectionsError,
        ) as error:
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"No PostgreSQL answers at {place_of(dsn)} ({type(error).__name__}): "
                    "start it, or correct SHOWCASE_DATABASE_URL."
                ) from error
            await asyncio.sleep(0.3)
        except (asyncpg.PostgresError, ValueError) as error:
            raise CannotStart(
                f"PostgreSQL refuses the connection to {place_of(dsn)} ({error}): "
                "correct the role, its password or the database's name."
            ) from error
        else:
            await connection.close()
            return


async def database_ready(database: Database, package: str) -> None:
    """Check that the database is at the newest revision of ``package``'s migrations.

    Raises:
        CannotStart: it is not.
    """
    wanted = head(package)
    try:
        async with database.engine.connect() as connection:
            found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError:
        found = None
    if found != wanted:
        raise CannotStart(
            f"The database {place_of(database.dsn)} is at revision {found or 'none'} and {wanted} is needed: "
            f"run 'python -m {package} migrate' first."
        )
