"""Scoring's tables, and those that every service has."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.db.migrations import create_shared_tables, drop_shared_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "assignment",
    "committee_decision",
    "counted_score",
    "decision",
    "entry",
    "entry_total",
    "judge",
    "person",
    "popular_vote",
    "presentation_slot",
    "recusal",
    "score",
    "score_amendment",
    "signature",
)


def upgrade() -> None:
    create_shared_tables(op)  # type: ignore[arg-type]  # the module is a proxy of Operations
    op.create_table(
        "assignment",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("round", sa.String(), nullable=False),
        sa.Column("judge_id", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reopened_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_reason", sa.String(), nullable=False),
        sa.Column("reopened_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "round", "judge_id", "entry_id"),
    )
    op.create_table(
        "committee_decision",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("entry_ids", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "scope"),
    )
    op.create_table(
        "counted_score",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("round", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("judge_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("points", postgresql.JSONB(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "round", "entry_id", "judge_id"),
    )
    op.create_table(
        "decision",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contest_id", "kind", "number"),
    )
    op.create_index(
        "decision_one_open",
        "decision",
        ["contest_id", "kind"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_index(
        "decision_one_published",
        "decision",
        ["contest_id", "kind"],
        unique=True,
        postgresql_where=sa.text("state = 'published'"),
    )
    op.create_table(
        "entry",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("editor_ids", postgresql.JSONB(), nullable=False),
        sa.Column("applicant_name", sa.String(), nullable=False),
        sa.Column("applicant_kind", sa.String(), nullable=False),
        sa.Column("province_code", sa.String(), nullable=False),
        sa.Column("category_id", sa.String(), nullable=False),
        sa.Column("title", postgresql.JSONB(), nullable=False),
        sa.Column("summary", postgresql.JSONB(), nullable=False),
        sa.Column("operating_since", sa.String(), nullable=False),
        sa.Column("vendor", sa.String(), nullable=False),
        sa.Column("sections", postgresql.JSONB(), nullable=False),
        sa.Column("attachments", postgresql.JSONB(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("screened_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contest_id", "entry_id"),
    )
    op.create_table(
        "entry_total",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("round", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("judges", sa.Integer(), nullable=False),
        sa.Column("sum_of_totals", sa.Integer(), nullable=False),
        sa.Column("sum_of_points", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "round", "entry_id"),
    )
    op.create_table(
        "judge",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("judge_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("category_ids", postgresql.JSONB(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conflicts_checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contest_id", "judge_id"),
        sa.UniqueConstraint("contest_id", "contact_id", name="judge_contact"),
    )
    op.create_table(
        "person",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=False),
        sa.Column("position", sa.String(), nullable=False),
        sa.Column("province_code", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "contact_id"),
    )
    op.create_table(
        "popular_vote",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("totals", postgresql.JSONB(), nullable=False),
        sa.Column("winner_entry_id", sa.String(), nullable=True),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("certified_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("contest_id"),
    )
    op.create_table(
        "presentation_slot",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("category_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("meeting_url", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "slot_id"),
        sa.UniqueConstraint("contest_id", "entry_id", name="presentation_slot_entry"),
    )
    op.create_table(
        "recusal",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("judge_id", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("conflict", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("everywhere", sa.Boolean(), nullable=False),
        sa.Column("recused_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "judge_id", "entry_id"),
    )
    op.create_table(
        "score",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("round", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("judge_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("points", postgresql.JSONB(), nullable=False),
        sa.Column("comments", postgresql.JSONB(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_points", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("submitted_comments", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "round", "entry_id", "judge_id"),
    )
    op.create_table(
        "score_amendment",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("round", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("judge_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("points_before", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("amended_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "round", "entry_id", "judge_id", "revision"),
    )
    op.create_table(
        "signature",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "kind", "number", "contact_id"),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    drop_shared_tables(op)  # type: ignore[arg-type]
