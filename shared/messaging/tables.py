"""The kit's tables; each service has its own copy in its own database."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    String,
    Table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

MESSAGING = MetaData()

OUTBOX = Table(
    "outbox",
    MESSAGING,
    Column("sequence", BigInteger, Identity(), primary_key=True),
    Column("contest_id", String, nullable=False),
    Column("event_id", String, nullable=False, unique=True),
    Column("topic", String, nullable=False),
    Column("key", String, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("value", LargeBinary, nullable=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    Column("published_at", DateTime(timezone=True), nullable=True),
)
"""Every event of the service, in the order of its transactions; ``value`` NULL is a tombstone.
Rows stay after publishing: the memory broker's topics are refilled from them."""
Index("outbox_key", OUTBOX.c.topic, OUTBOX.c.key)
Index("outbox_unpublished", OUTBOX.c.sequence, postgresql_where=OUTBOX.c.published_at.is_(None))

CONSUMER_FENCE = Table(
    "consumer_fence",
    MESSAGING,
    Column("consumer_group", String, primary_key=True),
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
    Column("last_event_id", String, nullable=False),
    Column("incarnation", String, nullable=False, server_default=""),
)
"""The next offset of a consumer group in a partition, advanced in the transaction of the effect.
``incarnation`` is the broker's cluster id under which the offset means anything."""

RELAY_TERM = Table(
    "relay_term",
    MESSAGING,
    Column("relay", String, primary_key=True),
    Column("term", BigInteger, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("incarnation", String, nullable=False),
)
"""The last term of the outbox's relay. One that did not end cleanly may still have sends under way;
another ``incarnation`` of the broker's data means that the topics must be filled again."""

REHEARSAL_CLOCK = Table(
    "rehearsal_clock",
    MESSAGING,
    Column("contest_id", String, primary_key=True),
    Column("shift", Interval, nullable=False),
)
"""How far a rehearsal's time is from the database's."""
