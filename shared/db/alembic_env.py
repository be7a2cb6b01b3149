"""What every service's ``migrations/env.py`` calls: run the migrations on the connection that was given.

``shared.db.migrations.upgrade`` hands over an open connection. The ``alembic`` command line has
none, so the service's own settings name the database.
"""

import asyncio

from alembic import context
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.settings import SERVICE_NAMES, Settings


def run(metadata: MetaData) -> None:
    """Run what ``alembic`` was asked for; ``metadata`` is the service's, for autogenerate."""
    connection: Connection | None = context.config.attributes.get("connection")
    if connection is not None:
        _run_on(connection, metadata)
    else:
        asyncio.run(_run_from_settings(metadata))


def _run_on(connection: Connection, metadata: MetaData) -> None:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()


async def _run_from_settings(metadata: MetaData) -> None:
    location = context.config.get_main_option("script_location") or ""
    service = next(name for name in SERVICE_NAMES if f"services/{name}/" in f"{location}/")
    dsn = Settings().service_dsn(service).replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(dsn, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run_on, metadata)
        await connection.commit()
    await engine.dispose()
