"""This project as a contender: the same processes as in production, started from their own commands."""

import asyncio
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from services.voting import repository
from services.voting.consumers import subscriptions
from services.voting.domain.ballots import MailClass, issue_ballot, subject_of, voter_of
from services.voting.domain.keys import ContestKeys, derive_keys
from shared.clock import FixedClock, set_rehearsal_clock
from shared.contracts.voting import VoteCast
from shared.db import Database
from shared.db.migrations import upgrade
from shared.messaging.broker import make_reader
from shared.messaging.topics import provision
from shared.settings import BrokerKind, Settings
from shared.testing.rulebooks import VOTE_OPENS, a_rulebook
from shared.web.sessions import new_key_pair
from tests.component.voting.scenario import entry_id, open_vote, ready_to_vote
from tests.load.spike.contenders import START_SECONDS, Contender, Failed, Stored, ask, http
from tests.load.spike.servers import Servers
from tests.load.spike.voters import ENTRIES, Attempt, Expected

_ROOT = Path(__file__).resolve().parents[3]
_DATABASE = "spike_showcase"
_PATH = "/api/voting/v1/votes"
_READY = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
_SECRET = "5e" * 32
_WATCHERS = 200
"""Voters of our own, who look how soon their receipts read "counted"."""
_SEEN = text(
    """
    SELECT coalesce(sum(counted + duplicate + late + held + struck), 0)
    FROM partition_count WHERE contest_id = :contest_id
    """
)
_ROWS = text("SELECT voter_id, entry_id FROM vote WHERE contest_id = :contest_id AND state = 'counted'")
_COUNTS = text(
    "SELECT entry_id, sum(counted)::bigint FROM entry_count WHERE contest_id = :contest_id GROUP BY entry_id"
)
_STALENESS = text(
    """
    SELECT percentile_cont(ARRAY[0.5, 0.99, 1.0])
        WITHIN GROUP (ORDER BY extract(epoch FROM folded_at - (cast_at - shift)))
    FROM vote JOIN rehearsal_clock USING (contest_id) WHERE contest_id = :contest_id
    """
)


class Showcase(Contender):
    """Votes to the log, a tally behind it."""

    promise = (
        "202 when every in-sync replica of the log has the vote; ballot token verified, receipt given, "
        "counted exactly once by the tally a moment later"
    )
    most_per_second = 30_000

    def __init__(self, servers: Servers, logs: Path, processes: int = 1) -> None:
        super().__init__(servers, logs)
        self.name = "showcase"
        self.processes = processes
        self.settings = (
            f"{processes} api, 1 tally worker, 1 for the rest, 1 relay; those but the api give way"
        )
        self._database: Database | None = None
        self._contest_id = ""
        self._keys: ContestKeys | None = None
        self._ballots: list[str] = []
        self._waits: list[float] = []
        self._watched = 0
        self._ends_before = 0
        self._size_before = 0

    async def start(self) -> None:
        if self._database is None:
            await self._install()
        listen = ["--host", "127.0.0.1"]
        voting = [sys.executable, "-m", "services.voting"]
        environment = self._environment()
        api = [*voting, "api", *listen, "--port", str(self.port)]
        if self.processes > 1:
            api += ["--processes", str(self.processes)]
        self.run("app", api, environment, _ROOT)
        tally = [*voting, "worker", *listen, "--port", "0", "--group", "voting-tally"]
        self.run("tally", tally, environment, _ROOT)
        self.run(
            "others",
            [*voting, "worker", *listen, "--port", "0", "--without", "voting-tally"],
            environment,
            _ROOT,
        )
        self.run("others", [*voting, "relay", *listen, "--port", "0"], environment, _ROOT)
        await self.until_listening()

    async def begin(self, poll: str, voters: int) -> None:
        database = self._opened
        self._contest_id = poll
        self._waits = []
        self._watched = 0
        self._ends_before = await self._ends()
        self._size_before = await self._size()
        await ready_to_vote(database, a_rulebook(poll), finalists=ENTRIES)
        await open_vote(database, poll, FixedClock(VOTE_OPENS))
        async with database.transaction() as session:
            await set_rehearsal_clock(session, poll, VOTE_OPENS + timedelta(hours=1))
            pepper = await repository.pepper(session, poll)
        keys = derive_keys(bytes.fromhex(_SECRET), poll, pepper)
        self._keys = keys
        issued = int((VOTE_OPENS + timedelta(minutes=30)).timestamp())
        self._ballots = [
            issue_ballot(keys, subject_of(keys, str(voter)), issued, MailClass.WEBMAIL)
            for voter in range(voters + _WATCHERS)
        ]
        await self._until_open()

    def request(self, attempt: Attempt) -> bytes:
        return http(
            _PATH,
            b'{"ballot":"%b","entry_id":"%b","key":"%b"}'
            % (
                self._ballots[attempt.voter].encode(),
                entry_id(attempt.choice if attempt.valid else 99).encode(),
                attempt.key.encode(),
            ),
        )

    async def settled(self, expected: Expected, at_least: int) -> None:
        at_end = await self._on_the_log()
        while await self._one(_SEEN) < max(at_least, at_end):
            self.alive()
            await asyncio.sleep(0.02)

    async def stored(self, expected: Expected) -> Stored:
        keys = self._keys
        assert keys is not None
        voters = {voter_of(keys, subject_of(keys, str(voter))): voter for voter in expected.first_choice}
        ours = {
            voter_of(keys, subject_of(keys, str(number)))
            for number in range(len(self._ballots) - _WATCHERS, len(self._ballots))
        }
        numbers = {entry_id(number): number for number in range(ENTRIES)}
        found = Stored({})
        async with self._opened.transaction() as session:
            by_entry: dict[str, int] = {}
            for voter_id, entry in await session.execute(_ROWS, {"contest_id": self._contest_id}):
                by_entry[entry] = by_entry.get(entry, 0) + 1
                voter = voters.get(voter_id)
                if voter is not None:
                    found.choice_of[voter] = numbers[entry]
                elif voter_id not in ours:
                    found.strangers += 1
            counters = await session.execute(_COUNTS, {"contest_id": self._contest_id})
            told = {entry: int(count) for entry, count in counters if count}
        if told != by_entry:
            found.complaints.append(f"the counters {told} differ from the rows {by_entry}")
        found.received = await self._one(_SEEN)
        on_log = await self._on_the_log()
        if found.received != on_log:
            found.complaints.append(f"the log has {on_log} votes, the tally {found.received}")
        found.received -= self._watched
        found.bytes_per_vote = (await self._size() - self._size_before) / max(1, found.received)
        return found

    async def watch(self, crowd: list[Attempt]) -> None:
        """Five times a second cast a vote of our own and ask for its receipt until it reads "counted"."""
        for number in range(len(self._ballots) - _WATCHERS, len(self._ballots)):
            status, answer = await ask(self.port, self.request(Attempt(number, 0, "watched-1")))
            if status != 202:
                continue
            self._watched += 1
            began = time.monotonic()
            receipt = answer.rpartition(b'"receipt":"')[2][:14]
            question = b"GET %b/%b HTTP/1.1\r\nHost: x\r\n\r\n" % (_PATH.encode(), receipt)
            # ASYNC110: as a browser would, it asks again and again
            while b'"pending"' in (await ask(self.port, question))[1]:  # noqa: ASYNC110
                await asyncio.sleep(0.025)
            self._waits.append(time.monotonic() - began)
            await asyncio.sleep(max(0.0, 0.2 - self._waits[-1]))

    async def more(self) -> dict[str, float]:
        """Staleness in ms: of every vote from its acceptance by the api to its row in the tally, and, seen
        from outside, from the answer to the receipt that reads "counted"."""
        async with self._opened.transaction() as session:
            row = (await session.execute(_STALENESS, {"contest_id": self._contest_id})).scalar_one()
        figures = dict(zip(("stale_p50_ms", "stale_p99_ms", "stale_max_ms"), row, strict=True))
        if self._waits:
            waits = sorted(self._waits)
            figures["receipt_p50_ms"] = waits[len(waits) // 2]
            figures["receipt_p99_ms"] = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
        return {name: 1000 * float(seconds) for name, seconds in figures.items()}

    async def close(self) -> None:
        """Close what is kept between turns."""
        if self._database is not None:
            await self._database.close()

    @property
    def _opened(self) -> Database:
        assert self._database is not None
        return self._database

    async def _install(self) -> None:
        dsn = await self.servers.fresh_database(_DATABASE)
        await upgrade(dsn, "services.voting")
        self._dsn = dsn
        self._public_key = new_key_pair()[1]
        self._database = Database(dsn)
        self._settings = Settings(broker=BrokerKind.KAFKA, KAFKA_BOOTSTRAP_SERVERS=self.servers.kafka)
        groups = {subscription.group for subscription in subscriptions()}
        await provision(self._settings, sorted(groups))

    def _environment(self) -> Mapping[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.servers.kafka,
            "SHOWCASE_VOTING_DATABASE_URL": self._dsn,
            "SHOWCASE_VOTING_SECRET": _SECRET,
            "SHOWCASE_SESSION_PUBLIC_KEY": self._public_key,
            "SHOWCASE_LOG_LEVEL": "WARNING",
        }

    async def _until_open(self) -> None:
        """Wait until every api process knows the contest: a vote for nobody is refused for that reason."""
        if not self._running:
            return
        known = 0
        probe = self.request(Attempt(0, -1, "is-it-open"))
        try:
            async with asyncio.timeout(START_SECONDS):
                while known < 8 * self.processes:
                    self.alive()
                    status, said = await ask(self.port, probe)
                    known = known + 1 if status == 422 else 0
                    if status != 422:
                        await asyncio.sleep(0.1)
                # ASYNC110: there is nobody in this process who could tell
                while (await ask(self.port, _READY))[0] != 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise Failed(f"showcase does not open its vote: {status} {said[-300:]!r}") from None

    async def _one(self, statement: object) -> int:
        async with self._opened.transaction() as session:
            return int((await session.execute(statement, {"contest_id": self._contest_id})).scalar_one())  # type: ignore[call-overload]

    async def _ends(self) -> int:
        reader = make_reader(self._settings, VoteCast.TOPIC)
        await reader.start()
        try:
            return sum((await reader.end_offsets(reader.assignment())).values())
        finally:
            await reader.stop()

    async def _on_the_log(self) -> int:
        """Votes on the log since the poll began; nobody else writes to it."""
        return await self._ends() - self._ends_before

    async def _size(self) -> int:
        return await self.servers.size_of(_DATABASE) + self.servers.log_bytes(VoteCast.TOPIC)
