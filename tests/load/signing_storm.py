"""Many writers sign at once and are killed at every step: ``python -m tests.load.signing_storm``.

Each writer is a process of its own that signs letters one after the other, each in the transaction that the
system uses; at every step it may be killed with SIGKILL, and another takes its place. Afterwards the numbers
must have no gap and no repeat, the chain must hold, and every letter must have its PDF.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import text

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.handlers import approving, drafting, letters, rendering, signing
from services.notify.handlers.second_factor import Confirmed
from services.notify.handlers.verifying import verify_registers
from services.notify.letters.compose import Typesetting
from shared.clock import DatabaseClock
from shared.db import Database
from shared.db.migrations import upgrade
from shared.embedded.postgres import SMALL, EmbeddedPostgres
from shared.errors import DomainError
from shared.testing.postgres import in_database
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import publish_contest

# SQLModel marks SQLAlchemy's own execute as deprecated; plain SQL needs it
warnings.filterwarnings("ignore", r"\s*.*You probably want to use", DeprecationWarning)

STEPS = ("before", "number", "chained", "committed", "rendered")
_COPY = text(
    """
    INSERT INTO letter (contest_id, letter_id, template, kind, agency, series, state, overrides, facts,
        parent_id, subject, addressee, urgency, content, recipients, number_text, inputs_sha256, sha256,
        pages, drafted_by, drafted_at, signed_by)
    SELECT contest_id, 'storm-' || n, template, kind, agency, series, state, overrides, facts, parent_id,
        subject, addressee, urgency, content, recipients, '', '', '', 0, drafted_by, drafted_at, ''
    FROM letter, generate_series(2, CAST(:count AS integer)) AS n WHERE letter_id = :letter_id
    """
)
_WAITING = text("SELECT letter_id FROM letter WHERE state = 'approved' ORDER BY random() LIMIT 20")


def storm_database(dsn: str) -> str:
    """The storm's own database on the server at ``dsn``."""
    return in_database(dsn, f"signing_storm_{os.getpid()}")


async def prepare(dsn: str, count: int) -> None:
    """A migrated database that knows the contest, with ``count`` approved letters."""
    await upgrade(dsn, "services.notify")
    database, clock = Database(dsn), DatabaseClock()
    await publish_contest(database)
    async with database.transaction() as session:
        command = drafting.DraftLetter(CONTEST_ID, "circular-governors", "drafter", overrides={})
        letter = await drafting.draft_letter(session, clock, command)
        await letters.submit_letter(session, clock, letter.letter_id, "drafter")
    await approving.approve_letter(database, clock, letter.letter_id, "approver", "http://storm.test")
    async with database.transaction() as session:
        await session.execute(_COPY, {"count": count, "letter_id": letter.letter_id})
    await database.close()


def killed_at(steps: random.Random, chance: float) -> Callable[[str], None]:
    """Ends this process at a step, now and then, the hard way; says where before."""

    def maybe(step: str) -> None:
        if steps.random() < chance:
            os.write(1, f"{step}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    return maybe


def lay_mines(maybe: Callable[[str], None]) -> None:
    """Let the steps within the transaction kill too."""
    take, append, render = repository.letters.take_number, repository.register.append, rendering.render_letter

    async def take_number(*args: Any, **kwargs: Any) -> int:
        number = await take(*args, **kwargs)
        maybe("number")
        return number

    async def append_entry(*args: Any, **kwargs: Any) -> Any:
        entry = await append(*args, **kwargs)
        maybe("chained")
        return entry

    async def render_letter(*args: Any, **kwargs: Any) -> Any:
        rendered = await render(*args, **kwargs)
        maybe("rendered")
        return rendered

    repository.letters.take_number = take_number
    repository.register.append = append_entry  # type: ignore[assignment]
    rendering.render_letter = render_letter  # type: ignore[assignment]


async def write(dsn: str, seed: int, chance: float, render_share: float) -> None:
    """Sign until nothing waits."""
    chances = random.Random(seed)
    maybe = killed_at(chances, chance)
    lay_mines(maybe)
    database, clock = Database(dsn, pool_size=1), DatabaseClock()
    approver = Confirmed(f"approver-{seed}", "test")
    while True:
        async with database.transaction() as session:
            waiting = list((await session.execute(_WAITING)).scalars())
        if not waiting:
            break
        for letter_id in waiting:
            maybe("before")
            try:
                async with database.transaction() as session:
                    await signing.sign_letter(session, clock, letter_id, approver, approver=True)
            except DomainError:
                continue  # another writer was faster
            maybe("committed")
            if chances.random() < render_share:
                await rendering.finish_letter(database, letter_id)
    await database.close()


def storm(dsn: str, writers: int, chance: float, render_share: float) -> Counter[str]:
    """Run the writers until all letters are signed; how often they were killed, by step."""
    _ = Typesetting(contest_files(CONTEST_ID)).breaker.runs("เมืองอัจฉริยะ")
    deaths: Counter[str] = Counter()
    seeds = iter(range(1, 1_000_000))
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    running: set[int] = set()

    def start() -> None:
        seed = next(seeds)
        if (pid := os.fork()) == 0:
            os.dup2(writer, 1)
            asyncio.run(write(dsn, seed, chance, render_share))
            os._exit(0)
        running.add(pid)

    for _ in range(writers):
        start()
    while running:
        pid, status = os.wait()
        running.discard(pid)
        if os.WIFSIGNALED(status):
            start()
        elif os.waitstatus_to_exitcode(status):
            raise SystemExit(f"a writer failed with {os.waitstatus_to_exitcode(status)}")
        said = b""
        with contextlib.suppress(BlockingIOError):
            said = os.read(reader, 65_536)
        deaths.update(said.decode().split())
    return deaths


async def judge(dsn: str) -> dict[str, Any]:
    """What came of it."""
    database = Database(dsn)
    started = time.process_time()
    while True:
        async with database.transaction() as session:
            if not await repository.letters.unfinished_letters(session):
                break
        await rendering.finish_letters(database)
    rendering_seconds = time.process_time() - started
    (book,) = await verify_registers(database)
    async with database.transaction() as session:
        rows = list(await repository.letters.letters(session, CONTEST_ID))
    await database.close()
    numbers = sorted(row.number or 0 for row in rows)
    return {
        "letters": len(rows),
        "first": numbers[0],
        "last": numbers[-1],
        "gap_free": numbers == list(range(numbers[0], numbers[0] + len(rows))),
        "with_pdf": sum(bool(row.sha256) for row in rows),
        "entries": book.entries,
        "broken": book.broken.what if book.broken else None,
        "rendering_cpu_seconds": round(rendering_seconds, 1),
    }


async def admin(dsn: str, statement: str) -> None:
    """One statement on the server."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


def main() -> int:
    """Run the storm and print what came of it as JSON; 0 where everything holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dsn", help="of a PostgreSQL server, as an administrator; else one of its own")
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--each", type=int, default=1000, help="signings for each writer")
    parser.add_argument("--chance", type=float, default=0.01, help="of being killed, at each step")
    parser.add_argument("--render", type=float, default=0.2, help="share that the writer renders itself")
    given = parser.parse_args()
    if given.dsn:
        return run(given.dsn, given)
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "pg", password="storm", settings=SMALL)
        try:
            return run(postgres.start(), given)
        finally:
            postgres.stop()


def run(server: str, given: argparse.Namespace) -> int:
    """The storm on the PostgreSQL ``server``; 0 where everything holds."""
    dsn = storm_database(server)
    asyncio.run(admin(server, f"CREATE DATABASE {dsn.rpartition('/')[2]}"))
    try:
        asyncio.run(prepare(dsn, given.writers * given.each))
        started = time.monotonic()
        deaths = storm(dsn, given.writers, given.chance, given.render)
        seconds = time.monotonic() - started
        found = asyncio.run(judge(dsn))
    finally:
        asyncio.run(admin(server, f"DROP DATABASE {dsn.rpartition('/')[2]} WITH (FORCE)"))
    found |= {"killed": dict(sorted(deaths.items())), "seconds": round(seconds, 1)}
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    holds = found["gap_free"] and found["broken"] is None and found["with_pdf"] == found["letters"]
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
