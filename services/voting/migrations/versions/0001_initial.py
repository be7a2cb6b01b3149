"""The first tables of voting."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.db.migrations import create_shared_tables, drop_shared_tables

revision = "0001"
down_revision = None


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String, primary_key=key, nullable=False)


def _integer(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=key, autoincrement=False, nullable=False)


def _big(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, autoincrement=False, nullable=False)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def upgrade() -> None:
    create_shared_tables(op)  # type: ignore[arg-type]
    op.create_table("shortlist", _text("contest_id", key=True), _integer("revision"))
    op.create_table(
        "finalist",
        _text("contest_id", key=True),
        _text("entry_id", key=True),
        _text("category_id"),
        _text("title_th"),
        _text("title_en"),
        _text("applicant_name"),
        _text("province_code"),
        _text("summary_th"),
        _text("summary_en"),
        _integer("rank"),
    )
    op.create_table(
        "withdrawn_entry",
        _text("contest_id", key=True),
        _text("entry_id", key=True),
        _integer("revision"),
        _instant("withdrawn_at"),
    )
    op.create_table(
        "vote",
        _text("contest_id", key=True),
        _text("slot", key=True),
        _text("voter_id", key=True),
        _text("receipt_id"),
        _text("entry_id"),
        _integer("partition"),
        _big("offset"),
        _text("state"),
        _instant("cast_at"),
        _instant("folded_at"),
        sa.UniqueConstraint("contest_id", "receipt_id", name="vote_receipt"),
    )
    op.create_table(
        "uncounted_vote",
        _text("contest_id", key=True),
        _integer("partition", key=True),
        _big("offset", key=True),
        _text("receipt_id"),
        _text("outcome"),
        _instant("cast_at"),
        _instant("folded_at"),
    )
    op.create_index("uncounted_vote_receipt", "uncounted_vote", ["contest_id", "receipt_id"])
    op.create_table(
        "entry_count",
        _text("contest_id", key=True),
        _text("entry_id", key=True),
        _integer("partition", key=True),
        _big("counted"),
    )
    op.create_table(
        "partition_count",
        _text("contest_id", key=True),
        _integer("partition", key=True),
        _big("counted"),
        _big("duplicate"),
        _big("late"),
        _big("held"),
        _big("struck"),
    )
    op.create_table(
        "published_tally",
        _text("contest_id", key=True),
        _text("entry_id", key=True),
        _integer("revision"),
        _big("counted"),
    )
    for place in ("partition_seal", "sealing_start"):
        op.create_table(place, _text("contest_id", key=True), _integer("partition", key=True), _big("offset"))
    op.create_table(
        "vote_window",
        _text("contest_id", key=True),
        _integer("revision"),
        _text("state"),
        sa.Column("ballot", ARRAY(sa.String), nullable=False),
        _text("scope"),
        _instant("opened_at"),
        _instant("closes_at"),
        _instant("closing_requested_at", nullable=True),
        _instant("closed_at", nullable=True),
        _text("weak_durability_accepted_by"),
    )
    op.create_table(
        "certification",
        _text("contest_id", key=True),
        sa.Column("report", JSONB, nullable=False),
        _text("report_sha256"),
        _text("proposed_by"),
        _instant("proposed_at"),
        sa.Column("certified_by", sa.String, nullable=True),
        _instant("certified_at", nullable=True),
    )
    op.create_table("identity_pepper", _text("contest_id", key=True), _bytes("pepper"))
    op.create_table(
        "ballot_code",
        _text("contest_id", key=True),
        _text("code_id", key=True),
        _bytes("subject"),
        _bytes("digest"),
        _integer("tries"),
        _instant("sent_at"),
        _instant("used_at", nullable=True),
    )
    op.create_index("ballot_code_subject", "ballot_code", ["contest_id", "subject", "sent_at"])
    op.create_table(
        "issued_ballot",
        _text("contest_id", key=True),
        _text("voter_id", key=True),
        _integer("mail_class"),
        _instant("first_issued_at"),
    )


TABLES = (
    "issued_ballot",
    "ballot_code",
    "identity_pepper",
    "certification",
    "vote_window",
    "sealing_start",
    "partition_seal",
    "published_tally",
    "partition_count",
    "entry_count",
    "uncounted_vote",
    "vote",
    "withdrawn_entry",
    "finalist",
    "shortlist",
)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    drop_shared_tables(op)  # type: ignore[arg-type]
