"""Votes a second through the API, with real Kafka behind it: one api process, one client process.

.venv/bin/python -m tests.load.vote_load [seconds] [connections]
"""

import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC
from pathlib import Path

import uvloop

from services.voting.app import build
from shared.clock import FixedClock
from shared.contracts.intake import Role
from shared.embedded.kafka_java import KafkaJava
from shared.messaging.topics import provision
from shared.settings import BrokerKind
from shared.testing.browser import serve
from shared.testing.postgres import FAST, SMALL, EmbeddedPostgres, Templates
from shared.testing.rulebooks import VOTE_OPENS
from shared.testing.web import client_for, resources_for, sign_in
from tests.component.voting.scenario import entry_id, eventually, open_vote, ready_to_vote

BALLOTS = 20_000


async def _vote(
    port: int, ballots: list[str], until: float, taken: list[float], refused: Counter[int]
) -> None:
    """One connection: the next vote when the last one is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in range(10**9):
        if time.monotonic() >= until:
            break
        entry = entry_id(number % 4)
        body = json.dumps(
            {"ballot": ballots[number % len(ballots)], "entry_id": entry, "key": f"attempt-{number}"}
        )
        head = f"POST /api/voting/v1/votes HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        started = time.monotonic()
        writer.write((head + body).encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        if b" 202 " in answer[:20]:
            taken.append(time.monotonic() - started)
        else:
            refused[int(answer[9:12])] += 1
    writer.close()


def client(port: int, ballots: list[str], seconds: float, connections: int) -> None:
    """The client's process."""

    async def run() -> None:
        taken: list[float] = []
        refused: Counter[int] = Counter()
        share = len(ballots) // connections
        until = time.monotonic() + seconds
        await asyncio.gather(
            *(
                _vote(port, ballots[n * share : (n + 1) * share], until, taken, refused)
                for n in range(connections)
            )
        )
        taken.sort()
        p50, p99 = (1000 * taken[int(len(taken) * share)] for share in (0.5, 0.99))
        print(
            f"{len(taken) / seconds:,.0f} votes/s accepted, p50 {p50:.1f} ms, p99 {p99:.1f} ms, "
            f"refused {dict(refused)}, {connections} connections"
        )

    asyncio.run(run())


async def main(seconds: float, connections: int) -> None:
    """Start everything, let the client vote, stop everything."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "pg", password="load", settings=SMALL | FAST)
        kafka = KafkaJava(Path(folder) / "kafka")
        templates = Templates(postgres.start())
        try:
            servers = kafka.start()
            async with templates.database("voting") as database:
                resources = resources_for(
                    database,
                    clock=FixedClock(VOTE_OPENS.astimezone(UTC)),
                    broker=BrokerKind.KAFKA,
                    bootstrap_servers=servers,
                )
                await provision(resources.settings, ("voting", "voting-tally"))
                service = build(resources)
                contest_id = (await ready_to_vote(database)).contest_id
                await open_vote(database, contest_id)
                async with client_for(service) as http, serve(service.http) as url:
                    sign_in(http, [Role.ADMIN], contest_id=contest_id)

                    async def ready() -> bool:
                        return (await http.get("/readyz")).status_code == 200

                    await eventually(ready)
                    path = f"/api/voting/v1/contests/{contest_id}/rehearsal-ballots"
                    ballots = (await http.post(path, json={"count": BALLOTS}, timeout=60)).json()["ballots"]
                    port = int(url.rpartition(":")[2])
                    process = multiprocessing.get_context("spawn").Process(
                        target=client, args=(port, ballots, seconds, connections)
                    )
                    spent = time.process_time()
                    process.start()
                    await asyncio.to_thread(process.join)
                    spent = time.process_time() - spent
                    print(f"{spent:.1f} CPU-seconds of the api process over the run")
        finally:
            kafka.kill()
            postgres.stop()


if __name__ == "__main__":
    given = [float(argument) for argument in sys.argv[1:]] + [8.0, 64.0][len(sys.argv) - 1 :]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(given[0], int(given[1])))
