"""A tally in a process of its own, to be killed at any moment.

Arguments: bootstrap servers, DSN, group, topic. It counts three ways: ballots by their natural key,
a tally of what was inserted, and a blind counter that only the fence keeps exact.
"""

import asyncio
import sys
from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db import Database
from shared.messaging import RecordSubscription, broker
from shared.messaging.codec import RawRecord
from shared.messaging.consume import Consumers
from shared.messaging.subscription import Unusable
from shared.testing.kafka import settings_for_kafka
from tests.protocol.protocol_kit import ThingHappened, declare

broker.SESSION_TIMEOUT_MS = 1_500

SCHEMA = (
    "CREATE TABLE ballot (voter text PRIMARY KEY, entry int NOT NULL)",
    "CREATE TABLE tally (entry int, partition int, votes bigint NOT NULL, PRIMARY KEY (entry, partition))",
    "CREATE TABLE received (partition int PRIMARY KEY, records bigint NOT NULL)",
)
_FOLD = text(
    """
    WITH cast_votes AS (
        SELECT * FROM unnest(CAST(:voters AS text[]), CAST(:entries AS int[]), CAST(:partitions AS int[]))
            WITH ORDINALITY AS v (voter, entry, partition, place)
    ), counted AS (
        INSERT INTO ballot (voter, entry) SELECT voter, entry FROM cast_votes ORDER BY place
        ON CONFLICT DO NOTHING RETURNING voter, entry
    )
    INSERT INTO tally (entry, partition, votes)
    SELECT counted.entry, min(place_of.partition), count(*)
    FROM counted JOIN (SELECT DISTINCT voter, partition FROM cast_votes) AS place_of USING (voter)
    GROUP BY counted.entry, place_of.partition
    ORDER BY counted.entry, place_of.partition
    ON CONFLICT (entry, partition) DO UPDATE SET votes = tally.votes + excluded.votes
    """
)
_RECEIVE = text(
    """
    INSERT INTO received (partition, records)
    SELECT partition, count(*) FROM unnest(CAST(:partitions AS int[])) AS partition
    GROUP BY partition ORDER BY partition
    ON CONFLICT (partition) DO UPDATE SET records = received.records + excluded.records
    """
)


async def fold(session: AsyncSession, records: Sequence[RawRecord]) -> Sequence[Unusable]:
    events = [ThingHappened.model_validate_json(record.value or b"") for record in records]
    partitions = [record.partition for record in records]
    await session.execute(_RECEIVE, {"partitions": partitions})
    await session.execute(
        _FOLD,
        {
            "voters": [event.thing_id for event in events],
            "entries": [event.number for event in events],
            "partitions": partitions,
        },
    )
    return ()


async def main(servers: str, dsn: str, group: str, topic_name: str) -> None:
    topic = declare(topic_name)
    subscription = RecordSubscription(group, topic_name, (topic.event,), fold, batch_size=300)
    async with Consumers(settings_for_kafka(servers), "test", Database(dsn), [subscription]):
        print("up", flush=True)
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
