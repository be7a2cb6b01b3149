"""The closed loop: every connection sends its next request when it has the answer to the last one."""

import asyncio
import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.load.spike.contenders import Failed

_SCRIPT = Path(__file__).with_name("closed.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """What a client saw."""

    sent: int
    statuses: dict[int, int]
    seconds: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    lost: int
    """Connections that broke; a request on each is unknown."""
    exhausted: bool = False

    @property
    def accepted(self) -> int:
        """Answers that promise that the vote is kept."""
        return sum(number for status, number in self.statuses.items() if 200 <= status < 300)

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())

    @property
    def shed(self) -> int:
        """Answers that say: not now. Such a vote may have been recorded."""
        return sum(number for status, number in self.statuses.items() if status >= 500 or status == 429)

    @property
    def per_second(self) -> float:
        return self.accepted / self.seconds if self.seconds else 0.0


def write_requests(path: Path, requests: Iterable[bytes]) -> None:
    """The file that ``closed.lua`` reads."""
    with path.open("wb", buffering=1 << 20) as output:
        for request in requests:
            output.write(b"%06d" % len(request))
            output.write(request)


async def closed_loop(port: int, requests: Path, *, connections: int, seconds: float) -> Load:
    """Send the file's requests over ``connections`` for ``seconds``."""
    wrk = shutil.which("wrk")
    whole = max(1, round(seconds))
    if wrk:
        command = [
            wrk, "-t1", f"-c{connections}", f"-d{whole}s", "--timeout", "10s",
            "-s", str(_SCRIPT), f"http://127.0.0.1:{port}", "--", str(requests),
        ]  # fmt: skip
    else:
        command = [
            sys.executable, "-m", "tests.load.spike.client", "closed", str(port), str(requests),
            str(connections), str(whole),
        ]  # fmt: skip
    said = await run_client(command, whole + 60)
    return _load(said)


async def open_loop(
    port: int, requests: Path, *, connections: int, seconds: float, pace: float
) -> tuple[Load, list[int]]:
    """Send ``pace`` requests a second for ``seconds``: what the client saw, and each request's status
    (0: no answer)."""
    command = [
        sys.executable, "-m", "tests.load.spike.client", "open", str(port), str(requests),
        str(connections), str(seconds), str(pace),
    ]  # fmt: skip
    said = await run_client(command, seconds + 60)
    outcomes = requests.with_suffix(".outcomes")
    found: list[int] = json.loads(outcomes.read_text())
    outcomes.unlink()
    return _load(said), found


def _load(said: dict[str, Any]) -> Load:
    errors = said.pop("errors")
    return Load(
        sent=said["sent"],
        statuses={int(status): number for status, number in said["statuses"].items()},
        seconds=said["seconds"],
        p50_ms=said["p50_ms"],
        p99_ms=said["p99_ms"],
        p999_ms=said["p999_ms"],
        max_ms=said["max_ms"],
        lost=sum(errors.values()),
        exhausted=bool(said["exhausted"]),
    )


async def run_client(command: list[str], within: float) -> dict[str, Any]:
    """Run a client; the JSON of its line ``RESULT …``.

    Raises:
        Failed: it ended without one, or not in time.
    """
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=_SCRIPT.parents[3]
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), within)
    except TimeoutError:
        process.kill()
        raise Failed(f"the client did not end within {within:.0f} s") from None
    for line in output.decode(errors="replace").splitlines():
        if line.startswith("RESULT "):
            found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
            return found
    raise Failed(f"the client said: {output.decode(errors='replace')[-500:]}")
