"""A relay in a process of its own, which kills itself at a given step.

Arguments: bootstrap servers, DSN, step to die at (or "never"), at which occurrence.
"""

import asyncio
import os
import signal
import sys

from shared.db import Database
from shared.messaging import election
from shared.messaging.relay import Relay
from shared.testing.kafka import settings_for_kafka


async def main(servers: str, dsn: str, step: str, occurrence: int) -> None:
    election.SILENCE_MS = 2_000  # so that a stopped leader is found out soon
    seen = 0

    async def at(reached: str) -> None:
        nonlocal seen
        print(reached, flush=True)
        if reached == step:
            seen += 1
            if seen == occurrence:
                os.kill(os.getpid(), signal.SIGKILL)

    relay = Relay(settings_for_kafka(servers), Database(dsn), "test", delivery_timeout_ms=300, at=at)
    async with relay:
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
