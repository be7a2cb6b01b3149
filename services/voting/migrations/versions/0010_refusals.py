"""What each api turned away for load, for the staff's board."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "refusal_count",
        sa.Column("process", sa.String, primary_key=True, nullable=False),
        sa.Column("reason", sa.String, primary_key=True, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("per_second", sa.Float, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("refusal_count")
