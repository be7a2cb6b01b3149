"""What the log lacked when the vote opened, kept to be told with the result."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    # the default stays: workers of before open votes until the last one is replaced
    op.add_column("vote_window", sa.Column("waived", ARRAY(sa.String), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("vote_window", "waived")
