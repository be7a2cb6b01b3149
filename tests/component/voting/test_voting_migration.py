"""What migrations of voting carry over."""

from importlib import import_module

from sqlalchemy import text

from services.voting import repository
from services.voting.tables import Certification
from shared.contracts.examples import EXAMPLES
from shared.contracts.voting import PopularVoteCertified
from shared.db import Database
from shared.messaging import publish
from shared.testing.rulebooks import VOTE_CLOSES

MIGRATION = import_module("services.voting.migrations.versions.0008_winner_as_signed")


async def test_earlier_certificates_keep_the_winner_that_the_log_names(voting_database: Database) -> None:
    told = EXAMPLES[PopularVoteCertified.event_type()].event
    assert isinstance(told, PopularVoteCertified)
    results = {
        "with-winner": told.winner_entry_id,
        "with-a-tie": None,
        "half-signed": None,
    }
    async with voting_database.transaction() as session:
        for contest_id, winner in results.items():
            session.add(
                Certification(
                    contest_id=contest_id,
                    report={"counted": 8_190},
                    report_sha256="ab" * 32,
                    proposed_by="one",
                    proposed_at=VOTE_CLOSES,
                )
            )
            if contest_id != "half-signed":
                change = {"contest_id": contest_id, "winner_entry_id": winner}
                await publish(session, told.model_copy(update=change))
    async with voting_database.transaction() as session:
        await session.execute(text(MIGRATION.WINNERS))
    async with voting_database.transaction() as session:
        found = {contest_id: await repository.certification(session, contest_id) for contest_id in results}
    assert {contest_id: signed and signed.report for contest_id, signed in found.items()} == {
        "with-winner": {"counted": 8_190, "winner_entry_id": told.winner_entry_id},
        "with-a-tie": {"counted": 8_190, "winner_entry_id": None},
        "half-signed": {"counted": 8_190},
    }


async def test_worker_of_before_opens_votes_on_the_upgraded_database(voting_database: Database) -> None:
    """It knows nothing of ``vote_window.waived``."""
    async with voting_database.transaction() as session:
        await session.execute(
            text(
                """
                INSERT INTO vote_window (contest_id, revision, state, ballot, scope, opened_at, closes_at,
                                         weak_durability_accepted_by)
                VALUES ('c', 1, 'open', '{entry-00}', 'contest', now(), now(), '')
                """
            )
        )
        window = await repository.window(session, "c")
    assert window
    assert window.waived == []
