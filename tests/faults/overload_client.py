"""A crowd in a process of its own: ``overload_client.py PLAN``, where PLAN is a JSON file.

It sends votes at a fixed rate whatever comes back, as a country does, over as many connections as it
needs, and writes every request with its answer, one JSON line each, to the file that the plan names.
With rate 0 it is a closed loop instead: the next vote of a connection when its last one is answered.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

from tests.faults.clients import Line, Vote, Voter, cast
from tests.faults.history import History

TICK = 0.005


def no_receipt(voter_id: str, key: str, entry: str) -> str:
    """Which receipt it has to be is worked out by whoever reads the file: here it is the key."""
    return key


async def open_loop(plan: dict[str, Any], vote: Vote) -> int:
    """Returns the votes that could not even be sent: every connection was waiting for an answer."""
    idle = [Line(plan["port"], plan["patience"]) for _ in range(plan["connections"])]
    running: set[asyncio.Task[None]] = set()
    began, sent, skipped = time.monotonic(), 0, 0

    async def one(line: Line, number: int) -> None:
        voter = vote.voters[number % len(vote.voters)]
        await cast(line, vote, voter, vote.entries[number % len(vote.entries)], f"{plan['name']}-{number}")
        idle.append(line)

    while (now := time.monotonic() - began) < plan["seconds"]:
        for number in range(sent, int(now * plan["rate"])):
            sent += 1
            if not idle:
                skipped += 1
                continue
            task = asyncio.create_task(one(idle.pop(), number))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.sleep(TICK)
    await asyncio.gather(*running)
    return skipped


async def closed_loop(plan: dict[str, Any], vote: Vote) -> int:
    """Every connection as fast as it is answered."""
    numbers = iter(range(10**9))
    ends = time.monotonic() + plan["seconds"]

    async def work(line: Line) -> None:
        for number in numbers:
            if time.monotonic() > ends:
                break
            voter = vote.voters[number % len(vote.voters)]
            await cast(
                line, vote, voter, vote.entries[number % len(vote.entries)], f"{plan['name']}-{number}"
            )
        line.close()

    await asyncio.gather(*(work(Line(plan["port"], plan["patience"])) for _ in range(plan["connections"])))
    return 0


async def main(plan: dict[str, Any]) -> None:
    """Do what the plan says, then write the history and, as its last line, what was not sent."""
    vote = Vote("", [Voter(*each) for each in plan["voters"]], plan["entries"], no_receipt)
    skipped = await (open_loop if plan["rate"] else closed_loop)(plan, vote)
    write(Path(plan["history"]), vote.history, skipped)


def write(path: Path, history: History, skipped: int) -> None:
    """The history, a line each."""
    with path.open("w") as file:
        for each in history.attempts:
            row = (each.voter, each.entry, each.receipt, each.answer.value, each.said, each.seconds)
            file.write(json.dumps(row) + "\n")
        file.write(json.dumps({"skipped": skipped}) + "\n")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(json.loads(Path(sys.argv[1]).read_text())))
