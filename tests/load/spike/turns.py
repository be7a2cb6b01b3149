"""One turn of one contender: start, warm up, load, let it settle, check that every vote is there once."""

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.load.spike.closed import Load, closed_loop, open_loop, write_requests
from tests.load.spike.contenders import Contender, Stored
from tests.load.spike.usage import Usage
from tests.load.spike.voters import Attempt, Expected, attempts, expected_of

WARM_SECONDS = 3
LOG_WARM_SECONDS = 30
SETTLE_SECONDS = 120.0
_polls = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Line:
    """What one turn came to."""

    contender: str
    processes: int
    connections: int
    loop: str
    """``closed``, or the share of the maximum at which the open loop ran: ``open 50 %``."""
    turn: int
    accepted: int
    accepted_per_s: float
    shed: int
    unknown: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    cpu: dict[str, float]
    """CPU seconds per million accepted votes by part; the load's own is not in it."""
    pss_mb: float
    pss_by_part: dict[str, float]
    bytes_per_vote: float
    settled_after_s: float
    """From the last acknowledgement to the final tally."""
    exact: bool
    complaints: list[str] = field(default_factory=list)
    more: dict[str, float] = field(default_factory=dict)

    @property
    def cpu_s_per_million(self) -> float:
        return sum(self.cpu.values())


def poll_name() -> str:
    """A vote that nobody has voted in."""
    return f"spike-{int(time.time()) % 1_000_000}-{next(_polls)}"


def stream(seed: int, count: int) -> list[Attempt]:
    """The first ``count`` attempts of a crowd that is large enough."""
    return list(itertools.islice(attempts(seed, count), count))


async def load_turn(
    contender: Contender, *, turn: int, connections: int, seconds: float, folder: Path, seed: int, count: int
) -> Line:
    """Load a contender that runs, for ``seconds`` or ``count`` attempts, and judge what it kept."""
    crowd = await asyncio.to_thread(stream, seed, count)
    await contender.begin(poll_name(), 1 + max(attempt.voter for attempt in crowd))
    file = folder / "requests"
    await asyncio.to_thread(write_requests, file, map(contender.request, crowd))
    usage = Usage({**contender.pids, **contender.servers.pids})
    usage.begin()
    load = await closed_loop(contender.port, file, connections=connections, seconds=seconds)
    file.unlink()
    return await judged(
        contender, load, crowd[: load.sent], usage,
        turn=turn, connections=connections, loop="closed",
    )  # fmt: skip


async def open_turn(
    contender: Contender,
    *,
    turn: int,
    connections: int,
    seconds: float,
    folder: Path,
    seed: int,
    pace: float,
    share: int,
) -> Line:
    """Send ``pace`` requests a second, come what may; every single answer is held against the tally."""
    crowd = await asyncio.to_thread(stream, seed, int(pace * seconds))
    await contender.begin(poll_name(), 1 + max(attempt.voter for attempt in crowd))
    file = folder / "requests"
    await asyncio.to_thread(write_requests, file, map(contender.request, crowd))
    usage = Usage({**contender.pids, **contender.servers.pids})
    watch = asyncio.create_task(contender.watch(crowd))
    usage.begin()
    load, outcomes = await open_loop(
        contender.port, file, connections=connections, seconds=seconds, pace=pace
    )
    watch.cancel()
    watched = await asyncio.gather(watch, return_exceptions=True)
    file.unlink()
    line = await judged(
        contender, load, crowd[: load.sent], usage,
        turn=turn, connections=connections, loop=f"open {share} %", outcomes=outcomes,
    )  # fmt: skip
    line.more["pace_per_s"] = pace
    line.more.update(await contender.more())
    if isinstance(watched[0], Exception):
        line.complaints.append(f"the watch ended: {watched[0]!r}")
    return line


async def judged(
    contender: Contender,
    load: Load,
    sent: list[Attempt],
    usage: Usage,
    *,
    turn: int,
    connections: int,
    loop: str,
    outcomes: list[int] | None = None,
) -> Line:
    """Wait for the final tally, take the bill, and hold what is stored against what was sent."""
    expected = expected_of(sent)
    complaints: list[str] = []
    began = time.monotonic()
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            await contender.settled(expected, load.accepted)
    except TimeoutError:
        complaints.append(f"no final tally within {SETTLE_SECONDS:.0f} s")
    settled_after = time.monotonic() - began
    await usage.end()
    stored = await contender.stored(expected)
    unknown = load.sent - load.answered
    if unknown > connections + load.lost:
        complaints.append(f"{unknown} requests were not answered, over {connections} connections")
    if not load.accepted:
        complaints.append("no vote was accepted")
    complaints += stored.complaints + faults(load, expected, stored)
    if outcomes is not None:
        complaints += singly(sent, outcomes, stored)
    million = max(1, load.accepted) / 1e6
    return Line(
        contender=contender.name,
        processes=contender.processes,
        connections=connections,
        loop=loop,
        turn=turn,
        accepted=load.accepted,
        accepted_per_s=load.per_second,
        shed=load.shed,
        unknown=unknown,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        p999_ms=load.p999_ms,
        max_ms=load.max_ms,
        cpu={part: used / million for part, used in usage.cpu.items()},
        pss_mb=sum(usage.peak_mb.values()),
        pss_by_part=usage.peak_mb,
        bytes_per_vote=stored.bytes_per_vote,
        settled_after_s=settled_after,
        exact=not complaints,
        complaints=complaints,
    )


def faults(load: Load, expected: Expected, stored: Stored) -> list[str]:
    """What is wrong with the votes that were kept; empty when every one is there, once, as it was cast.

    The client knows how many requests it sent, in which order, and what each answer was. A request
    without an answer, or answered with 503, may have been recorded or not; nothing else is open.
    """
    found = []
    unknown = load.sent - load.answered
    undecided = unknown + load.shed
    refused = load.answered - load.accepted - load.shed
    if stored.strangers:
        found.append(f"{stored.strangers} votes of voters who did not vote")
    changed = sum(choice != expected.first_choice.get(voter) for voter, choice in stored.choice_of.items())
    if changed > load.shed:  # whose first attempt was refused may have had the second one counted
        found.append(f"{changed} votes that are not the voter's first choice, {load.shed} were refused")
    missing = len(expected.first_choice) - len(stored.choice_of)
    if missing > undecided:
        found.append(f"{missing} voters are missing, and only {undecided} requests were left undecided")
    if not expected.invalid - unknown <= refused <= expected.invalid:
        found.append(f"{refused} requests refused, {expected.invalid} were not on the ballot")
    received = stored.received
    if received is not None and not load.accepted <= received <= load.accepted + undecided:
        found.append(f"{load.accepted} accepted, {received} on the log, {undecided} undecided")
    return found


def singly(sent: list[Attempt], outcomes: list[int], stored: Stored) -> list[str]:
    """The same question asked of every single request: who was told yes must be counted, and as he first
    chose where his first attempt was the one that was taken."""
    first: dict[int, tuple[int, bool]] = {}
    told = set()
    for attempt, status in zip(sent, outcomes, strict=True):
        if attempt.valid:
            taken = 200 <= status < 300
            first.setdefault(attempt.voter, (attempt.choice, taken))
            if taken:
                told.add(attempt.voter)
    found = []
    if lost := told - stored.choice_of.keys():
        found.append(f"{len(lost)} voters were told that their vote is kept, and it is not")
    other = sum(
        taken and stored.choice_of.get(voter, choice) != choice for voter, (choice, taken) in first.items()
    )
    if other:
        found.append(f"{other} voters whose first choice was taken have another one counted")
    return found
