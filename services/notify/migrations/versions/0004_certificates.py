"""Certificates wait for the winner's word on the name, and keep their history.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificate_step",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "serial", "position"),
    )
    op.add_column(
        "certificate", sa.Column("template", sa.String(), nullable=False, server_default="certificate")
    )
    op.add_column("certificate", sa.Column("token_sha256", sa.String(), nullable=False, server_default=""))
    op.add_column("certificate", sa.Column("proposed", sa.String(), nullable=False, server_default=""))
    op.add_column("certificate", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    for column in ("template", "token_sha256", "proposed"):
        op.alter_column("certificate", column, server_default=None)
    # What was issued before had the name that was entered.
    op.execute("UPDATE certificate SET confirmed_at = issued_at WHERE sha256 <> ''")
    op.drop_constraint("certificate_once", "certificate", type_="unique")
    op.create_index(
        "certificate_once",
        "certificate",
        ["contest_id", "award_id", "entry_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_index("certificate_by_token", "certificate", ["token_sha256"])


def downgrade() -> None:
    op.drop_index("certificate_by_token", "certificate")
    op.drop_index("certificate_once", "certificate")
    op.create_unique_constraint("certificate_once", "certificate", ["contest_id", "award_id", "entry_id"])
    for column in ("confirmed_at", "proposed", "token_sha256", "template"):
        op.drop_column("certificate", column)
    op.drop_table("certificate_step")
