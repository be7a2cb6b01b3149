"""Codes a second from the queue to a mail server on this machine: ``python -m tests.load.code_load [CODES]``.

The queue, the vault and the courier are the real ones, on a PostgreSQL of its own; mail goes over SMTP to
the sink of the embedded mode, one connection each. The pace is set too high to matter, so that the figure
says what the courier can do; a provider allows less.
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC
from pathlib import Path

from services.voting.app import build
from shared.clock import FixedClock
from shared.db import Database
from shared.db.migrations import upgrade
from shared.embedded.postgres import SMALL, EmbeddedPostgres
from shared.mail import SmtpMailer
from shared.mail.sink import MailSink
from shared.service import Resources
from shared.testing.rulebooks import VOTE_OPENS, a_rulebook
from shared.testing.web import CONTEST_ID, client_for, resources_for
from tests.component.voting.scenario import ready_to_vote, send_due_codes


async def run(dsn: str, folder: Path, codes: int) -> dict[str, float]:
    """Ask for ``codes`` codes, then send all of them."""
    await upgrade(dsn, "services.voting")
    database = Database(dsn)
    async with MailSink(folder / "mail") as sink:
        wide = dict.fromkeys(("friction_address", "friction_network", "friction_prefix"), "1e8 2e8 3e8")
        given = resources_for(
            database,
            clock=FixedClock(VOTE_OPENS.astimezone(UTC)),
            codes_per_second=1e6,
            codes_per_second_and_provider=1e6,
            friction_seconds="0 1 2 3",
            **wide,
        )
        mailer = SmtpMailer("127.0.0.1", sink.port, "no-reply@showcase.invalid")
        resources = Resources(given.settings, database, given.clock, mailer, given.sessions)
        await ready_to_vote(database, a_rulebook())
        service = build(resources)
        asked, cpu = time.perf_counter(), time.process_time()
        async with client_for(service.http) as client:
            gate = asyncio.Semaphore(8)

            async def ask(number: int) -> None:
                body = {"contest_id": CONTEST_ID, "email": f"voter{number}@example{number % 50}.go.th"}
                async with gate:
                    answer = await client.post("/api/voting/v1/ballot-codes", json=body)
                answer.raise_for_status()

            await asyncio.gather(*(ask(number) for number in range(codes)))
        asked, asked_cpu = time.perf_counter() - asked, time.process_time() - cpu
        sent, cpu = time.perf_counter(), time.process_time()
        while len(sink.mailbox) < codes:
            await send_due_codes(service, database)
        sent, sent_cpu = time.perf_counter() - sent, time.process_time() - cpu
    await database.close()
    return {
        "asked_per_s": codes / asked,
        "asked_cpu_ms": asked_cpu / codes * 1_000,
        "sent_per_s": codes / sent,
        "sent_cpu_ms_with_the_sink": sent_cpu / codes * 1_000,
    }


def main() -> None:
    """Print the figures, one a line."""
    codes = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory(prefix="showcase-codes-") as name:
        server = EmbeddedPostgres(Path(name) / "data", password="test", settings=SMALL)
        try:
            figures = asyncio.run(run(server.start(), Path(name), codes))
        finally:
            server.stop()
    for name, value in figures.items():
        sys.stdout.write(f"{name:<28}{value:10.1f}\n")


if __name__ == "__main__":
    main()
