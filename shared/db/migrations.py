"""Alembic from the program: each service's migrations, and the tables that all of them share."""

import asyncio
import importlib
import importlib.util
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(7305808869231650416)")
"""Two processes that migrate the same database at once take turns."""
_alembic_is_global = asyncio.Lock()
"""Alembic keeps its environment in module globals, so one process migrates one database at a time."""


def _shared_metadata() -> tuple[MetaData, ...]:
    from shared.known.tables import KNOWN  # not above: `shared.db` lies below `shared.known`
    from shared.messaging.tables import MESSAGING

    return (MESSAGING, KNOWN)


def create_shared_tables(op: Operations) -> None:
    """Create the kit's tables (outbox, fence, rehearsal clock) and the read model of rulebooks and
    contacts. Called once, in a service's first migration, with Alembic's ``op``."""
    for metadata in _shared_metadata():
        metadata.create_all(op.get_bind(), checkfirst=False)


def drop_shared_tables(op: Operations) -> None:
    """Undo :func:`create_shared_tables`."""
    for metadata in _shared_metadata():
        metadata.drop_all(op.get_bind(), checkfirst=False)


def alembic_config(package: str) -> Config:
    """Alembic's configuration for ``package``, e.g. ``services.intake``; there is no ``alembic.ini``."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ValueError(f"there is no package {package}")
    config = Config()
    config.set_main_option("script_location", str(Path(spec.origin).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


async def upgrade(dsn: str, package: str, revision: str = "head") -> None:
    """Bring the database at ``dsn`` to ``revision`` of ``package``'s migrations, in one transaction."""
    config = alembic_config(package)

    def run(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    engine = create_async_engine(dsn.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=NullPool)
    try:
        async with _alembic_is_global, engine.begin() as connection:
            await connection.execute(_ONE_AT_A_TIME)
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def head(package: str) -> str:
    """The newest revision of ``package``'s migrations."""
    revision = ScriptDirectory.from_config(alembic_config(package)).get_current_head()
    if revision is None:
        raise ValueError(f"{package} has no migrations")
    return revision
