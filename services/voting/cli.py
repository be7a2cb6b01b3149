"""Commands of voting: ``audit votes`` recounts the public vote from the log."""

import asyncio
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table

from services.voting.audit import Recount, recount_from_log
from shared.messaging.broker import BrokerUnavailable
from shared.settings import Settings

app = typer.Typer(
    help="Commands of voting.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
audit = typer.Typer(help="Recount from the log.", no_args_is_help=True)
app.add_typer(audit, name="audit")

AGREES, DIFFERS, UNREACHABLE = 0, 1, 3


@app.callback()
def commands() -> None:
    """Keeps ``audit`` a group of commands."""


@audit.command("votes")
def audit_votes(
    contest: Annotated[str, typer.Option(help="Slug of the contest, such as smart-city-2022.")],
    bootstrap_servers: Annotated[
        str, typer.Option(help="host:port of Kafka; else KAFKA_BOOTSTRAP_SERVERS or the running system.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print canonical JSON, for programs.")] = False,
) -> None:
    """Count the public vote from its two topics alone, and compare with what was certified.

    Exit code 0: the log agrees with itself and with the certificate; 1: it does not, and each
    difference is named; 3: no broker answers.
    """
    settings = Settings()
    if bootstrap_servers:
        settings = Settings(KAFKA_BOOTSTRAP_SERVERS=bootstrap_servers)
    try:
        found = asyncio.run(recount_from_log(settings, contest))
    except (BrokerUnavailable, KafkaError, LookupError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(UNREACHABLE) from None
    if as_json:
        typer.echo(found.as_json())
    else:
        _print(found)
    raise typer.Exit(DIFFERS if found.findings else AGREES)


def _print(found: Recount) -> None:
    console = Console()
    numbers = Table("", "votes", title=f"Recount of {found.contest_id} from the log")
    values = asdict(found)
    for name in ("received", "counted", "duplicate", "late", "held", "struck", "voters"):
        numbers.add_row(name, f"{values[name]:,}")
    console.print(numbers)
    entries = Table("entry", "counted")
    for entry_id, counted in sorted(found.by_entry.items(), key=lambda item: (-item[1], item[0])):
        entries.add_row(entry_id, f"{counted:,}")
    console.print(entries)
    console.print(f"sealed partitions: {len(found.seals)}; fingerprint {found.sha256()}")
    for finding in found.findings:
        console.print(f"[bold red]differs[/] {finding}", highlight=False)
    if not found.findings:
        console.print("[green]No difference found.[/]")
