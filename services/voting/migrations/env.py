"""Alembic's environment for voting."""

from services.voting.tables import Row
from shared.db.alembic_env import run

run(Row.metadata)
