"""From rows to findings: each detector's counts, asked of the database and given to the pure rule."""

from datetime import datetime, timedelta

from sqlalchemy import TextClause, text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain import detectors
from services.voting.domain.ballots import MailClass
from services.voting.domain.detectors import Fast, Finding, Network, NewCodes, Share, Thresholds

TEN_MINUTES = timedelta(minutes=10)

_AGENTS = text(
    """
    SELECT entry_id, agent || '|' || agent_class AS value, here, of_here,
           everywhere - here AS elsewhere, of_everywhere - of_here AS of_elsewhere, agent_class AS kind
    FROM (
        SELECT entry_id, agent, agent_class, count(*) AS here,
               sum(count(*)) OVER (PARTITION BY agent, agent_class) AS everywhere,
               sum(count(*)) OVER (PARTITION BY entry_id, agent_class) AS of_here,
               sum(count(*)) OVER (PARTITION BY agent_class) AS of_everywhere
        FROM vote_signal WHERE contest_id = :contest_id AND agent_class <> ''
        GROUP BY entry_id, agent, agent_class) AS shares
    WHERE here >= :least ORDER BY entry_id, value
    """
)
_DOMAINS = text(
    """
    SELECT entry_id, domain AS value, here, of_here,
           everywhere - here AS elsewhere, of_everywhere - of_here AS of_elsewhere, mail_class AS kind
    FROM (
        SELECT entry_id, domain, mail_class, count(*) AS here,
               sum(count(*)) OVER (PARTITION BY domain) AS everywhere,
               sum(count(*)) OVER (PARTITION BY entry_id) AS of_here,
               sum(count(*)) OVER () AS of_everywhere
        FROM vote_signal WHERE contest_id = :contest_id
        GROUP BY entry_id, domain, mail_class) AS shares
    WHERE here >= :least AND domain <> '' ORDER BY entry_id, value
    """
)
_LOOK_ALIKES = text(
    """
    SELECT entry_id, shape AS value, here, here AS of_here, everywhere - here AS elsewhere,
           everywhere - here AS of_elsewhere, '' AS kind
    FROM (
        SELECT entry_id, shape, count(*) AS here, sum(count(*)) OVER (PARTITION BY shape) AS everywhere
        FROM vote_signal WHERE contest_id = :contest_id AND shape <> ''
        GROUP BY entry_id, shape) AS shares
    WHERE here >= :least ORDER BY entry_id, value
    """
)
_NEW_CODES = text(
    """
    SELECT domain || '|' || hour AS value, here, of_here
    FROM (
        SELECT domain, to_char(first_issued_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24') AS hour,
               count(*) AS here,
               sum(count(*)) OVER (PARTITION BY to_char(first_issued_at AT TIME ZONE 'UTC',
                                                        'YYYY-MM-DD"T"HH24')) AS of_here
        FROM issued_ballot WHERE contest_id = :contest_id AND mail_class <> :rehearsal
        GROUP BY 1, 2) AS hours
    WHERE here >= :least AND domain <> '' ORDER BY value
    """
)
_NETWORKS = text(
    """
    WITH cell AS (
        SELECT entry_id, network, agent, count(*) AS votes
        FROM vote_signal WHERE contest_id = :contest_id AND network <> ''
        GROUP BY entry_id, network, agent)
    SELECT entry_id, network, (array_agg(agent ORDER BY votes DESC, agent))[1] AS commonest,
           array_agg(votes ORDER BY votes DESC, agent) AS by_agent
    FROM cell GROUP BY entry_id, network HAVING sum(votes) >= :least ORDER BY entry_id, network
    """
)
_FAST = text(
    """
    SELECT entry_id, value, count(*) FILTER (WHERE age < :fast_seconds) AS fast, count(*) AS votes
    FROM vote_signal CROSS JOIN LATERAL (VALUES
        ('network:' || nullif(network, '')),
        ('domain:' || nullif(domain, '')),
        ('agent:' || agent || '|' ||
            to_char(date_bin('10 minutes', cast_at, 'epoch') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24.MI'))
    ) AS "group" (value)
    WHERE contest_id = :contest_id AND value IS NOT NULL
    GROUP BY entry_id, value HAVING count(*) FILTER (WHERE age < :fast_seconds) >= :least
    ORDER BY entry_id, value
    """
)
_RATES = text(
    """
    SELECT entry_id, date_bin('10 minutes', cast_at, 'epoch') AS bucket, count(*) AS votes
    FROM vote_signal WHERE contest_id = :contest_id
    GROUP BY entry_id, bucket ORDER BY entry_id, bucket
    """
)


async def findings(session: AsyncSession, contest_id: str, rules: Thresholds) -> list[Finding]:
    """What the detectors find among all votes of a contest so far."""
    agents = await _shares(session, _AGENTS, contest_id, rules.agent_votes)
    domains = await _shares(session, _DOMAINS, contest_id, rules.domain_votes)
    look_alikes = await _shares(session, _LOOK_ALIKES, contest_id, rules.look_alike_addresses)
    found = [
        *detectors.agents(agents, rules),
        *detectors.domains(domains, rules),
        *detectors.new_codes(await _new_codes(session, contest_id, rules), rules),
        *detectors.look_alikes(look_alikes, rules),
        *detectors.networks(await _networks(session, contest_id, rules), rules),
        *detectors.timings(await _fast(session, contest_id, rules), rules),
    ]
    for entry_id, counts in (await _histories(session, contest_id)).items():
        found += detectors.rates(entry_id, counts, rules)
    return found


async def _shares(session: AsyncSession, statement: TextClause, contest_id: str, least: int) -> list[Share]:
    rows = await session.execute(statement, {"contest_id": contest_id, "least": least})
    return [
        Share(
            entry_id=row.entry_id,
            value=row.value,
            here=int(row.here),
            of_here=int(row.of_here),
            elsewhere=int(row.elsewhere),
            of_elsewhere=int(row.of_elsewhere),
            kind=row.kind,
        )
        for row in rows
    ]


async def _new_codes(session: AsyncSession, contest_id: str, rules: Thresholds) -> list[NewCodes]:
    rows = await session.execute(
        _NEW_CODES,
        {
            "contest_id": contest_id,
            "least": rules.domain_votes,
            "rehearsal": MailClass.REHEARSAL.value,
        },
    )
    return [NewCodes(row.value, int(row.here), int(row.of_here)) for row in rows]


async def _networks(session: AsyncSession, contest_id: str, rules: Thresholds) -> list[Network]:
    rows = await session.execute(_NETWORKS, {"contest_id": contest_id, "least": rules.network_votes})
    return [Network(row.entry_id, row.network, row.commonest, tuple(row.by_agent)) for row in rows]


async def _fast(session: AsyncSession, contest_id: str, rules: Thresholds) -> list[Fast]:
    values = {"contest_id": contest_id, "least": rules.fast_votes, "fast_seconds": rules.fast_seconds}
    return [Fast(*row) for row in await session.execute(_FAST, values)]


async def _histories(session: AsyncSession, contest_id: str) -> dict[str, list[tuple[str, int]]]:
    """Each entry's votes in every ten minutes, empty ones included."""
    histories: dict[str, list[tuple[str, int]]] = {}
    last: dict[str, datetime] = {}
    for entry_id, bucket, votes in await session.execute(_RATES, {"contest_id": contest_id}):
        history = histories.setdefault(entry_id, [])
        gap = last.get(entry_id, bucket)
        while gap + TEN_MINUTES < bucket:
            gap += TEN_MINUTES
            history.append((bucket_name(gap), 0))
        history.append((bucket_name(bucket), votes))
        last[entry_id] = bucket
    return histories


def bucket_name(bucket: datetime) -> str:
    """Ten minutes by their beginning in UTC, as the queries write them."""
    return f"{bucket:%Y-%m-%dT%H.%M}"
