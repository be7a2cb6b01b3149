"""Alembic's environment for intake."""

from services.intake.tables import Row
from shared.db.alembic_env import run

run(Row.metadata)
