"""Writers are killed while they sign: no number is lost or given twice. The full one is in tests/load."""

import asyncio
import json
import sys

from tests.load.signing_storm import STEPS


async def test_numbers_hold_while_writers_are_killed_at_every_step(postgres_dsn: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.load.signing_storm", "--dsn", postgres_dsn,
        "--writers", "4", "--each", "10", "--chance", "0.08", "--render", "0.3",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()[-2000:]
    found = json.loads(output)
    assert (found["letters"], found["gap_free"], found["broken"], found["with_pdf"]) == (40, True, None, 40)
    assert set(found["killed"]) <= set(STEPS)
    assert sum(found["killed"].values()) >= 3
