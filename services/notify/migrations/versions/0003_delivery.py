"""Review before sending, suppression, reminders stopped, paces, digests and webhooks.

Revision ID: 0003
Revises: 0002
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def _columns() -> "tuple[sa.Column[Any], ...]":
    return (
        sa.Column("event", sa.String(), nullable=False, server_default=""),
        sa.Column("review", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("reminder", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("urgent", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("words", JSONB(none_as_null=True), nullable=True),
        sa.Column("reviewed_by", sa.String(), nullable=False, server_default=""),
        sa.Column("reviewed_at", _INSTANT, nullable=True),
        sa.Column("bounces", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("domain", sa.String(), nullable=False, server_default=""),
        sa.Column("status", sa.String(), nullable=False, server_default=""),
        sa.Column("read_at", _INSTANT, nullable=True),
    )


_DEFAULTED = ("event", "review", "reminder", "urgent", "reviewed_by", "bounces", "domain", "status")
_TABLES = ("notice_step", "suppression", "reminder_stop", "sending_pace", "digest_day", "webhook")


def _text(name: str, *, key: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String(), nullable=False, primary_key=key)


def upgrade() -> None:
    for column in _columns():
        op.add_column("notice", column)
    for name in _DEFAULTED:
        op.alter_column("notice", name, server_default=None)
    op.create_index("notice_by_state", "notice", ["contest_id", "state"])
    op.create_index("notice_by_message", "notice", ["message_id"])
    op.create_index("notice_by_id", "notice", ["notice_id"])
    op.create_table(
        "notice_step",
        _text("contest_id", key=True),
        _text("step_id", key=True),
        _text("notice_id"),
        _text("step"),
        _text("by"),
        sa.Column("at", _INSTANT, nullable=False),
        _text("note"),
    )
    op.create_index("notice_step_of", "notice_step", ["contest_id", "notice_id"])
    op.create_table(
        "suppression",
        _text("contest_id", key=True),
        _text("address", key=True),
        _text("reason"),
        _text("status"),
        _text("detail"),
        _text("notice_id"),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("lifted_at", _INSTANT, nullable=True),
        _text("lifted_by"),
    )
    op.create_table(
        "reminder_stop",
        _text("contest_id", key=True),
        _text("contact_id", key=True),
        sa.Column("at", _INSTANT, nullable=False),
        _text("by"),
    )
    op.create_table(
        "sending_pace",
        _text("contest_id", key=True),
        _text("channel", key=True),
        _text("domain", key=True),
        sa.Column("free_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "digest_day",
        _text("contest_id", key=True),
        sa.Column("day", sa.Date(), primary_key=True, nullable=False),
    )
    op.create_table(
        "webhook",
        _text("contest_id", key=True),
        _text("webhook_id", key=True),
        _text("name"),
        _text("url"),
        sa.Column("events", JSONB(none_as_null=True), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("old_secret", sa.LargeBinary(), nullable=True),
        sa.Column("old_until", _INSTANT, nullable=True),
        sa.Column("paused_at", _INSTANT, nullable=True),
        _text("paused_reason"),
        _text("made_by"),
        sa.Column("made_at", _INSTANT, nullable=False),
    )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
    for index in ("notice_by_state", "notice_by_message", "notice_by_id"):
        op.drop_index(index, table_name="notice")
    for column in _columns():
        op.drop_column("notice", column.name)
