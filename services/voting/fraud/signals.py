"""The detectors' own reading of the vote log: one row per voter and slot, a consumer group of its own.

It may fall behind on a vote night without any harm to the vote: what is late is held a little later.
Only a voter's first vote in a slot is kept, the one that the tally counts: whoever sends the same
ballot a hundred times gives no entry a hundred conspicuous votes. A batch that is read again changes
nothing, with or without the fence. Rehearsal ballots are nobody's and are left out.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain.ballots import MailClass
from services.voting.vote_log import LoggedVote, read_log
from shared.messaging.codec import RawRecord

GROUP = "voting-fraud"
EXEMPT = ("webmail", "government", "academic")
"""Mail domains that many people share for good reasons: nothing follows from having one."""
_REHEARSAL = MailClass.REHEARSAL.name.lower()

_KEEP_SIGNALS = text(
    """
    INSERT INTO vote_signal (contest_id, slot, voter_id, entry_id, network, agent, agent_class, domain,
                             mail_class, shape, age, cast_at)
    SELECT batch.contest_id, batch.slot, batch.voter_id, batch.entry_id, batch.network, batch.agent,
           batch.agent_class, batch.domain, batch.mail_class, coalesce(issued.shape, ''), batch.age,
           batch.cast_at
    FROM unnest(CAST(:contests AS text[]), CAST(:slots AS text[]), CAST(:voters AS text[]),
                CAST(:entries AS text[]), CAST(:networks AS text[]), CAST(:agents AS text[]),
                CAST(:agent_classes AS text[]), CAST(:domains AS text[]), CAST(:mail_classes AS text[]),
                CAST(:ages AS int[]), CAST(:cast_ats AS timestamptz[]))
        WITH ORDINALITY AS batch (contest_id, slot, voter_id, entry_id, network, agent, agent_class,
                                  domain, mail_class, age, cast_at, position)
    LEFT JOIN issued_ballot AS issued USING (contest_id, voter_id)
    ORDER BY position
    ON CONFLICT DO NOTHING
    """
)


async def keep_signals_from(
    session: AsyncSession, records: Sequence[RawRecord]
) -> Sequence[tuple[RawRecord, str]]:
    """Keep what the detectors may know of a turn of the vote log.

    Returns:
        The records that cannot be read, each with the reason.
    """
    log = read_log(records)
    await keep_signals(session, log.votes)
    return log.unusable


async def keep_signals(session: AsyncSession, votes: Sequence[LoggedVote]) -> None:
    """Keep what the detectors may know of votes that were read already."""
    people = [vote for vote in votes if vote.signals.mail_domain_class != _REHEARSAL]
    if people:
        await session.execute(_KEEP_SIGNALS, _columns(people))


def _columns(votes: Sequence[LoggedVote]) -> dict[str, list[object]]:
    signals = [vote.signals for vote in votes]
    return {
        "contests": [vote.contest_id for vote in votes],
        "slots": [vote.slot for vote in votes],
        "voters": [vote.voter_id for vote in votes],
        "entries": [vote.entry_id for vote in votes],
        "networks": [its.subnet24 or its.subnet48 for its in signals],
        "agents": [its.agent for its in signals],
        "agent_classes": [its.agent_class for its in signals],
        "domains": ["" if its.mail_domain_class in EXEMPT else its.mail_domain for its in signals],
        "mail_classes": [its.mail_domain_class for its in signals],
        "ages": [its.code_age_seconds for its in signals],
        "cast_ats": [vote.cast_at for vote in votes],
    }
