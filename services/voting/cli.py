"""Commands of voting: ``audit votes`` and ``audit scores`` count again from the log, ``rebuild-trees``
makes the trees anew from it."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from services.voting.accounts import take_accounts
from services.voting.agreement import differences, recount_for
from services.voting.audit import Recount, recount_from_log
from services.voting.audit.openings import Openings, OpeningsUnreadable
from services.voting.identity.cli import destroy_identity_keys
from services.voting.rebuild import rebuild_trees
from shared.db import Database
from shared.errors import DomainError
from shared.messaging.broker import BrokerTooOld, BrokerUnavailable
from shared.recount import log as score_log
from shared.recount.scores_only import NO_RULEBOOK, recount_scores
from shared.settings import Settings

app = typer.Typer(
    help="Commands of voting.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
audit = typer.Typer(help="Recount from the log.", no_args_is_help=True)
app.add_typer(audit, name="audit")
app.command("destroy-identity-keys")(destroy_identity_keys)

AGREES, DIFFERS, UNUSABLE, UNREACHABLE = 0, 1, 2, 3
_AWAY = (BrokerUnavailable, BrokerTooOld, KafkaError, SQLAlchemyError, LookupError, OSError)
"""What tells that no broker or no database answers."""
Contest = Annotated[str, typer.Option(help="Slug of the contest, such as smart-city-2022.")]
Servers = Annotated[
    str, typer.Option(help="host:port of Kafka; else KAFKA_BOOTSTRAP_SERVERS or the running system.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print canonical JSON, for programs.")]


@app.callback()
def commands() -> None:
    """Keeps ``audit`` a group of commands."""


@audit.command("votes")
def audit_votes(
    contest: Contest,
    bootstrap_servers: Servers = "",
    as_json: AsJson = False,
    head_key: Annotated[
        str,
        typer.Option(
            "--key", help="Public key of the signed heads, 64 hexadecimal digits; else the one on the log."
        ),
    ] = "",
    openings: Annotated[
        Path | None, typer.Option(help="File of salts, by which every commitment is opened.")
    ] = None,
    accounts: Annotated[
        bool,
        typer.Option(
            "--accounts",
            help="Hold voting's own rows, counters, trees and heads against the log too "
            "(needs SHOWCASE_DATABASE_URL or the running system).",
        ),
    ] = False,
) -> None:
    """Count the public vote from the log alone, hold every signed head against it, compare with the
    certificate.

    Exit code 0: everything agrees; 1: it does not, and the first leaf, row or head that differs is named;
    2: an option cannot be used; 3: no broker or no database answers.
    """
    settings = _settings(bootstrap_servers)
    try:
        salts = Openings.read(openings) if openings else None
        found = asyncio.run(_audit(settings, contest, head_key, salts, with_accounts=accounts))
    except (OpeningsUnreadable, ValueError, FileNotFoundError) as error:
        _fail(str(error), UNUSABLE)
    except _AWAY as error:
        _fail(str(error), UNREACHABLE)
    if not (found.rulebook_sha256 or _anything(found)):
        found.findings.insert(0, NO_RULEBOOK)
    if as_json:
        typer.echo(found.as_json())
    else:
        _print(found)
    raise typer.Exit(DIFFERS if found.findings else AGREES)


@audit.command("scores")
def audit_scores(contest: Contest, bootstrap_servers: Servers = "", as_json: AsJson = False) -> None:
    """Work out shortlist and winners again from the judges' scores on the log, and compare with what was
    published.

    Exit code 0: everything agrees; 1: it does not, and each difference is named; 3: no broker answers.
    """
    settings = _settings(bootstrap_servers)
    try:
        facts = asyncio.run(score_log.read_log(settings.bootstrap_servers, contest, score_log.SCORES))
    except (BrokerUnavailable, KafkaError, LookupError, OSError) as error:
        _fail(str(error), UNREACHABLE)
    found = recount_scores(facts)
    if as_json:
        typer.echo(json.dumps(found, sort_keys=True, ensure_ascii=False, separators=(",", ":")))
    else:
        console = Console()
        figures = Table("", "", title=f"Scores of {contest} from the log")
        for name, value in found["scores"].items():
            figures.add_row(name, json.dumps(value, ensure_ascii=False))
        console.print(figures)
        _print_findings(console, found["findings"])
    raise typer.Exit(DIFFERS if found["findings"] else AGREES)


@app.command("rebuild-trees")
def rebuild_trees_of(contest: Contest, bootstrap_servers: Servers = "", as_json: AsJson = False) -> None:
    """Make a contest's Merkle trees anew from the log, where rows of theirs were changed or lost.

    What the newest signed head has promised must come out again, else nothing is changed. Exit code 0:
    done; 1: refused; 3: no broker or no database answers.
    """
    settings = _settings(bootstrap_servers)
    try:
        leaves = asyncio.run(_rebuild(settings, contest))
    except DomainError as error:
        _fail(f"{error.th}\n{error.en}", DIFFERS)
    except _AWAY as error:
        _fail(str(error), UNREACHABLE)
    if as_json:
        typer.echo(json.dumps({"leaves": leaves}))
    else:
        total = f"{sum(leaves.values()):,} leaves in {len(leaves)} partitions"
        typer.echo(f"The trees of {contest} follow from the log again: {total}.")


async def _rebuild(settings: Settings, contest: str) -> dict[int, int]:
    database = Database(settings.service_dsn("voting"))
    try:
        return await rebuild_trees(settings, database, contest)
    finally:
        await database.close()


def _fail(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise typer.Exit(code) from None


def _settings(bootstrap_servers: str) -> Settings:
    return Settings(KAFKA_BOOTSTRAP_SERVERS=bootstrap_servers) if bootstrap_servers else Settings()


async def _audit(
    settings: Settings, contest: str, head_key: str, openings: Openings | None, *, with_accounts: bool
) -> Recount:
    found = await recount_from_log(settings, contest, head_key=head_key, openings=openings)
    if with_accounts:
        database = Database(settings.service_dsn("voting"))
        try:
            kept = await take_accounts(database, contest)
            to_there = await recount_for(settings, kept, head_key)
            # what the log shows by itself is told already
            of_log = set(to_there.findings)
            found.findings += [
                finding
                for finding in await differences(settings, database, kept, to_there, head_key)
                if finding not in of_log
            ]
        finally:
            await database.close()
    return found


def _print(found: Recount) -> None:
    console = Console()
    numbers = Table("", "votes", title=f"Recount of {found.contest_id} from the log")
    values = found.figures()
    for name in ("received", "counted", "duplicate", "late", "held", "struck", "voters"):
        numbers.add_row(name, f"{values[name]:,}")
    console.print(numbers)
    entries = Table("entry", "counted")
    for entry_id, counted in sorted(found.by_entry.items(), key=lambda item: (-item[1], item[0])):
        entries.add_row(entry_id, f"{counted:,}")
    console.print(entries)
    console.print(
        f"sealed partitions: {len(found.seals)}; signed heads: {found.heads}, "
        f"the one over everything read: {found.last_head or 'none'}; opened commitments: {found.opened:,}"
    )
    if found.unreadable:
        console.print(f"records that nobody can read, no votes: {found.unreadable:,}; {found.unread}")
    console.print(f"rulebook {found.rulebook_sha256 or 'not on the log'}; fingerprint {found.sha256()}")
    if found.waived:
        console.print(f"waived when the vote opened: {', '.join(found.waived)}")
    if found.findings or _anything(found):
        _print_findings(console, found.findings)
    else:
        console.print("Nothing to compare yet: the log has no vote, no seal and no signed head.")


def _anything(found: Recount) -> bool:
    """The log has something of this vote to hold anything against."""
    return bool(found.received or found.seals or found.heads)


def _print_findings(console: Console, findings: list[str]) -> None:
    for finding in findings:
        console.print("[bold red]differs[/]", finding, highlight=False, markup=True)
    if not findings:
        console.print("[green]No difference found.[/]")
