"""A dispatch knows when it was posted; what was posted or was to be printed before is put right.

What the audit says was posted gets its time, is no longer taken for a mail that failed, and nobody need
telephone about it. A letter whose mail never reached a person who was erased since waits to be printed.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

POSTED = (
    """
    CREATE TEMPORARY TABLE posted ON COMMIT DROP AS
    SELECT DISTINCT ON (contest_id, dispatch_id) contest_id, detail->>'dispatch_id' AS dispatch_id, at, by
    FROM audit_entry WHERE what = 'letter-posted' ORDER BY contest_id, dispatch_id, at DESC
    """,
    """
    UPDATE dispatch SET posted_at = posted.at,
        state = CASE WHEN state IN ('failed', 'bounced') THEN 'sent' ELSE state END
    FROM posted
    WHERE dispatch.contest_id = posted.contest_id AND dispatch.dispatch_id = posted.dispatch_id
      AND dispatch.state <> 'print'
    """,
    """
    UPDATE notice SET handled_by = posted.by FROM posted
    WHERE notice.contest_id = posted.contest_id AND notice.recipient = 'dispatch:' || posted.dispatch_id
      AND notice.state IN ('failed', 'bounced') AND notice.handled_by = ''
    """,
)
TO_PRINT = """
    UPDATE dispatch SET state = 'print' FROM letter
    WHERE dispatch.state IN ('failed', 'bounced') AND dispatch.contact_id <> ''
      AND NOT EXISTS (SELECT FROM contact WHERE contact.contact_id = dispatch.contact_id)
      AND letter.contest_id = dispatch.contest_id AND letter.letter_id = dispatch.letter_id
      AND letter.state <> 'void'
"""


def upgrade() -> None:
    op.add_column("dispatch", sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True))
    connection = op.get_bind()
    for statement in (*POSTED, TO_PRINT):
        connection.execute(sa.text(statement))


def downgrade() -> None:
    op.drop_column("dispatch", "posted_at")
