"""Notify's migrations."""

from services.notify.tables import Row
from shared.db import alembic_env

alembic_env.run(Row.metadata)
