"""Contests, contacts, briefing registrations, entries and their files."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.db.migrations import create_shared_tables, drop_shared_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_shared_tables(op)  # type: ignore[arg-type]  # the module is a proxy of Operations
    op.create_table(
        "attachment",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("attachment_id", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contest_id", "attachment_id"),
    )
    op.create_index("attachment_by_entry", "attachment", ["contest_id", "entry_id"], unique=False)
    op.create_table(
        "attachment_content",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("attachment_id", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "attachment_id"),
    )
    op.create_table(
        "contact",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=False),
        sa.Column("position", sa.String(), nullable=False),
        sa.Column("province_code", sa.String(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("sessions_valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "contact_id"),
        sa.UniqueConstraint("contest_id", "email", name="contact_email"),
    )
    op.create_index("contact_by_email", "contact", ["email"], unique=False)
    op.create_table(
        "contest",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("toml", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("reference_prefix", sa.String(), nullable=False),
        sa.Column("last_reference", sa.Integer(), nullable=False),
        sa.Column("shortlist_revision", sa.Integer(), nullable=False),
        sa.Column("results_revision", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shortlisted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("results_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contest_id"),
    )
    op.create_table(
        "contest_version",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("toml", sa.Text(), nullable=False),
        sa.Column("rulebook", postgresql.JSONB(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("changed", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("reason_th", sa.String(), nullable=False),
        sa.Column("reason_en", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "number"),
    )
    op.create_table(
        "entry",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("sent", postgresql.JSONB(), nullable=True),
        sa.Column("sent_attachments", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("unsent_changes", sa.Boolean(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("applicant_name", sa.String(), nullable=False),
        sa.Column("province_code", sa.String(), nullable=False),
        sa.Column("category_id", sa.String(), nullable=False),
        sa.Column("operating_since", sa.Date(), nullable=True),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("awards", postgresql.JSONB(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("screened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("screened_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "entry_id"),
        sa.UniqueConstraint("contest_id", "reference", name="entry_reference"),
    )
    op.create_index("entry_by_contact", "entry", ["contest_id", "contact_id"], unique=False)
    op.create_index("entry_by_state", "entry", ["contest_id", "state"], unique=False)
    op.create_table(
        "entry_version",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("contest_id", "entry_id", "revision"),
    )
    op.create_table(
        "registration",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("registration_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attends_as", sa.String(), nullable=False),
        sa.Column("representative", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=False),
        sa.Column("province_code", sa.String(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contest_id", "registration_id"),
        sa.UniqueConstraint("contest_id", "contact_id", name="registration_contact"),
    )
    op.create_table(
        "sign_in_code",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("code_id", sa.String(), nullable=False),
        sa.Column("email_hash", sa.String(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contest_id", "code_id"),
    )
    op.create_index("sign_in_code_by_email", "sign_in_code", ["contest_id", "email_hash"], unique=False)


def downgrade() -> None:
    op.drop_table("sign_in_code")
    op.drop_table("registration")
    op.drop_table("entry_version")
    op.drop_table("entry")
    op.drop_table("contest_version")
    op.drop_table("contest")
    op.drop_table("contact")
    op.drop_table("attachment_content")
    op.drop_table("attachment")
    drop_shared_tables(op)  # type: ignore[arg-type]
