"""``python -m services.notify notices``: the table, the receiver of reports, webhooks."""

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer

from services.notify.channels.receiver import BounceReceiver
from services.notify.contest_files import contest_files
from services.notify.domain.keys import NotifyKeys
from services.notify.domain.notices import EVENTS
from services.notify.handlers import webhooks
from services.notify.handlers.bounces import take_report
from services.notify.notice_files import OFFICE_TEMPLATES, notice_texts
from shared.clock import DatabaseClock
from shared.db import Database
from shared.errors import DomainError
from shared.observability.logs import configure_logging
from shared.runtime.probes import Probes
from shared.runtime.process import run_process, stop_signal
from shared.runtime.serve import HttpServer, listen
from shared.settings import Settings

notices = typer.Typer(help="Notices: the table, what comes back, webhooks.", no_args_is_help=True)
FAULTY = 1


@notices.command("receive-reports")
def receive_reports(
    host: Annotated[str, typer.Option(help="Else SHOWCASE_BOUNCE_HOST.")] = "",
    port: Annotated[int, typer.Option(help="Else SHOWCASE_BOUNCE_PORT; 0 takes a free one.")] = -1,
    http_port: Annotated[int, typer.Option(help="Serve /readyz and /metrics there; 0 = nowhere.")] = 0,
) -> None:
    """Take reports of undeliverable mail by LMTP, until SIGTERM."""
    settings = Settings()
    configure_logging(json=settings.log_json, level=settings.log_level)
    port = settings.bounce_port if port < 0 else port
    run_process(receive(settings, host or settings.bounce_host, port, http_port, stop_signal))


async def receive(
    settings: Settings, host: str, port: int, http_port: int, stop: Callable[[], asyncio.Event]
) -> None:
    """Take reports until the event that ``stop`` makes is set; with ``http_port`` probes and metrics too."""
    stopping = stop()
    database = Database(settings.service_dsn("notify"))
    try:
        async with (
            BounceReceiver(database, DatabaseClock(), _keys(settings), host=host, port=port) as receiver,
            AsyncExitStack() as stack,
        ):
            if http_port:
                server = HttpServer(Probes([], [database.problem]), listen(settings.http_host, http_port))
                await server.start()
                stack.push_async_callback(server.stop)
            typer.echo(f"reports are taken at {receiver.host}:{receiver.port}")
            await stopping.wait()
    finally:
        await database.close()


@notices.command("report")
def report(
    file: Annotated[Path | None, typer.Argument(help="A report; else standard input.")] = None,
) -> None:
    """Take one report from a file or a pipe: for mail servers that hand mail to a command, and for fetchers.

    The notice is named by the Message-ID that the report quotes, or by To where that is a return path.
    """
    from email import message_from_bytes
    from email.utils import getaddresses

    raw = file.read_bytes() if file else sys.stdin.buffer.read()
    message = message_from_bytes(raw)
    recipients = [
        address
        for _, address in getaddresses([*message.get_all("To", []), *message.get_all("Delivered-To", [])])
    ]
    settings = Settings()

    async def take() -> str:
        database = Database(settings.service_dsn("notify"))
        try:
            return await take_report(database, DatabaseClock(), _keys(settings), recipients, raw)
        finally:
            await database.close()

    typer.echo(asyncio.run(take()))


@notices.command("check")
def check(contest: Annotated[str, typer.Argument(help="Slug of the contest.")]) -> None:
    """Read a contest's table and every text of it; exit code 1 names the line and field of a fault."""
    try:
        files = contest_files(contest)
        rules = files.rules()
        for name in OFFICE_TEMPLATES:
            notice_texts(files.notices / f"{name}.toml")
    except DomainError as error:
        sys.stderr.write(f"{error.en}\n")
        raise typer.Exit(FAULTY) from None
    typer.echo(
        f"{len(rules)} rows, {len({rule.template for rule in rules if rule.template})} texts: all right"
    )


@notices.command("events")
def events(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """What the table may name: each event or date, whom it can tell, and what its texts may say."""
    found = {
        name: {
            "about": told.about_en,
            "to": sorted(told.audiences),
            "when": list(told.conditions),
            "facts": sorted(told.facts),
        }
        for name, told in EVENTS.items()
    }
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for name, about in found.items():
        typer.echo(f"{name}: {about['about']}\n  to {', '.join(about['to'])}")
        if about["facts"]:
            typer.echo("  " + " ".join(f"{{{fact}}}" for fact in about["facts"]))


@notices.command("replay-webhook")
def replay_webhook(
    contest: Annotated[str, typer.Option(help="Slug of the contest.")],
    webhook: Annotated[str, typer.Option(help="Its id, as its page's address shows it.")],
) -> None:
    """Send everything again that did not arrive at a webhook."""
    settings = Settings()

    async def again() -> int:
        database = Database(settings.service_dsn("notify"))
        try:
            async with database.transaction() as session:
                return await webhooks.replay(session, DatabaseClock(), contest, webhook, "system")
        finally:
            await database.close()

    typer.echo(f"{asyncio.run(again())} are sent again")


def _keys(settings: Settings) -> NotifyKeys:
    return NotifyKeys.of(settings.notify_secret.get_secret_value())
