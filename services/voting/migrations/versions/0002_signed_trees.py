"""Merkle trees over the vote log, their signed heads, and who may open commitments."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String, primary_key=key, nullable=False)


def _integer(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=key, autoincrement=False, nullable=False)


def _big(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, autoincrement=False, nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "tree_frontier",
        _text("contest_id", key=True),
        _integer("partition", key=True),
        _big("size"),
        _big("next_offset"),
        _bytes("peaks"),
    )
    op.create_table(
        "tree_tile",
        _text("contest_id", key=True),
        _integer("partition", key=True),
        _integer("level", key=True),
        _big("number", key=True),
        _big("first_offset"),
        _bytes("hashes"),
        _bytes("offsets"),
        _bytes("commitments"),
    )
    # hashes do not compress: do not try
    for column in ("hashes", "offsets", "commitments"):
        op.execute(f"ALTER TABLE tree_tile ALTER COLUMN {column} SET STORAGE EXTERNAL")
    op.create_index("tree_tile_offset", "tree_tile", ["contest_id", "partition", "level", "first_offset"])
    op.create_table(
        "tree_head",
        _text("contest_id", key=True),
        _integer("revision", key=True),
        _big("size"),
        sa.Column("at_close", sa.Boolean, nullable=False),
        _instant("signed_at"),
        _text("document"),
    )
    op.create_table(
        "openings_grant",
        _text("contest_id", key=True),
        _text("contact_id", key=True),
        _text("granted_by"),
        _instant("granted_at"),
        _instant("taken_at", nullable=True),
    )
    op.add_column("certification", sa.Column("tree_head_revision", sa.Integer, nullable=True))


def downgrade() -> None:
    op.drop_column("certification", "tree_head_revision")
    for table in ("openings_grant", "tree_head", "tree_tile", "tree_frontier"):
        op.drop_table(table)
