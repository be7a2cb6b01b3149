"""From an event to its mail at the server: ``python -m tests.load.notice_latency``.

The dispatcher runs every half second, as the worker's timer runs it; events come at random instants. The
clock starts before the consumer's transaction and stops when the SMTP server has taken the mail.
"""

import asyncio
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

from services.notify.mail.transport import SmtpTransport
from shared.embedded.postgres import SMALL, EmbeddedPostgres
from shared.testing.postgres import Templates
from shared.testing.web import publish_contest
from tests.component.notify.notify_kit import Notify, a_contact, an_entry
from tests.load.notice_load import Sink

EVENTS = 100


async def main() -> None:
    sink, took = Sink(), []
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0, limit=2**24)
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "pg", password="load", settings=SMALL)
        try:
            async with Templates(postgres.start()).database("notify") as database:
                await publish_contest(database)
                notify = Notify(database, smtp_port=server.sockets[0].getsockname()[1])
                dispatcher = notify.dispatcher_over(SmtpTransport(notify.resources.settings))

                async def timer() -> None:
                    while True:
                        await dispatcher.run(database)
                        await asyncio.sleep(0.5)

                running = asyncio.create_task(timer())
                for number in range(EVENTS):
                    address = f"p{number}@office{number}.example"
                    await notify.consume(a_contact(f"applicant-{number}", email=address))
                    started = time.monotonic()
                    await notify.consume(an_entry(f"entry-{number}", f"applicant-{number}"))
                    while not any(to == address for to, _ in sink.taken):  # noqa: ASYNC110 - the sink is a process' own
                        await asyncio.sleep(0.005)
                    took.append(time.monotonic() - started)
                    await asyncio.sleep(random.random() * 0.5)
                running.cancel()
        finally:
            postgres.stop()
    took.sort()
    print(
        json.dumps(
            {
                "events": EVENTS,
                "p50 ms": round(statistics.median(took) * 1000),
                "p99 ms": round(took[int(EVENTS * 0.99) - 1] * 1000),
                "most ms": round(took[-1] * 1000),
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
