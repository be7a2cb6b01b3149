"""Apache Kafka on the local Java: one broker in KRaft mode, for one machine and for the tests.

The jars come from Maven once, into ``~/.cache/showcase``. The broker's data outlive it: a new
start on the same directory goes on where a stop or a crash ended.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from shared.embedded.ports import free_port
from shared.startup import CannotStart

KAFKA_VERSION = "4.3.1"
_OLDEST_JAVA = 17
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>showcase</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>2.25.4</version>
    </dependency>
  </dependencies>
</project>
"""
_LOG4J = """\
Configuration:
  status: ERROR
  Appenders:
    Console:
      name: STDOUT
      PatternLayout: {pattern: "[%d] %p %m (%c)%n"}
  Loggers:
    Root:
      level: WARN
      AppenderRef: {ref: STDOUT}
    Logger:
      - {name: kafka.server.KafkaRaftServer, level: INFO}
"""


def jars(cache: Path | None = None) -> Path:
    """The folder with Kafka's jars, fetched by Maven if it is not there yet. Many processes may ask at once.

    Raises:
        CannotStart: there is no Maven, or it could not fetch them.
    """
    base = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "showcase"
    home = base / f"kafka-{KAFKA_VERSION}"
    libraries = home / "libs"
    if (home / "complete").exists():
        return libraries
    home.mkdir(parents=True, exist_ok=True)
    with _alone(home):
        if not (home / "complete").exists():
            _fetch(home, libraries)
            (home / "complete").touch()
    return libraries


def share_classes() -> None:
    """Keep Kafka's classes as this Java has loaded them, once: brokers then start for a third of the CPU.

    Raises:
        CannotStart: see :class:`KafkaJava`.
    """
    archive = _archive(java())
    with _alone(archive.parent), tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        if not archive.exists():
            kept = Path(scratch) / archive.name
            broker = KafkaJava(
                Path(scratch) / "broker", heap="256m", jvm=[f"-XX:ArchiveClassesAtExit={kept}"]
            )
            broker.start()
            broker.stop()  # in order: it writes at its end
            if kept.exists():  # not every Java can
                kept.rename(archive)


def java() -> str:
    """The Java to run.

    Raises:
        CannotStart: there is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not program or not Path(program).exists():
        raise CannotStart(
            f"There is no Java here: install Java {_OLDEST_JAVA} or newer (Debian: openjdk-17-jre-headless), "
            "or set KAFKA_BOOTSTRAP_SERVERS to a broker's address."
        )
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
    version = said.partition('"')[2].partition('"')[0]
    major = version.split(".")[0].split("-")[0]
    if not major.isdigit() or int(major) < _OLDEST_JAVA:
        raise CannotStart(
            f"Java {version or 'of unknown version'} is too old for Kafka {KAFKA_VERSION}: "
            f"install Java {_OLDEST_JAVA} or newer and set JAVA_HOME to it."
        )
    return program


class KafkaJava:
    """One broker on ``directory``. Its port stays the same over restarts of this object."""

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        heap: str = "512m",
        settings: Mapping[str, str] | None = None,
        jvm: Sequence[str] = (),
    ) -> None:
        """``settings`` are further lines of ``server.properties``; ``port`` 0 takes a free one; ``jvm`` are
        options of Java."""
        self.directory = directory.resolve()
        self._port = port
        self._controller_port = 0
        self._heap = heap
        self._settings = dict(settings or {})
        self._jvm = list(jvm)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The broker's process id; 0 while it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else 0

    def start(self) -> str:
        """Format the data directory if it is new, start the broker, wait until it serves.

        Returns:
            The bootstrap servers.

        Raises:
            CannotStart: no Java, no jars, or the broker ended; with what its log said last.
        """
        program, classpath = java(), f"{jars()}/*"
        self.directory.mkdir(parents=True, exist_ok=True)
        self._port = self._port or free_port()
        self._controller_port = self._controller_port or free_port()
        properties = self._write_properties()
        if not (self.directory / "data" / "meta.properties").exists():
            self._format(program, classpath, properties)
        command = [
            program, f"-Xmx{self._heap}", "-Xms64m", "-XX:+UseSerialGC", "-Xshare:auto", *_shared(program),
            *self._jvm, f"-Dlog4j2.configurationFile={self.directory / 'log4j2.yaml'}",
            "-cp", classpath, "kafka.Kafka", str(properties),
        ]  # fmt: skip
        log = self.log_path
        begun = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=self.directory,
            )
        self._wait_until_served(begun)
        return self.bootstrap_servers

    def stop(self) -> None:
        """Let the broker end in order; after half a minute, end it."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker as a power cut would."""
        self._signal(signal.SIGKILL)

    def restart(self) -> str:
        """Start again on the same data and the same port, after :meth:`stop` or :meth:`kill`."""
        self.stop()
        return self.start()

    @property
    def log_path(self) -> Path:
        """What the broker says."""
        return self.directory / "kafka.log"

    def _signal(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_SECONDS)
        self._process = None

    def _write_properties(self) -> Path:
        values = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self._port},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self._port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.directory / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            # alone, nobody else can lead: do not wait 9 s for one's own former life to expire
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "500",
            "log.cleaner.dedupe.buffer.size": "4194304",
            "num.network.threads": "2",
            "num.io.threads": "4",
            "log.segment.bytes": "67108864",
        } | self._settings
        path = self.directory / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        (self.directory / "log4j2.yaml").write_text(_LOG4J)
        return path

    def _format(self, program: str, classpath: str, properties: Path) -> None:
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if cluster_id.startswith("-"):  # would be read as an option
            cluster_id = "A" + cluster_id[1:]
        result = subprocess.run(
            [
                program, "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
                *_shared(program), "-cp", classpath, "kafka.tools.StorageTool",
                "format", "--cluster-id", cluster_id, "--config", str(properties),
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if result.returncode:
            raise CannotStart(f"Kafka could not format {self.directory}: {_last_line(result.stderr)}")

    def _wait_until_served(self, begun: int) -> None:
        """The broker says so itself; an open port is not enough, for it opens before it serves."""
        deadline = time.monotonic() + _START_SECONDS
        process = self._process
        while process is not None:
            with self.log_path.open("rb") as log:
                log.seek(begun)
                said = log.read().decode(errors="replace")
            if "Kafka Server started" in said:
                return
            if process.poll() is not None:
                self._process = None
                raise CannotStart(f"Kafka did not start: {_last_line(said)}")
            if time.monotonic() > deadline:
                self.kill()
                raise CannotStart(
                    f"Kafka did not serve within {_START_SECONDS:.0f} s; its log is {self.log_path}."
                )
            time.sleep(0.05)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """No other process is in this block meanwhile."""
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _archive(program: str) -> Path:
    """Where the classes are kept that this Java has loaded."""
    found = Path(program).resolve()
    which = hashlib.sha256(f"{found} {found.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    return jars().parent / f"classes-{which}.jsa"


def _shared(program: str) -> list[str]:
    archive = _archive(program)
    return [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []


def _fetch(home: Path, libraries: Path) -> None:
    maven = shutil.which("mvn")
    if not maven:
        raise CannotStart(
            "Kafka's jars are not here and there is no Maven to fetch them: install Maven "
            "(Debian: maven), or set KAFKA_BOOTSTRAP_SERVERS to a broker's address."
        )
    with tempfile.TemporaryDirectory(dir=home) as scratch:
        pom = Path(scratch) / "pom.xml"
        pom.write_text(_POM.format(version=KAFKA_VERSION))
        fetched = Path(scratch) / "libs"
        result = subprocess.run(
            [
                maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies",
                f"-DoutputDirectory={fetched}", "-DincludeScope=runtime",
            ],
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        if result.returncode or not any(fetched.glob("kafka_*.jar")):
            raise CannotStart(f"Maven could not fetch Kafka {KAFKA_VERSION}: {_last_line(result.stdout)}")
        if libraries.exists():
            shutil.rmtree(libraries)
        fetched.rename(libraries)


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "ERROR" in line or "Exception" in line or "FATAL" in line]
    return (telling or lines or ["it said nothing"])[-1]
