"""What the log lacked when the vote opened, kept to be told with the result."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("vote_window", sa.Column("waived", ARRAY(sa.String), nullable=False, server_default="{}"))
    op.alter_column("vote_window", "waived", server_default=None)


def downgrade() -> None:
    op.drop_column("vote_window", "waived")
