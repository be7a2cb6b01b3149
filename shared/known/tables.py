"""The tables of the read model; each service has its own copy in its own database."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

KNOWN = MetaData()

KNOWN_RULEBOOK = Table(
    "known_rulebook",
    KNOWN,
    Column("contest_id", String, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("rulebook", JSONB, nullable=False),
    Column("sha256", String, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False),
)
"""The newest rulebook of each contest; ``published_at`` is of its first publication."""

KNOWN_CONTACT = Table(
    "known_contact",
    KNOWN,
    Column("contest_id", String, primary_key=True),
    Column("contact_id", String, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("roles", ARRAY(String), nullable=False),
    Column("language", String, nullable=False, server_default="th"),
    Column("sessions_valid_from", DateTime(timezone=True), nullable=False),
    Column("erased", Boolean, nullable=False, server_default=text("false")),
)
"""Who may do what, without anything that says who it is. An erased contact keeps its row, so that a
late event cannot bring it back."""
Index("known_contact_by_contact", KNOWN_CONTACT.c.contact_id)

RATE_BUCKET = Table(
    "rate_bucket",
    KNOWN,
    Column("contest_id", String, primary_key=True),
    Column("bucket", String, primary_key=True),
    Column("level", Double, nullable=False),
    Column("filled_at", DateTime(timezone=True), nullable=False),
)
"""Leaky buckets of :mod:`shared.web.ratelimit`; ``bucket`` is a hash, never an address."""
Index("rate_bucket_by_age", RATE_BUCKET.c.filled_at)
