"""The registers with their chain, who signs and by what, the way down the cascade, public letters and links.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    "agency_setting",
    "audit_entry",
    "incoming",
    "officer",
    "passing",
    "public_letter",
    "recovery_code",
    "register_entry",
    "register_head",
    "second_factor",
    "second_factor_use",
    "short_link",
    "short_link_day",
    "stored_file",
)

_APPEND_ONLY = """
CREATE FUNCTION register_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the register is append-only: entries are neither changed nor deleted';
END $$;
"""
_GUARD = """
CREATE TRIGGER register_entry_guard BEFORE UPDATE OR DELETE ON register_entry
FOR EACH ROW EXECUTE FUNCTION register_is_append_only();
"""


def upgrade() -> None:
    op.create_table(
        "agency_setting",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("emblem", sa.LargeBinary(), nullable=True),
        sa.Column("emblem_type", sa.String(), nullable=False),
        sa.Column("emblem_sha256", sa.String(), nullable=False),
        sa.Column("number_at", sa.String(), nullable=False),
        sa.Column("circulars", sa.String(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "agency"),
    )
    op.create_table(
        "audit_entry",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("audit_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("detail", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "audit_id"),
    )
    op.create_index("audit_entry_by_about", "audit_entry", ["contest_id", "about", "at"], unique=False)
    op.create_table(
        "incoming",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("incoming_id", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("number_text", sa.String(), nullable=False),
        sa.Column("dated", sa.Date(), nullable=True),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("addressee", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("dispatch_id", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "incoming_id"),
        sa.UniqueConstraint("contest_id", "agency", "year", "number", name="incoming_number"),
    )
    op.create_table(
        "officer",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("duty", sa.String(), nullable=False),
        sa.Column("lines", JSONB(), nullable=False),
        sa.Column("authorised_by", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("appointed_by", sa.String(), nullable=False),
        sa.Column("appointed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "agency", "contact_id", "duty"),
    )
    op.create_table(
        "passing",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("passing_id", sa.String(), nullable=False),
        sa.Column("dispatch_id", sa.String(), nullable=False),
        sa.Column("letter_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("paragraphs", JSONB(), nullable=False),
        sa.Column("recipients", JSONB(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("signer_post", sa.String(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contest_id", "passing_id"),
        sa.UniqueConstraint("contest_id", "dispatch_id", name="passing_once"),
    )
    op.create_table(
        "public_letter",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("letter_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contest_id", "letter_id"),
    )
    op.create_index("public_letter_by_code", "public_letter", ["code"], unique=True)
    op.create_table(
        "recovery_code",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("code_sha256", sa.String(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contest_id", "contact_id", "code_sha256"),
    )
    op.create_table(
        "register_entry",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("book", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("previous_sha256", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "agency", "book", "position"),
    )
    op.create_table(
        "register_head",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("book", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "agency", "book"),
    )
    op.create_table(
        "second_factor",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contest_id", "contact_id"),
    )
    op.create_table(
        "second_factor_use",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "contact_id", "step"),
    )
    op.create_table(
        "short_link",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contest_id", "code"),
    )
    op.create_index("short_link_by_code", "short_link", ["code"], unique=True)
    op.create_table(
        "short_link_day",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "code", "day"),
    )
    op.create_table(
        "stored_file",
        sa.Column("contest_id", sa.String(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("contest_id", "file_id"),
    )
    op.add_column("dispatch", sa.Column("parent_id", sa.String(), nullable=False, server_default=""))
    op.add_column("dispatch", sa.Column("level", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("dispatch", sa.Column("reminders", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("dispatch", sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint("dispatch_once", "dispatch", type_="unique")
    op.create_unique_constraint("dispatch_once", "dispatch", ["contest_id", "letter_id", "parent_id", "code"])
    op.create_index("dispatch_by_parent", "dispatch", ["contest_id", "parent_id"], unique=False)
    op.add_column("letter", sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("letter", sa.Column("signed_by", sa.String(), nullable=False, server_default=""))
    op.execute(_APPEND_ONLY)
    op.execute(_GUARD)


def downgrade() -> None:
    op.drop_column("letter", "signed_by")
    op.drop_column("letter", "signed_at")
    op.drop_index("dispatch_by_parent", "dispatch")
    op.drop_constraint("dispatch_once", "dispatch", type_="unique")
    op.create_unique_constraint("dispatch_once", "dispatch", ["contest_id", "letter_id", "code"])
    for name in ("reminded_at", "reminders", "level", "parent_id"):
        op.drop_column("dispatch", name)
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION register_is_append_only()")
