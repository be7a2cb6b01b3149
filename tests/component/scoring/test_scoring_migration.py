"""The migration makes exactly the tables that the code describes."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from services.scoring.tables import Row
from shared.db import Database
from shared.known.tables import KNOWN
from shared.messaging.tables import MESSAGING


async def test_migrated_database_equals_the_tables(scoring_database: Database) -> None:
    shared = {*MESSAGING.tables, *KNOWN.tables, "alembic_version"}

    def differences(connection: Connection) -> list[object]:
        options = {"include_name": lambda name, kind, _: kind != "table" or name not in shared}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), Row.metadata))

    async with scoring_database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
