"""Notify's migrations."""

from services.notify import certificate_tables, register_tables, sending_tables  # noqa: F401  # they join the metadata
from services.notify.tables import Row
from shared.db import alembic_env

alembic_env.run(Row.metadata)
