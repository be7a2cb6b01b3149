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
    log = read_log(records, GROUP)
    await keep_signals(session, log.votes)
    return log.unusable


async def keep_signals(session: AsyncSession, votes: Sequence[LoggedVote]) -> None:
    """Keep what the detectors may know of votes that were read already."""
    rows = [_row(vote) for vote in votes if vote.signals.mail_domain_class != _REHEARSAL]
    if rows:
        await session.execute(_KEEP_SIGNALS, dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True)))


_COLUMNS = (
    "contests", "slots", "voters", "entries", "networks", "agents", "agent_classes", "domains",
    "mail_classes", "ages", "cast_ats",
)  # fmt: skip


def _row(vote: LoggedVote) -> tuple[object, ...]:
    """In the order of ``_COLUMNS``."""
    signals = vote.signals
    return (
        vote.contest_id,
        vote.slot,
        vote.voter_id,
        vote.entry_id,
        signals.subnet24 or signals.subnet48,
        signals.agent,
        signals.agent_class,
        "" if signals.mail_domain_class in EXEMPT else signals.mail_domain,
        signals.mail_domain_class,
        signals.code_age_seconds,
        vote.cast_at,
    )
