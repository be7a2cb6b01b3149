"""Signals of votes, the detectors' cases, and the votes they hold."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String, primary_key=key, nullable=False)


def _maybe(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String, nullable=True)


def _integer(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _voter() -> tuple[sa.Column[str], ...]:
    return tuple(_text(name, key=True) for name in ("contest_id", "slot", "voter_id"))


def upgrade() -> None:
    for name in ("domain", "shape"):
        column = sa.Column(name, sa.String, nullable=False, server_default="")
        op.add_column("issued_ballot", column)
        op.alter_column("issued_ballot", name, server_default=None)
    op.create_table(
        "vote_signal",
        *_voter(),
        *map(_text, ("entry_id", "network", "agent", "agent_class", "domain", "mail_class", "shape")),
        _integer("age", nullable=True),
        _instant("cast_at"),
    )
    op.create_table(
        "fraud_pass",
        _text("contest_id", key=True),
        sa.Column("read_up_to", JSONB, nullable=False),
        _instant("passed_at"),
    )
    op.create_table(
        "fraud_case",
        _text("contest_id", key=True),
        _text("case_id", key=True),
        *map(_text, ("entry_id", "detectors", "reason_th", "reason_en")),
        sa.Column("findings", JSONB, nullable=False),
        _integer("votes"),
        _integer("parts"),
        _text("state"),
        _instant("opened_at"),
        _maybe("choice"),
        _text("choice_reason"),
        _maybe("chosen_by"),
        _instant("chosen_at", nullable=True),
        _maybe("decided_by"),
        _instant("decided_at", nullable=True),
    )
    op.create_index("fraud_case_open", "fraud_case", ["contest_id", "entry_id", "detectors"])
    op.create_table("held_vote", *_voter(), *map(_text, ("case_id", "receipt_id")), _integer("partition"))
    op.create_index("held_vote_case", "held_vote", ["contest_id", "case_id"])


def downgrade() -> None:
    for table in ("held_vote", "fraud_case", "fraud_pass", "vote_signal"):
        op.drop_table(table)
    for name in ("shape", "domain"):
        op.drop_column("issued_ballot", name)
