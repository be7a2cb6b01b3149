"""Does a vote cost more when ten million lie before it? ``showcase bench soak [--votes 10000000]``.

Folds votes as the tally's worker does, turn by turn into PostgreSQL with production's settings, and
prints for each tenth what a vote cost: CPU of this process while it folds, CPU of the database,
bytes. The last tenth should cost at most 1.3 times the first. One tenth of the votes are repetitions.
"""

import asyncio
import hashlib
import json
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import psutil
import typer
import uvloop

from services.voting.domain.receipts import ALPHABET
from services.voting.tally import fold_records
from services.voting.vote_log import FIXED_HEADERS
from shared.contracts.catalogue import TOPICS
from shared.contracts.voting import VoteCast
from shared.db import Database
from shared.db.migrations import upgrade
from tests.load.spike.servers import Servers
from tests.load.spike.usage import cpu_seconds, pss_mb

PARTITIONS = TOPICS[VoteCast.TOPIC].partitions
_CONTEST = "soak"
_HEADERS = (
    *FIXED_HEADERS,
    ("ce_id", b"01234567-89ab-7def-8123-456789abcdef"),
    ("ce_subject", b"MDEyMzQ1Njc4OWFiY2Rl"),
    ("ce_time", b"2022-08-05T06:00:00.123456+00:00"),
    ("ce_correlationid", b"01234567-89ab-7def-8123-456789abcdef"),
)


class Record:
    """As much of a record as the tally reads."""

    __slots__ = ("headers", "key", "offset", "partition", "timestamp", "topic", "value")

    def __init__(self, partition: int, offset: int, key: bytes, value: bytes) -> None:
        self.topic, self.timestamp, self.headers = VoteCast.TOPIC, 0, _HEADERS
        self.partition, self.offset, self.key, self.value = partition, offset, key, value


def log(votes: int) -> Iterator[Record]:
    """A vote log: the voters' opaque ids come in no order, as hashes do."""
    ends = [0] * PARTITIONS
    for number in range(votes):
        voter = number - number // 7 if number % 10 == 9 else number  # every tenth has voted before
        digest = hashlib.sha256(b"%d" % voter).digest()
        voter_id = urlsafe_b64encode(digest[:15])
        key = hashlib.sha256(b"%d" % number).digest()
        code = "".join(ALPHABET[byte & 31] for byte in key[:12]).encode()
        partition = digest[31] % PARTITIONS
        value = (
            b'{"contest_id":"%b","receipt_id":"%b-%b-%b","voter_id":"%b","slot":"","entry_id":"entry-%02d",'
            b'"commitment":"%b","key_id":"0123456789ab","signals":{"mail_domain_class":"webmail",'
            b'"code_age_seconds":1800},"cast_at":"2022-08-05T06:00:00.123456Z"}'
        ) % (
            _CONTEST.encode(), code[:4], code[4:8], code[8:], voter_id, digest[0] % 12, key.hex().encode(),
        )  # fmt: skip
        yield Record(partition, ends[partition], voter_id, value)
        ends[partition] += 1


async def soak(votes: int, turn: int, durability: str) -> list[dict[str, float]]:
    """The cost of each tenth of ``votes``, in turns of ``turn`` records."""
    with tempfile.TemporaryDirectory(prefix="showcase-soak-", ignore_cleanup_errors=True) as name:
        servers = Servers(Path(name), durability)
        await servers.start(kafka=False)
        dsn = await servers.fresh_database("soak")
        await upgrade(dsn, "services.voting")
        database = Database(dsn)
        postgres = servers.pids["database"]
        tenths: list[dict[str, float]] = []
        records = log(votes)
        size_before = await servers.size_of("soak")
        try:
            for _ in range(10):
                began, cpu, before = time.monotonic(), 0.0, cpu_seconds(postgres)
                left = votes // 10
                while left:
                    batch = [next(records) for _ in range(min(turn, left))]
                    left -= len(batch)
                    spent = time.process_time()
                    async with database.transaction() as session:
                        await fold_records(session, batch)
                    cpu += time.process_time() - spent
                size = await servers.size_of("soak")
                million = votes / 10 / 1e6
                tenths.append(
                    {
                        "votes": votes // 10 * (len(tenths) + 1),
                        "tally_cpu_s_per_million": cpu / million,
                        "database_cpu_s_per_million": (cpu_seconds(postgres) - before) / million,
                        "bytes_per_vote": (size - size_before) / (votes / 10),
                        "tally_pss_mb": pss_mb([psutil.Process().pid]) - pss_mb(postgres),
                        "seconds": time.monotonic() - began,
                    }
                )
                size_before = size
                sys.stderr.write(", ".join(f"{k} {v:,.1f}" for k, v in tenths[-1].items()) + "\n")
        finally:
            await database.close()
            await servers.stop()
        return tenths


def main(
    votes: Annotated[int, typer.Option(help="How many in all.")] = 10_000_000,
    turn: Annotated[int, typer.Option(help="Records in one turn of the tally.")] = 2_000,
    durability: Annotated[str, typer.Option(help="crash or power: power calls fsync.")] = "crash",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fold millions of votes, and see whether the last cost more than the first."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        tenths = runner.run(soak(votes, turn, durability))

    def cost(tenth: dict[str, float]) -> float:
        return tenth["tally_cpu_s_per_million"] + tenth["database_cpu_s_per_million"]

    growth = cost(tenths[-1]) / cost(tenths[0])
    if as_json:
        typer.echo(json.dumps({"tenths": tenths, "growth": growth}, indent=1))
    else:
        typer.echo(f"CPU per vote, last tenth over first: {growth:.2f}")
    raise typer.Exit(0 if growth <= 1.3 else 1)


if __name__ == "__main__":
    typer.run(main)
