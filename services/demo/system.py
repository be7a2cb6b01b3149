"""The system that the demo plays on: one that it starts itself, in a process of its own, or a given one."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from services.demo.api import DemoFailed

_START_SECONDS = 240.0
_STOP_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class System:
    """Where a running system is."""

    url: str
    bootstrap_servers: str
    """Empty where the log cannot be reached: then nothing is recounted."""
    mail_url: str
    mailpit: bool
    admin: str
    """E-mail address of an administrator."""
    broker: str = "kafka"
    pid: int = 0
    var: Path | None = None
    """The folder of the demo's own system; None for a given one."""
    ended: Callable[[], Awaitable[object]] | None = None
    """Returns when the demo's own system has ended, whoever stopped it."""


def program() -> str:
    """How a person who started the demo starts this program again: ``.venv/bin/showcase`` under ``make``."""
    return sys.argv[0] if Path(sys.argv[0]).name == "showcase" else "showcase"


@contextlib.asynccontextmanager
async def own_system(var: Path, *, admin: str, port: int | None) -> AsyncIterator[System]:
    """A fresh system under ``var``: whatever an earlier demo left there is deleted.

    Raises:
        DemoFailed: it did not start; the message holds what it said.
    """
    _make_anew(var)
    said = var / "start.log"
    command = [sys.executable, "-m", "services.cli", "up", "--var", str(var)]
    if port is not None:
        command += ["--port", str(port)]
    with said.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=log, stderr=log, start_new_session=True
        )
    try:
        addresses = await _addresses(var, process, said)
        environment = os.environ | {"SHOWCASE_VAR": str(var)}
        await _run([sys.executable, "-m", "services.cli", "admin", admin, "--var", str(var)], environment)
        yield System(
            url=addresses["http"],
            bootstrap_servers=addresses["bootstrap_servers"],
            mail_url=addresses["http"],
            mailpit=False,
            admin=admin,
            broker=addresses["broker"],
            pid=process.pid,
            var=var,
            ended=process.wait,
        )
    finally:
        await _stop(process)


def _make_anew(var: Path) -> None:
    """An empty folder in place of an earlier demo's; nothing that is not one is deleted."""
    if var.exists():
        _delete(var)
    var.mkdir(parents=True)


def _delete(var: Path) -> None:
    if any(var.iterdir()) and not (var / "start.log").exists():
        raise DemoFailed(f"{var} holds something that no demo made: name another folder with --var")
    with contextlib.suppress(OSError, ValueError):
        pid = json.loads((var / "showcase.json").read_text())["pid"]
        os.kill(pid, 0)
        raise DemoFailed(f"a system still runs on {var}: stop it with `{program()} down --var {var}`")
    shutil.rmtree(var)


async def _addresses(var: Path, process: asyncio.subprocess.Process, said: Path) -> dict[str, str]:
    file = var / "showcase.json"
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.returncode is not None:
            raise DemoFailed(f"the system did not start: {_text(said)}")
        with contextlib.suppress(OSError, ValueError):
            found: dict[str, str] = json.loads(file.read_text())
            return found
        await asyncio.sleep(0.1)
    raise DemoFailed(f"the system did not start within {_START_SECONDS:.0f} s; see {said}")


def _text(file: Path) -> str:
    return file.read_text(errors="replace").strip()


async def _run(command: list[str], environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise DemoFailed(f"{' '.join(command[2:])} failed: {output.decode(errors='replace').strip()}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
