"""Who judges what, so that a judge can open the evidence."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "judge_list",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("judge_id", sa.String(), nullable=False),
        sa.Column("round", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("entry_ids", postgresql.ARRAY(sa.String()), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "judge_id", "round"),
    )
    op.create_index("judge_list_by_contact", "judge_list", ["contest_id", "contact_id"], unique=False)
    op.create_table(
        "recusal",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "contact_id", "entry_id"),
    )


def downgrade() -> None:
    op.drop_table("recusal")
    op.drop_index("judge_list_by_contact", table_name="judge_list")
    op.drop_table("judge_list")
