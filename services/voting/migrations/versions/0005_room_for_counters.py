"""Leave room where counters change: every turn of the tally writes new versions of their rows."""

from alembic import op

revision = "0005"
down_revision = "0004"

_COUNTERS = ("entry_count", "partition_count")


def upgrade() -> None:
    for table in _COUNTERS:
        op.execute(f"ALTER TABLE {table} SET (fillfactor = 20)")


def downgrade() -> None:
    for table in _COUNTERS:
        op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
