"""Certificates keep their winner as it was signed; those of an earlier version named it on the log alone."""

from alembic import op

revision = "0008"
down_revision = "0007"

WINNERS = """
    UPDATE certification AS signed
    SET report = signed.report || jsonb_build_object(
        'winner_entry_id', convert_from(told.value, 'UTF8')::jsonb -> 'winner_entry_id')
    FROM outbox AS told
    WHERE told.topic = 'voting.decision.v1' AND told.key = signed.contest_id
        AND told.headers ->> 'ce_type' = 'showcase.voting.PopularVoteCertified.v1'
"""


def upgrade() -> None:
    op.execute(WINNERS)


def downgrade() -> None:
    """Earlier versions do not look at the winner in the report."""
