"""The detectors' own reading of the vote log: one row per voter and slot, a consumer group of its own.

It may fall behind on a vote night without any harm to the vote: what is late is held a little later.
Only a voter's first vote in a slot is kept, the one that the tally counts: whoever sends the same
ballot a hundred times gives no entry a hundred conspicuous votes. A batch that is read again changes
nothing, with or without the fence. Rehearsal ballots are nobody's and are left out.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain.ballots import MailClass
from shared.contracts.voting import VoteCast, VotingSealed
from shared.messaging import Delivered

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


async def keep_signals(session: AsyncSession, batch: Sequence[Delivered[VoteCast | VotingSealed]]) -> None:
    """Keep what the detectors may know of a batch of the vote log."""
    rows = [
        _row(record.event)
        for record in batch
        if isinstance(record.event, VoteCast) and record.event.signals.mail_domain_class != _REHEARSAL
    ]
    if rows:
        names = rows[0].keys()
        await session.execute(_KEEP_SIGNALS, {name: [row[name] for row in rows] for name in names})


def _row(vote: VoteCast) -> dict[str, Any]:
    signals = vote.signals
    return {
        "contests": vote.contest_id,
        "slots": vote.slot,
        "voters": vote.voter_id,
        "entries": vote.entry_id,
        "networks": signals.subnet24 or signals.subnet48,
        "agents": signals.agent,
        "agent_classes": signals.agent_class,
        "domains": "" if signals.mail_domain_class in EXEMPT else signals.mail_domain,
        "mail_classes": signals.mail_domain_class,
        "ages": signals.code_age_seconds,
        "cast_ats": vote.cast_at,
    }
