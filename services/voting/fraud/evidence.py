"""From rows to findings: each detector's counts, asked of the database and given to the pure rule."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import TextClause, text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain import colleagues, detectors
from services.voting.domain.ballots import MailClass
from services.voting.domain.colleagues import Colleagues
from services.voting.domain.detectors import Fast, Finding, Network, NewCodes, Row, Share, Thresholds

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
    SELECT entry_id, shape AS value, here, everywhere - here AS elsewhere, kind
    FROM (
        SELECT entry_id, shape, count(*) AS here, min(mail_class) AS kind,
               sum(count(*)) OVER (PARTITION BY shape) AS everywhere
        FROM vote_signal WHERE contest_id = :contest_id AND shape <> ''
        GROUP BY entry_id, shape) AS shares
    WHERE here >= :least ORDER BY entry_id, value
    """
)
_WEBMAIL = text(
    """
    SELECT entry_id, count(*) FROM vote_signal
    WHERE contest_id = :contest_id AND mail_class = 'webmail' GROUP BY entry_id
    """
)
_COLLEAGUES = text(
    """
    WITH seen AS (
        SELECT named.entry_id, named.value, signal.agent, signal.age, signal.cast_at
        FROM vote_signal AS signal
        CROSS JOIN LATERAL (VALUES
            (signal.entry_id, signal.domain),
            ('', signal.domain || '|' || to_char(
                (signal.cast_at - make_interval(secs => signal.age)) AT TIME ZONE 'UTC',
                'YYYY-MM-DD"T"HH24'))
        ) AS trait (entry_id, value)
        JOIN unnest(CAST(:entries AS text[]), CAST(:values AS text[])) AS named (entry_id, value)
            ON named.entry_id = trait.entry_id AND named.value = trait.value
        WHERE signal.contest_id = :contest_id AND signal.domain = ANY(CAST(:domains AS text[]))
            AND signal.age IS NOT NULL),
    gap AS (
        SELECT entry_id, value, age, extract(epoch FROM cast_at - lag(cast_at) OVER (
            PARTITION BY entry_id, value ORDER BY cast_at)) AS seconds
        FROM seen),
    pace AS (
        SELECT entry_id, value, percentile_cont(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY age) AS ages,
               coalesce(avg(seconds), 0) AS mean_gap, coalesce(stddev_pop(seconds), 0) AS gap_deviation
        FROM gap GROUP BY entry_id, value),
    program AS (
        SELECT entry_id, value, agent, count(*) AS votes FROM seen GROUP BY entry_id, value, agent)
    SELECT entry_id, value, array_agg(votes ORDER BY votes DESC) AS by_program, ages, mean_gap, gap_deviation
    FROM program JOIN pace USING (entry_id, value)
    GROUP BY entry_id, value, ages, mean_gap, gap_deviation ORDER BY entry_id, value
    """
)
_DISPOSABLE = text(
    """
    SELECT DISTINCT domain FROM vote_signal
    WHERE contest_id = :contest_id AND mail_class = :disposable AND domain = ANY(CAST(:domains AS text[]))
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
    rows = await _rows(session, contest_id, rules)
    found = [
        *detectors.agents(agents, rules),
        *await _domains(session, contest_id, rules),
        *detectors.look_alikes(rows, rules),
        *detectors.rows_made(rows, await _webmail(session, contest_id), rules),
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


async def _domains(session: AsyncSession, contest_id: str, rules: Thresholds) -> list[Finding]:
    """Mail domains that are conspicuous, but for those whose votes differ as people's do."""
    shares = await _shares(session, _DOMAINS, contest_id, rules.domain_votes)
    codes = await _new_codes(session, contest_id, rules)
    found = [*detectors.domains(shares, rules), *detectors.new_codes(codes, rules)]
    if not found:
        return []
    disposable = await _disposable(session, contest_id, found)
    crowds = await _colleagues(session, contest_id, found)
    return list(colleagues.without_people(found, disposable, crowds, rules))


async def _disposable(session: AsyncSession, contest_id: str, found: Sequence[Finding]) -> set[str]:
    """Which of the domains give mailboxes away, however few of their votes went to one entry."""
    values = {
        "contest_id": contest_id,
        "disposable": detectors.DISPOSABLE,
        "domains": _domains_of(found),
    }
    return {row[0] for row in await session.execute(_DISPOSABLE, values)}


def _domains_of(found: Sequence[Finding]) -> list[str]:
    return sorted({finding.value.partition("|")[0] for finding in found})


async def _colleagues(session: AsyncSession, contest_id: str, found: Sequence[Finding]) -> list[Colleagues]:
    values = {
        "contest_id": contest_id,
        "entries": [finding.entry_id for finding in found],
        "values": [finding.value for finding in found],
        "domains": _domains_of(found),
    }
    rows = await session.execute(_COLLEAGUES, values)
    return [
        Colleagues(
            entry_id=row.entry_id,
            value=row.value,
            by_program=tuple(row.by_program),
            quick=row.ages[0],
            slow=row.ages[1],
            mean_gap=float(row.mean_gap),
            gap_deviation=float(row.gap_deviation),
        )
        for row in rows
    ]


async def _rows(session: AsyncSession, contest_id: str, rules: Thresholds) -> list[Row]:
    values = {"contest_id": contest_id, "least": rules.look_alike_addresses}
    return [
        Row(row.entry_id, row.value, int(row.here), int(row.elsewhere), row.kind)
        for row in await session.execute(_LOOK_ALIKES, values)
    ]


async def _webmail(session: AsyncSession, contest_id: str) -> dict[str, int]:
    """Votes from public mail providers, by entry."""
    return {row[0]: int(row[1]) for row in await session.execute(_WEBMAIL, {"contest_id": contest_id})}


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
