"""``showcase up``: the embedded system at a terminal."""

import asyncio
import logging
import logging.handlers
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from services.allinone import running
from shared.embedded.running import Running
from shared.observability.logs import configure_logging
from shared.runtime.process import run_process, stop_signal
from shared.settings import BrokerKind, ServiceName, Settings

_LOG_BYTES = 10 * 1024 * 1024
MEMORY_ONLY = (
    "The broker keeps everything in memory. PostgreSQL keeps accounts, entries, scores, letters and every "
    "event that a service wrote; at the next start the topics are filled again from there. Votes live on "
    "the log only: they, and events that were not handled yet, are lost when this process ends. To keep "
    "them, run Apache Kafka: SHOWCASE_BROKER=kafka (needs Java 17), or KAFKA_BOOTSTRAP_SERVERS."
)


def stay_up(
    settings: Settings,
    *,
    port: int | None,
    processes: bool,
    workers: Mapping[ServiceName, int],
    verbose: bool,
    when_up: Callable[[str], object] | None,
) -> None:
    """Run until SIGINT or SIGTERM; exit 1 with a sentence where it cannot start."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    _log_to(settings, verbose=verbose)
    run_process(_stay_up(settings, port, processes, workers, console, when_up))


async def _stay_up(
    settings: Settings,
    port: int | None,
    processes: bool,
    workers: Mapping[ServiceName, int],
    console: Console,
    when_up: Callable[[str], object] | None,
) -> None:
    began = time.monotonic()
    stopping = stop_signal()
    async with running(
        settings, port=port, processes=processes, workers=workers, say=console.print
    ) as system:
        _tell(console, system, time.monotonic() - began)
        if when_up:
            await asyncio.to_thread(when_up, system.addresses.http)
        await stopping.wait()
        console.print("Stopping …")
    console.print("Stopped.")


def _tell(console: Console, system: Running, seconds: float) -> None:
    addresses = system.addresses
    console.print(f"[bold green]Showcase is up[/] after {seconds:.1f} s: [bold]{addresses.http}[/]")
    table = Table.grid(padding=(0, 2))
    table.add_row("Staff", f"{addresses.http}/staff")
    if addresses.mail["pages"]:
        table.add_row("Caught mail", addresses.mail["pages"])
    table.add_row("Events", f"{addresses.http}/events")
    table.add_row("Kafka", f"{addresses.bootstrap_servers} ({addresses.broker})")
    table.add_row("Administrator", _beside(system, "admin you@example.org"))
    table.add_row("All addresses", str(system.settings.var / "showcase.json"))
    console.print(table)
    if system.settings.broker is BrokerKind.MEMORY:
        console.print(MEMORY_ONLY, style="yellow")
    console.print("Ctrl-C stops it.")


def _beside(system: Running, command: str) -> str:
    """``showcase …`` as it is typed beside this system."""
    var = system.settings.var
    return f"showcase {command}" + ("" if var.resolve() == Path("var").resolve() else f" --var {var}")


def _log_to(settings: Settings, *, verbose: bool) -> None:
    """Log to a file that cannot fill the disk; with ``verbose`` to the terminal."""
    if verbose:
        configure_logging(json=False, level=settings.log_level)
        return
    folder = settings.var / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            folder / "showcase.log", maxBytes=_LOG_BYTES, backupCount=3, encoding="utf-8"
        )
    except OSError:
        configure_logging(json=False, level="WARNING")  # the folder's own check says what is wrong with it
        return
    configure_logging(json=True, level=settings.log_level, handler=handler)
