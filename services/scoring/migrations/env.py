"""Alembic's environment; `shared.db.migrations` gives the connection."""

from alembic import context

from services.scoring.tables import Row

context.configure(connection=context.config.attributes["connection"], target_metadata=Row.metadata)
with context.begin_transaction():
    context.run_migrations()
