"""Codes go through a queue; what people typed lies sealed in a schema and under a role of its own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"

ROLE = "showcase_voting_identity"
_MAKE_ROLE = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
        CREATE ROLE {ROLE} NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN RAISE EXCEPTION
        'the role {ROLE} is missing: let an administrator run CREATE ROLE {ROLE} NOLOGIN; '
        'ALTER ROLE % NOINHERIT; GRANT {ROLE} TO %', current_user, current_user;
END $$
"""


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String, primary_key=key, nullable=False)


def upgrade() -> None:
    op.add_column("ballot_code", _instant("asked_at", nullable=True))
    op.execute("UPDATE ballot_code SET asked_at = sent_at")
    op.alter_column("ballot_code", "asked_at", nullable=False)
    op.alter_column("ballot_code", "sent_at", nullable=True)
    op.add_column("ballot_code", _instant("refused_at", nullable=True))
    for column, kind, before in (
        ("channel", sa.String, "email"),
        ("risk", sa.Integer, "0"),
        ("shared_network", sa.Boolean, "false"),
        ("proved", sa.Boolean, "false"),
    ):
        op.add_column("ballot_code", sa.Column(column, kind, nullable=False, server_default=before))
        op.alter_column("ballot_code", column, server_default=None)
    op.drop_index("ballot_code_subject", "ballot_code")
    op.create_index("ballot_code_subject", "ballot_code", ["contest_id", "subject", "asked_at"])
    op.create_table(
        "outgoing_code",
        _text("contest_id", key=True),
        _text("code_id", key=True),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        _text("channel"),
        _text("provider"),
        _text("language"),
        sa.Column("attempts", sa.Integer, nullable=False),
        _instant("queued_at"),
        _instant("due_at"),
        _instant("claimed_until", nullable=True),
    )
    op.create_index("outgoing_code_due", "outgoing_code", ["due_at", "code_id"])
    op.create_table(
        "spent_puzzle", _text("contest_id", key=True), _text("nonce", key=True), _instant("expires_at")
    )
    op.create_index("spent_puzzle_expires", "spent_puzzle", ["expires_at"])
    op.create_table(
        "identity_destruction",
        _text("contest_id", key=True),
        _text("destroyed_by"),
        _instant("destroyed_at"),
        sa.Column("report", JSONB, nullable=False),
    )
    op.execute(_MAKE_ROLE)
    op.execute(f"CREATE SCHEMA identity AUTHORIZATION {ROLE}")
    op.execute(f"SET LOCAL ROLE {ROLE}")
    op.create_table(
        "contact",
        _text("contest_id", key=True),
        sa.Column("subject", sa.LargeBinary, primary_key=True),
        _text("channel"),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        _instant("kept_at"),
        schema="identity",
    )
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute(f"SET LOCAL ROLE {ROLE}")
    op.execute("DROP SCHEMA identity CASCADE")
    op.execute("RESET ROLE")
    for table in ("identity_destruction", "spent_puzzle", "outgoing_code"):
        op.drop_table(table)
    op.drop_index("ballot_code_subject", "ballot_code")
    op.execute("DELETE FROM ballot_code WHERE sent_at IS NULL")
    op.alter_column("ballot_code", "sent_at", nullable=False)
    for column in ("asked_at", "refused_at", "channel", "risk", "shared_network", "proved"):
        op.drop_column("ballot_code", column)
    op.create_index("ballot_code_subject", "ballot_code", ["contest_id", "subject", "sent_at"])
