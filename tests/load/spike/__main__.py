"""Vote Spike: ``showcase bench votes``, or ``python -m tests.load.spike`` in the repository."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from tests.load.spike.contenders import Contender
from tests.load.spike.peers import Asyncpg, Django, FastStreamPublish, SqlModel, VotingQueue
from tests.load.spike.report import Run, groups, markdown, middle, write
from tests.load.spike.servers import Servers
from tests.load.spike.showcase import Showcase
from tests.load.spike.turns import LOG_WARM_SECONDS, WARM_SECONDS, Line, load_turn, open_turn

KINDS: dict[str, Callable[[Servers, Path, int], Contender]] = {
    "showcase": Showcase,
    "fastapi-sqlmodel": SqlModel,
    "fastapi-asyncpg": Asyncpg,
    "django": Django,
    "voting-queue": VotingQueue,
    "fastapi-faststream": FastStreamPublish,
}
EVERYBODY = (
    "showcase,showcase:2,fastapi-sqlmodel,fastapi-sqlmodel:2,fastapi-asyncpg,fastapi-asyncpg:2,"
    "django,voting-queue,fastapi-faststream,fastapi-faststream:2"
)
_ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run."""

    contenders: tuple[str, ...]
    turns: int
    seconds: float
    connections: tuple[int, ...]
    shares: tuple[int, ...]
    open_seconds: float
    whole: int
    durability: str


def say(text: str) -> None:
    """Progress; standard output is for the result."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


async def run(plan: Plan) -> Run:
    """Everything that was planned; a contender that fails loses its turn and says why."""
    if task := asyncio.current_task():  # asked to end, it stops the servers that it started
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    before = os.getloadavg()[0]
    lines: list[Line] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="showcase-spike-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        logs = _ROOT / "var" / "spike"
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir(parents=True)
        servers = Servers(folder, plan.durability)
        say("starting PostgreSQL and Kafka")
        await servers.start()
        contenders = [_made(text, servers, logs) for text in plan.contenders]
        try:
            if plan.turns > 1:
                await _warm_log(servers, logs, folder)
            for turn in range(1, plan.turns + 1):
                for contender in contenders:
                    lines += await _turn(plan, contender, turn, folder, failed)
            lines += await _open_loops(plan, contenders, lines, folder, failed)
            if plan.whole:
                lines += await _whole(plan, contenders, folder, failed)
        finally:
            for contender in contenders:
                await contender.close()
            await servers.stop()
    return Run(
        lines=lines,
        promises=[(f"{made.name} ×{made.processes}", made.promise, made.settings) for made in contenders],
        durability=plan.durability,
        seconds=plan.seconds,
        load_before=before,
        load_after=os.getloadavg()[0],
        client="wrk" if shutil.which("wrk") else "own",
        failed=failed,
    )


async def _warm_log(servers: Servers, logs: Path, folder: Path) -> None:
    """Votes for nobody, before anything is measured: the log's JVM compiles its code in the first minute,
    with as much CPU as it then needs for its work, and whoever came first would pay for all."""
    say("warming the log")
    contender = Showcase(servers, logs)
    try:
        await contender.start()
        await load_turn(
            contender, turn=0, connections=64, seconds=LOG_WARM_SECONDS, folder=folder, seed=2_000,
            count=contender.most_per_second * LOG_WARM_SECONDS,
        )  # fmt: skip
    finally:
        await contender.stop()
        await contender.close()


def _made(text: str, servers: Servers, logs: Path) -> Contender:
    name, _, processes = text.partition(":")
    return KINDS[name](servers, logs, int(processes or 1))


async def _turn(plan: Plan, contender: Contender, turn: int, folder: Path, failed: list[str]) -> list[Line]:
    """One start of a contender: warm up, then a load at each number of connections."""
    lines: list[Line] = []
    try:
        await _started(contender, turn, folder)
        for connections in plan.connections:
            line = await load_turn(
                contender, turn=turn, connections=connections, seconds=plan.seconds, folder=folder,
                seed=turn, count=int(contender.most_per_second * plan.seconds),
            )  # fmt: skip
            contender.most_per_second = enough_for(line.accepted_per_s)
            _told(line)
            lines.append(line)
    except Exception as error:  # what is measured by then is not thrown away
        failed.append(f"{contender.name} ×{contender.processes}, turn {turn}: {error!r}")
        say(failed[-1])
    finally:
        await contender.stop()
    return lines


def enough_for(rate: float) -> int:
    """Requests a second to write down in advance, after a load with that rate."""
    return max(2_000, int(rate * (4 if rate < 5_000 else 2)))


async def _started(contender: Contender, turn: int, folder: Path) -> None:
    say(f"{contender.name} ×{contender.processes}, turn {turn}: starting")
    await contender.start()
    warm = await load_turn(
        contender, turn=0, connections=64, seconds=WARM_SECONDS, folder=folder, seed=1_000 + turn,
        count=contender.most_per_second * WARM_SECONDS,
    )  # fmt: skip
    contender.most_per_second = max(contender.most_per_second, enough_for(warm.accepted_per_s))


async def _open_loops(
    plan: Plan, contenders: list[Contender], lines: list[Line], folder: Path, failed: list[str]
) -> list[Line]:
    """The open loop for whichever number of this project's processes took most at 64 connections."""
    closed = [
        turn for key, turn in groups(lines).items() if key[0] == "showcase" and key[2] == plan.connections[0]
    ]
    if not plan.shares or not closed:
        return []
    best = max(closed, key=lambda turn: middle(turn, "accepted_per_s"))
    most = middle(best, "accepted_per_s")
    contender = next(c for c in contenders if (c.name, c.processes) == (best[0].contender, best[0].processes))
    found = []
    try:
        await _started(contender, plan.turns + 1, folder)
        for share in plan.shares:
            line = await open_turn(
                contender, turn=1, connections=256, seconds=plan.open_seconds, folder=folder,
                seed=2_000 + share, pace=most * share / 100, share=share,
            )  # fmt: skip
            _told(line)
            found.append(line)
    except Exception as error:  # what is measured by then is not thrown away
        failed.append(f"open loop: {error!r}")
        say(failed[-1])
    finally:
        await contender.stop()
    return found


async def _whole(plan: Plan, contenders: list[Contender], folder: Path, failed: list[str]) -> list[Line]:
    """This project takes the whole crowd once, however long it takes (ten minutes at most)."""
    contender = next((c for c in contenders if c.name == "showcase"), None)
    if contender is None:
        return []
    try:
        await _started(contender, plan.turns + 2, folder)
        line = await load_turn(
            contender, turn=1, connections=plan.connections[0], seconds=600, folder=folder,
            seed=3_000, count=plan.whole,
        )  # fmt: skip
        line = replace(line, loop="whole")
        _told(line)
    except Exception as error:  # what is measured by then is not thrown away
        failed.append(f"the whole crowd: {error!r}")
        say(failed[-1])
        return []
    finally:
        await contender.stop()
    line.more["attempts"] = float(plan.whole)
    return [line]


def _told(line: Line) -> None:
    more = "".join(f", {name} {value:.0f}" for name, value in line.more.items())
    say(
        f"  {line.loop}, {line.connections} connections: {line.accepted_per_s:,.0f} votes/s, "
        f"p50 {line.p50_ms:.1f} ms, p99 {line.p99_ms:.1f} ms, {line.cpu_s_per_million:,.0f} CPU-s a million, "
        f"{'exact' if line.exact else 'VOID: ' + '; '.join(line.complaints)}{more}"
    )


def main(
    contenders: Annotated[
        str, typer.Option(help="Names with numbers of processes: showcase:2,django")
    ] = EVERYBODY,
    turns: Annotated[int, typer.Option(help="How often each contender runs, interleaved.")] = 5,
    seconds: Annotated[float, typer.Option(help="How long one load lasts.")] = 15,
    connections: Annotated[str, typer.Option(help="Numbers of connections of the closed loop.")] = "64,256",
    shares: Annotated[str, typer.Option(help="Open loop of this project, in % of its maximum.")] = "25,50,75",
    whole: Annotated[bool, typer.Option(help="This project also takes all 1,111,111 votes.")] = True,
    durability: Annotated[str, typer.Option(help="crash or power: what every store survives.")] = "crash",
    small: Annotated[bool, typer.Option(help="A look within three minutes: one short turn each.")] = False,
    output: Annotated[Path, typer.Option(help="Where the three files are written.")] = Path(
        "docs/measurements"
    ),
    name: Annotated[str, typer.Option(help="Their name.")] = "vote-spike",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the report.")] = False,
) -> None:
    """Vote Spike: this project's vote against the stacks a team would pick, on this machine."""
    unknown = {part.partition(":")[0] for part in contenders.split(",")} - KINDS.keys()
    if unknown or durability not in ("crash", "power"):
        typer.echo(f"Unknown: {', '.join(unknown) or durability}. Contenders: {', '.join(KINDS)}.", err=True)
        raise typer.Exit(2)
    plan = Plan(
        contenders=tuple(contenders.split(",")),
        turns=turns,
        seconds=seconds,
        connections=tuple(int(number) for number in connections.split(",")),
        shares=tuple(int(number) for number in shares.split(",") if number),
        open_seconds=max(seconds, 20),
        whole=1_122_222 if whole else 0,
        durability=durability,
    )
    if small:
        chosen = plan.contenders if contenders != EVERYBODY else tuple(KINDS)
        plan = Plan(chosen, 1, 4, (64,), (50,), 6, 0, durability)
    found = asyncio.run(run(plan))
    files = write(found, output if output.is_absolute() else _ROOT / output, name)
    typer.echo(json.dumps(found.stated(), indent=1) if as_json else markdown(found))
    say("written: " + ", ".join(str(path) for path in files))
    if found.failed or not all(line.exact for line in found.lines):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
