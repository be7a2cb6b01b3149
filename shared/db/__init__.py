"""PostgreSQL: one engine per service, one transaction per use case, migrations by Alembic."""

from shared.db.engine import Database

__all__ = ["Database"]
