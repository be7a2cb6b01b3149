"""``showcase up`` as a person uses it: its own process, its own folder, Ctrl-C."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest

from shared.contracts.ids import new_id
from shared.embedded.ports import free_port
from shared.embedded.postgres import stop_leftover
from shared.embedded.system import end_leftovers
from shared.embedded.var import Var

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SHOWCASE = [sys.executable, "-m", "services.cli"]
_START_SECONDS = 120.0
STARTED: list[subprocess.Popen[bytes]] = []


def environment(**variables: str) -> dict[str, str]:
    """Ours, without what would replace the embedded servers."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("SHOWCASE_", "KAFKA_"))}
    return ours | variables


def showcase(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SHOWCASE, *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


REFUSING = """
import json, os, sys
import services.cli, services.up
for line in sys.stdin:
    wish = json.loads(line)
    child = os.fork()
    if not child:
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(wish[name], os.O_WRONLY | os.O_CREAT), number)
        os.environ.update(wish["environment"])
        sys.argv = ["showcase", *wish["arguments"]]
        services.cli.main()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Starts ``showcase`` for each line, in a process of its own that has everything loaded already."""


class Refusals:
    """Starts that fail at once: what they said, and how they ended."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder

    def __call__(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        """Exit code, output and the last line of errors: the first ones tell of progress."""
        said = {name: str(self._folder / f"{name}-{new_id()}") for name in ("stdout", "stderr")}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        wish = {"arguments": arguments, "environment": variables, **said}
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return code, Path(said["stdout"]).read_text(), Path(said["stderr"]).read_text().splitlines()[-1]


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refusals]:
    process = subprocess.Popen(
        [sys.executable, "-c", REFUSING],
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        yield Refusals(process, tmp_path_factory.mktemp("said"))
        assert process.stdin is not None
        process.stdin.close()


class Up:
    """A running ``showcase up``."""

    def __init__(self, var: Path, *arguments: str) -> None:
        self.var = var
        self.said = var.parent / "said.txt"
        with self.said.open("wb") as output:
            self.process = subprocess.Popen(
                [*SHOWCASE, "up", "--var", str(var), *arguments],
                env=environment(), stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        STARTED.append(self.process)
        deadline = time.monotonic() + _START_SECONDS
        while self._addresses().get("pid") != self.process.pid:  # not those of one that was killed
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < deadline, self.said.read_text()
            time.sleep(0.05)
        self.addresses = self._addresses()

    def _addresses(self) -> dict[str, Any]:
        file = self.var / "showcase.json"
        told: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return told

    def family(self) -> list[int]:
        """Process ids of all that belongs to it."""
        servers = [psutil.Process(pid) for pid in self.addresses["processes"].values()]
        every = [*servers, *(child for server in servers for child in server.children(recursive=True))]
        return [self.process.pid, *(process.pid for process in every)]

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(60)


def living(pids: list[int]) -> list[int]:
    return [
        pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    ]


@pytest.fixture
def var() -> Iterator[Path]:
    """Not pytest's own folder, which PostgreSQL's user may not pass: every start of pytest closes it."""
    with tempfile.TemporaryDirectory(prefix="showcase-up-", ignore_cleanup_errors=True) as place:
        folder = Path(place) / "var"
        yield folder
        while STARTED:
            end(STARTED.pop(), folder)


def end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Leave nothing running where a test failed half-way."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
    end_leftovers(Var(folder))
    stop_leftover(folder / "postgres")


def test_a_system_lives_through_stop_kill_and_start_with_its_data(var: Path, refused: Refusals) -> None:
    first = Up(var)
    address = first.addresses["http"]
    steps = (
        "Loading",
        "Starting PostgreSQL, the broker",
        "Bringing",
        "Opening",
        f"Pages answer at {address}",
    )
    said = [line for line in first.said.read_text().splitlines() if line.startswith(steps)]
    assert [said[n].startswith(step) for n, step in enumerate(steps)] == [True] * len(steps)
    page = httpx.get(address, follow_redirects=True, trust_env=False)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert httpx.get(f"{address}/readyz", trust_env=False).json() == {"status": "ready", "reasons": []}
    assert "showcase_http_requests_total" in httpx.get(f"{address}/metrics", trust_env=False).text
    modes = {path.name: oct(path.stat().st_mode)[-3:] for path in (var / "keys").iterdir()}
    assert modes == dict.fromkeys(modes, "600")
    assert len(modes) == 4
    assert oct((var / "showcase.json").stat().st_mode)[-3:] == "600"

    assert refused("up", "--var", str(var)) == (
        1,
        "",
        f"Showcase already runs on {var} (process {first.process.pid}, {address}): "
        f"stop it with '.venv/bin/showcase down --var {var}', or give another folder with --var.",
    )

    status = showcase("status", "--json", "--var", str(var))
    told = json.loads(status.stdout)
    assert (status.returncode, told["state"], told["addresses"]) == (0, "ready", first.addresses)
    assert 0 < told["memory_mb_total"] < 450

    added = showcase("admin", "first@example.org", "--name", "ผู้ดูแล", "--var", str(var))
    assert added.returncode == 0, added.stderr
    letters = showcase("dlq", "list", "--var", str(var))
    assert (letters.returncode, letters.stdout) == (0, "No dead letters.\n")

    keys = {path.name: path.read_text() for path in (var / "keys").iterdir()}
    family = first.family()
    assert first.stop() == 0
    assert living(family) == []
    assert not (var / "showcase.json").exists()
    stopped = showcase("status", "--json", "--var", str(var))
    assert (stopped.returncode, json.loads(stopped.stdout)["state"]) == (4, "stopped")

    second = Up(var)
    assert {path.name: path.read_text() for path in (var / "keys").iterdir()} == keys
    assert contacts(second) == ["first@example.org"]
    orphans = second.family()[1:]
    assert second.stop(signal.SIGKILL) == -signal.SIGKILL
    assert living(orphans) != []

    third = Up(var)
    assert contacts(third) == ["first@example.org"]
    assert living(orphans) == []
    down = showcase("down", "--var", str(var))
    assert (down.returncode, down.stdout) == (0, "Stopped.\n")
    assert third.process.wait(10) == 0
    assert living([third.process.pid, *third.addresses["processes"].values()]) == []


def contacts(up: Up) -> list[str]:
    async def emails() -> list[str]:
        connection = await asyncpg.connect(up.addresses["databases"]["intake"])
        try:
            return [
                row["email"] for row in await connection.fetch("SELECT email FROM contact ORDER BY email")
            ]
        finally:
            await connection.close()

    with asyncio.Runner() as runner:
        return runner.run(emails())


def test_a_process_for_each_role_is_one_system_too(var: Path) -> None:
    up = Up(var, "--processes", "--voting-workers", "2")
    services = ("intake", "scoring", "voting", "notify")
    expected = {"broker", "postgres"} | {f"{s}-{r}" for s in services for r in ("api", "worker", "relay")}
    expected.add("voting-worker-2")
    assert set(up.addresses["processes"]) == expected
    address = up.addresses["http"]
    for path in ("/", "/api/scoring/openapi.json", "/api/voting/openapi.json", "/mail"):
        assert httpx.get(f"{address}{path}", follow_redirects=True, trust_env=False).status_code == 200

    killed = up.addresses["processes"]["notify-worker"]
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while json.loads((var / "processes.json").read_text())["notify-worker"] == killed:
        assert time.monotonic() < deadline
        time.sleep(0.1)

    family = [up.process.pid, *json.loads((var / "processes.json").read_text()).values()]
    assert up.stop(signal.SIGTERM) == 0
    assert living(family) == []


def test_a_busy_port_is_named(var: Path, refused: Refusals) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert refused("up", "--var", str(var), "--port", str(port)) == (
            1,
            "",
            f"Port {port} of 127.0.0.1 cannot be used (Address already in use): "
            "stop what listens there, or choose another port.",
        )
    assert not (var / "postgres").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, refused: Refusals) -> None:
    (tmp_path / "file").touch()
    assert refused("up", "--var", str(tmp_path / "file" / "var")) == (
        1,
        "",
        f"{tmp_path}/file/var cannot be written (Not a directory): "
        "give a folder that can be with --var, or mend its permissions.",
    )


def test_no_postgresql_is_named(var: Path, refused: Refusals) -> None:
    port = free_port()
    dsn = f"postgresql://a:secret@127.0.0.1:{port}/postgres"
    assert refused("up", "--var", str(var), SHOWCASE_DATABASE_URL=dsn) == (
        1,
        "",
        f"No PostgreSQL answers at 127.0.0.1:{port}/postgres (ConnectionRefusedError): "
        "start it, or correct SHOWCASE_DATABASE_URL.",
    )


def test_no_broker_is_named_before_anything_starts(var: Path, refused: Refusals) -> None:
    port = free_port()
    assert refused("up", "--var", str(var), KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{port}") == (
        1,
        "",
        f"no Kafka broker answers at 127.0.0.1:{port}: start it, or correct KAFKA_BOOTSTRAP_SERVERS",
    )
    assert not (var / "postgres").exists()


def test_no_java_is_named_before_anything_starts(var: Path, tmp_path: Path, refused: Refusals) -> None:
    nowhere = str(tmp_path)
    code, _, said = refused("up", "--var", str(var), SHOWCASE_BROKER="kafka", PATH=nowhere, JAVA_HOME=nowhere)
    assert (code, said.startswith("There is no Java here: install Java 17 or newer")) == (1, True)
    assert not (var / "postgres").exists()


def test_a_command_beside_no_system_tells_how_to_name_its_folder(var: Path) -> None:
    result = showcase("admin", "first@example.org", "--var", str(var))
    assert (result.returncode, "--var names its folder" in result.stderr) == (3, True)


def test_help_is_quick_and_loads_no_service() -> None:
    heavy = ("services.", "fastapi", "sqlalchemy")
    code = f"import sys, services.cli; print(sorted(m for m in sys.modules if m.startswith({heavy})))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout == "['services.cli']\n"
    assert showcase("--help").returncode == 0
