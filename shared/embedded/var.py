"""The folder of one embedded system: its data, its keys, its lock, and where it can be reached.

::

    var/
      lock            held by the running system
      showcase.json   addresses and processes of the running system, while it runs
      processes.json  process ids of what was started, so that a start after a crash can end it
      keys/           secrets, mode 0600
      postgres/       PostgreSQL's data; postgres.log beside it
      kafka/          Apache Kafka's data, with SHOWCASE_BROKER=kafka
      logs/           one log per process with --processes
"""

import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from shared.startup import CannotStart

NEEDED_BYTES = 300 * 1024 * 1024
"""PostgreSQL's data with its write-ahead log, before anything is in it: measured 60 MB, 256 MB at most."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """What ``showcase.json`` says."""

    pid: int
    started_at: str
    http: str
    mode: str
    """``one process`` or ``processes``."""
    broker: str
    bootstrap_servers: str
    database_url: str
    databases: dict[str, str]
    mail: dict[str, str]
    """``smtp`` host:port; ``pages`` where caught mail is shown, empty if it is not caught."""
    processes: dict[str, int] = field(default_factory=dict)
    """Name and process id of everything that belongs to the system."""


class Var:
    """The folder itself; nothing is written before :meth:`take`."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: int | None = None

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def kafka(self) -> Path:
        return self.path / "kafka"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def addresses_file(self) -> Path:
        return self.path / "showcase.json"

    @property
    def processes_file(self) -> Path:
        return self.path / "processes.json"

    def take(self) -> None:
        """Make the folder ours until :meth:`release` or the end of the process.

        Raises:
            CannotStart: it is in use, not writable, or its disk is full.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CannotStart(
                f"{self.path} cannot be written ({error.strerror}): "
                "give a folder that can be with --var, or mend its permissions."
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise CannotStart(self._in_use()) from error
        self._lock = handle
        free = shutil.disk_usage(self.path).free
        if free < NEEDED_BYTES:
            self.release()
            raise CannotStart(
                f"The disk that holds {self.path} has {free // 2**20} MB free and "
                f"{NEEDED_BYTES // 2**20} MB are needed: make room, or give another folder with --var."
            )

    def release(self) -> None:
        """Let another process take the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def is_taken(self) -> bool:
        """Whether a running system holds the folder."""
        try:
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(handle)
        return False

    def write_addresses(self, addresses: Addresses) -> None:
        """Tell others where the system is."""
        _write(self.addresses_file, asdict(addresses))

    def read_addresses(self) -> Addresses | None:
        """What the running system told, or one that was killed; None else."""
        try:
            told: dict[str, Any] = json.loads(self.addresses_file.read_text())
            return Addresses(**told)
        except (OSError, ValueError, TypeError):
            return None

    def write_processes(self, processes: Mapping[str, int]) -> None:
        """Remember what was started."""
        _write(self.processes_file, dict(processes))

    def read_processes(self) -> dict[str, int]:
        """What was started last, by name."""
        try:
            told: dict[str, int] = json.loads(self.processes_file.read_text())
        except (OSError, ValueError):
            return {}
        return told

    def _in_use(self) -> str:
        addresses = self.read_addresses()
        who = ""
        if addresses and psutil.pid_exists(addresses.pid):
            who = f" (process {addresses.pid}, {addresses.http})"
        return (
            f"Showcase already runs on {self.path}{who}: "
            f"stop it with '.venv/bin/showcase down --var {self.path}', or give another folder with --var."
        )


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write JSON whole or not at all, readable by its owner only."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    unfinished.rename(path)
