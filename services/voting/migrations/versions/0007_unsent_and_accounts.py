"""A code that nobody took in time is told apart from a refused one; accounts leave a keyed hash."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("ballot_code", sa.Column("unsent_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "account_subject",
        sa.Column("contest_id", sa.String, primary_key=True),
        sa.Column("subject", sa.LargeBinary, primary_key=True),
    )


def downgrade() -> None:
    op.drop_table("account_subject")
    op.drop_column("ballot_code", "unsent_at")
