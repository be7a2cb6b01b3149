"""Everything around the services that one machine needs: PostgreSQL, a broker, a mail server, keys.

What the settings name outside (``SHOWCASE_DATABASE_URL``, ``KAFKA_BOOTSTRAP_SERVERS``, an SMTP
host) is used; the rest is started under ``var`` and stopped again.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil
from pydantic import SecretStr

from shared.db.provision import provision
from shared.embedded import keys as key_files
from shared.embedded.kafka_java import KafkaJava, java
from shared.embedded.memory_broker import MemoryBroker
from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.var import Var
from shared.mail.mailbox import Mailbox
from shared.mail.sink import MailSink
from shared.messaging.broker import cluster_id
from shared.runtime.checks import place_of, wait_for_database
from shared.settings import SERVICE_NAMES, BrokerKind, Settings
from shared.startup import CannotStart

Say = Callable[[str], None]
_LEFTOVER_SECONDS = 10.0


@dataclass
class EmbeddedSystem:
    """Call :meth:`start` once; it gives the settings with which services run on this system."""

    settings: Settings
    say: Say
    var: Var = field(init=False)
    processes: dict[str, int] = field(default_factory=dict)
    """Name and process id of each server that was started."""
    mailbox: Mailbox | None = None
    """Caught mail; None when mail goes to a given SMTP server."""

    def __post_init__(self) -> None:
        self.var = Var(self.settings.var)
        self._stops = contextlib.AsyncExitStack()

    async def start(self) -> Settings:
        """Start what is missing, in an order in which each finds what it needs.

        Raises:
            CannotStart: with one sentence that says what to do; nothing is left running.
        """
        try:
            return await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> Settings:
        self.var.take()
        self._stops.callback(self.var.release)
        end_leftovers(self.var)
        self.var.addresses_file.unlink(missing_ok=True)
        self._stops.callback(self.var.addresses_file.unlink, missing_ok=True)
        self._stops.callback(self.var.processes_file.unlink, missing_ok=True)
        self.var.logs.mkdir(exist_ok=True)
        keys = key_files.load_or_make(self.var.keys)
        settings = self._with_defaults(keys)
        await _check_given(settings)
        if missing := self._missing(settings):
            self.say(f"Starting {', '.join(missing)} …")
        bootstrap_servers, database_url, smtp_port = await asyncio.gather(
            self._broker(settings), self._database(settings, keys), self._mail(settings)
        )
        return settings.model_copy(
            update={
                "bootstrap_servers": bootstrap_servers,
                "database_url": database_url,
                "smtp_port": smtp_port,
            }
        )

    def _missing(self, settings: Settings) -> list[str]:
        """What is started here, as a person reads it."""
        broker = "Apache Kafka on the local Java" if settings.broker is BrokerKind.KAFKA else "the broker"
        wanted = {
            "PostgreSQL": not (settings.database_url or all(_own_databases(settings))),
            broker: not settings.bootstrap_servers,
            "a mail server": not settings.model_fields_set & {"smtp_host", "smtp_port"},
        }
        return [name for name, here in wanted.items() if here]

    async def stop(self) -> None:
        """Stop what was started, in the opposite order; safe to repeat."""
        await self._stops.aclose()

    def note(self, name: str, pid: int) -> None:
        """Remember a process of this system, so that a start after a crash can end it."""
        self.processes[name] = pid
        self.var.write_processes(self.processes)

    def _with_defaults(self, keys: key_files.Keys) -> Settings:
        """Fill in what was not given: one machine, no TLS, own keys."""
        ours: dict[str, object] = {
            "session_private_key": SecretStr(keys.session_private_key),
            "session_public_key": keys.session_public_key,
            "voting_secret": SecretStr(keys.voting_secret),
            "notify_secret": SecretStr(keys.notify_secret),
            "database_password": SecretStr(keys.database_password),
            "secure_cookies": False,
            "var": self.var.path,
        }
        given = self.settings.model_fields_set
        if "session_private_key" in given or "session_public_key" in given:
            del ours["session_private_key"], ours["session_public_key"]
        return self.settings.model_copy(
            update={name: value for name, value in ours.items() if name == "var" or name not in given}
        )

    async def _broker(self, settings: Settings) -> str:
        if settings.bootstrap_servers:
            return settings.bootstrap_servers
        server: KafkaJava | MemoryBroker
        if settings.broker is BrokerKind.KAFKA:
            server = KafkaJava(self.var.kafka, heap="256m")
        else:
            server = MemoryBroker(
                self.var.logs / "broker.log", environment={"SHOWCASE_VAR": str(self.var.path)}
            )
        self._stops.push_async_callback(asyncio.to_thread, server.stop)
        address = await asyncio.to_thread(server.start)
        self.note("broker", server.pid)
        return address

    async def _database(self, settings: Settings, keys: key_files.Keys) -> str:
        if all(_own_databases(settings)):
            return settings.database_url
        dsn = settings.database_url
        if not dsn:
            server = EmbeddedPostgres(self.var.postgres, password=keys.database_password)
            self._stops.push_async_callback(asyncio.to_thread, server.stop)
            dsn = await asyncio.to_thread(server.start)
            self.note("postgres", server.pid)
        try:
            await provision(dsn, settings.database_password.get_secret_value())
        except asyncpg.InsufficientPrivilegeError as error:
            raise CannotStart(
                f"The role of SHOWCASE_DATABASE_URL may not make roles and databases at {place_of(dsn)} "
                f"({error}): give an administrator's address, or one "
                "SHOWCASE_<SERVICE>_DATABASE_URL for each service."
            ) from error
        return dsn

    async def _mail(self, settings: Settings) -> int:
        if settings.model_fields_set & {"smtp_host", "smtp_port"}:
            return settings.smtp_port
        sink = await self._stops.enter_async_context(MailSink(self.var.path / "mail"))
        self.mailbox = sink.mailbox
        return sink.port


async def _check_given(settings: Settings) -> None:
    """What was given, or has to be there, is looked for before anything is started."""
    if settings.database_url and not all(_own_databases(settings)):
        await wait_for_database(settings.database_url, seconds=5)
    if settings.bootstrap_servers:
        await cluster_id(settings)
    elif settings.broker is BrokerKind.KAFKA:
        await asyncio.to_thread(java)


def _own_databases(settings: Settings) -> list[str]:
    return [getattr(settings, f"{name}_database_url") for name in SERVICE_NAMES]


def end_leftovers(var: Var) -> None:
    """End what a killed system left running on this folder, so that its data can be opened again.

    PostgreSQL is not among it: its own start finds a leftover by its data.
    """
    for name, pid in var.read_processes().items():
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if name == "postgres" or not _is_ours(process, var.path):
                continue
            process.terminate()
            try:
                process.wait(_LEFTOVER_SECONDS)
            except psutil.TimeoutExpired:
                process.kill()


def _is_ours(process: psutil.Process, path: Path) -> bool:
    """Whether the process belongs to the system on ``path``: its number may be another's by now."""
    words = " ".join(process.cmdline())
    return str(path) in words or process.environ().get("SHOWCASE_VAR") == str(path)
