"""A crowd in a process of its own: ``overload_client.py PLAN``, where PLAN is a JSON file.

It sends votes at a fixed rate whatever comes back, as a country does, and writes every request with its
answer, one JSON line each, to the file that the plan names; an answer's time counts from when its
request was due. With rate 0 it is a closed loop instead: the next vote of a connection when its last
one is answered. The client is the benchmark's, which costs little beside what it measures.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

from tests.faults.clients import read_answer
from tests.faults.history import Answer
from tests.load.spike.client import Run

MOST_A_SECOND = 20_000
"""What a closed loop may need."""


class Crowd(Run):
    """The benchmark's load, which also remembers what each request was told."""

    def __init__(self, port: int, requests: list[bytes], pace: float) -> None:
        super().__init__(port, requests, pace)
        self.heard: dict[int, tuple[Answer, str, float]] = {}

    def answered(self, number: int, status: int, body: bytes) -> None:
        super().answered(number, status, body)
        self.heard[number] = (*read_answer(status, body), time.perf_counter() - self.sent_at[number])


async def main(plan: dict[str, Any]) -> None:
    """Do what the plan says, then write the history and, as its last line, what was never sent."""
    voters, entries = plan["voters"], plan["entries"]
    count = int(plan["seconds"] * (plan["rate"] or MOST_A_SECOND))

    def vote(number: int) -> tuple[str, str, str, str]:
        ballot, voter = voters[number % len(voters)]
        return ballot, voter, entries[number % len(entries)], f"{plan['name']}-{number}"

    crowd = Crowd(plan["port"], [request(*vote(number)) for number in range(count)], plan["rate"])
    await crowd.go(plan["connections"], plan["seconds"])
    never_sent = set(crowd.due)
    lines: list[object] = []
    for number in range(crowd.next):
        if number not in never_sent:
            _, voter, entry, key = vote(number)
            answer, said, took = crowd.heard.get(number, (Answer.UNKNOWN, "no answer", 0.0))
            lines.append((voter, entry, key, answer.value, said, took))
    lines.append({"skipped": len(never_sent)})
    await asyncio.to_thread(Path(plan["history"]).write_text, "".join(json.dumps(x) + "\n" for x in lines))


def request(ballot: str, _voter: str, entry: str, key: str) -> bytes:
    """One vote as it goes over the wire."""
    body = json.dumps({"ballot": ballot, "entry_id": entry, "key": key}).encode()
    head = f"POST /api/voting/v1/votes HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(json.loads(Path(sys.argv[1]).read_text())))
