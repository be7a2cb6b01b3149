"""PostgreSQL: one engine per service, one transaction per use case, migrations by Alembic."""

from shared.db.engine import Database, take_time

__all__ = ["Database", "take_time"]
