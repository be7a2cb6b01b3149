"""The results to many addresses, through everything: ``python -m tests.load.notice_load --count 10000``.

Real PostgreSQL with durable commits, a real SMTP server in a process of its own, the dispatcher as the
worker runs it, at the pace of the settings. Prints wall and CPU seconds of each part and checks that
every address got exactly one mail.
"""

import argparse
import asyncio
import json
import multiprocessing
import resource
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from email import message_from_bytes
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from services.notify import repository
from services.notify.handlers import review
from services.notify.mail.transport import SmtpTransport
from services.notify.tables import Contact, Entry
from shared.contracts.ids import ContestId
from shared.contracts.scoring import ResultsPublished
from shared.db import Database
from shared.embedded.postgres import SMALL, EmbeddedPostgres
from shared.testing.postgres import Templates
from shared.testing.rulebooks import CONTEST_ID, RESULTS
from shared.testing.web import publish_contest
from tests.component.notify.notify_kit import Notify


class Sink:
    """An SMTP server that costs next to nothing: it remembers who got which Message-ID."""

    def __init__(self) -> None:
        self.taken: Counter[tuple[str, str]] = Counter()
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"220 sink\r\n")
        to = ""
        while line := await reader.readline():
            command = line[:4].upper()
            answer = b"250 ok\r\n"
            if command == b"RCPT":
                to = line.partition(b"<")[2].partition(b">")[0].decode()
            elif command == b"DATA":
                writer.write(b"354 go\r\n")
                content = await reader.readuntil(b"\r\n.\r\n")
                head = message_from_bytes(content.partition(b"\r\n\r\n")[0])
                self.taken[to, str(head["Message-ID"])] += 1
            elif command == b"QUIT":
                answer = b"221 bye\r\n"
            writer.write(answer)
            await writer.drain()
            if command == b"QUIT":
                break
        writer.close()


def run_sink(pipe: Connection) -> None:
    """The SMTP server's process: tells its port, and at the end what it took and its CPU seconds."""

    async def serve() -> None:
        sink = Sink()
        server = await asyncio.start_server(sink.serve, "127.0.0.1", 0, limit=2**24)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(pipe.recv)
        server.close()
        pipe.send(
            {
                "addresses": len({to for to, _ in sink.taken}),
                "mails": sum(sink.taken.values()),
                "ids": len(sink.taken),
                "connections": sink.connections,
                "cpu": time.process_time(),
            }
        )

    asyncio.run(serve())


async def prepare(database: Database, count: int, domains: int) -> None:
    """So many people with an accepted entry each, at so many mail domains."""
    await publish_contest(database)
    contacts = [
        Contact(
            contest_id=CONTEST_ID,
            contact_id=f"c{number}",
            revision=1,
            name=f"ผู้ประสานงาน {number}",
            email=f"p{number}@office{number % domains}.example",
            organisation=f"เทศบาลตัวอย่าง {number}",
            roles=["applicant"],
            language="en" if number % 10 == 0 else "th",
        ).model_dump()
        for number in range(count)
    ]
    entries = [
        Entry(
            contest_id=CONTEST_ID,
            entry_id=f"e{number}",
            revision=1,
            state="accepted",
            contact_id=f"c{number}",
            reference=f"SC65-{number:05}",
            title={"th": f"ผลงาน {number}", "en": f"Entry {number}"},
            changed_at=datetime.now(UTC),
        ).model_dump()
        for number in range(count)
    ]
    for table, rows in ((Contact, contacts), (Entry, entries)):
        for start in range(0, count, 200):
            async with database.transaction() as session:
                await session.execute(insert(table), rows[start : start + 200])


async def measure(database: Database, count: int, domains: int, **settings: Any) -> dict[str, Any]:
    """Publish the results, review the batch, send it. Returns seconds by part and what the server took."""
    await prepare(database, count, domains)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=run_sink, args=(theirs,), daemon=True)
    process.start()
    try:
        port: int = await asyncio.to_thread(ours.recv)
        notify = Notify(database, smtp_port=port, **settings)
        dispatcher = notify.dispatcher_over(SmtpTransport(notify.resources.settings))
        parts: dict[str, tuple[float, float]] = {}
        started, cpu = time.monotonic(), _cpu()

        def mark(name: str) -> None:
            nonlocal started, cpu
            parts[name] = (round(time.monotonic() - started, 2), round(_cpu() - cpu, 2))
            started, cpu = time.monotonic(), _cpu()

        await notify.consume(
            ResultsPublished(
                contest_id=ContestId(CONTEST_ID), revision=1, awards=(), approved_by=(), published_at=RESULTS
            )
        )
        mark("planned")
        await dispatcher.run(database)
        mark("built for review")
        async with database.transaction() as session:
            [batch] = await review.batches(session, CONTEST_ID)
        async with database.transaction() as session:
            await review.approve(session, notify.clock, batch.notices, "staff")
        mark("approved")
        while await unsent(database):
            await dispatcher.run(database)
            await asyncio.sleep(0.1)
        mark("sent")
        ours.send("stop")
        taken = await asyncio.to_thread(ours.recv)
    finally:
        process.join(5)
        process.kill()
    return {"count": count, "domains": domains, "parts (wall, CPU)": parts, "server": taken}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def unsent(database: Database) -> int:
    """How many notices are still on their way."""
    async with database.transaction() as session:
        counts = await repository.notices.counts(session, CONTEST_ID)
    return sum(count for state, count in counts.items() if state in ("planned", "built"))


async def main(count: int, domains: int, settings: dict[str, float]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "pg", password="load", settings=SMALL)
        templates = Templates(postgres.start())
        try:
            async with templates.database("notify") as database:
                found = await measure(database, count, domains, **settings)
        finally:
            postgres.stop()
    print(json.dumps(found, indent=2))
    server = found["server"]
    return 0 if server["addresses"] == server["ids"] == count else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--domains", type=int, default=1_000)
    parser.add_argument("--no-pace", action="store_true", help="as fast as the server takes them")
    options = parser.parse_args()
    unpaced = {"mail_per_second": 0, "mail_per_domain_per_second": 0} if options.no_pace else {}
    raise SystemExit(asyncio.run(main(options.count, options.domains, unpaced)))
