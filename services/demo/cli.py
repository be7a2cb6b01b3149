"""``showcase demo``."""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from services.demo.acts.opening import people
from services.demo.api import DemoFailed, Refused
from services.demo.figures import as_json
from services.demo.plan import Plan, make_plan
from services.demo.play import Outcome, play
from services.demo.show import Show, print_figures
from services.demo.story import entries
from services.demo.system import System, own_system, program

app = typer.Typer(
    help="The demo.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
CONTEST_FILE = Path(__file__).resolve().parents[2] / "contests" / "smart-city-2022" / "contest.toml"
_OVER = (
    "This contest is over: applying, scoring and voting are closed."
    " To try those, begin one on an empty system (make up)."
)


@app.callback()
def _commands() -> None:
    """Commands of the demo."""


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="The same seed plays the same contest.")] = 2022,
    votes: Annotated[int, typer.Option(min=300, help="Ballots to send, duplicates included.")] = 20_000,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the system running until Ctrl-C.")] = False,
    json_only: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    var: Annotated[Path, typer.Option(help="Folder of the demo's own system; made anew.")] = Path("var/demo"),
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the demo's own system; else a free one.")
    ] = None,
    url: Annotated[str, typer.Option(help="Play on this running system instead of an own one.")] = "",
    admin: Annotated[
        str, typer.Option(help="E-mail address of an administrator of that system.")
    ] = "admin@demo.example.org",
    mail_url: Annotated[
        str, typer.Option(help="Where its mail is caught: a Mailpit; else its own /mail.")
    ] = "",
    bootstrap: Annotated[
        str, typer.Option(help="Its Kafka bootstrap servers; without them nothing is recounted.")
    ] = "",
) -> None:
    """Play the 2022 contest from the first letter to the certificates. Exit code 1 where a figure differs."""
    console = Console(stderr=json_only, highlight=False)
    given = (
        System(url.rstrip("/"), bootstrap, (mail_url or url).rstrip("/"), bool(mail_url), admin)
        if url
        else None
    )
    plan = make_plan(entries(), seed=seed, votes=votes)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that an own system is stopped too
    try:
        code = asyncio.run(_demo(console, plan, given, var, port, admin, keep=keep, json_only=json_only))
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        reasons = _reasons(error)
        if not reasons:
            raise
        for reason in reasons:
            typer.echo(f"The demo failed: {reason}", err=True)
        code = 1
    raise typer.Exit(code)


def _reasons(error: Exception) -> list[str]:
    """What a person can understand of ``error``; empty where it is a fault of the program."""
    if isinstance(error, ExceptionGroup):
        every = [_reasons(each) for each in error.exceptions]
        return list(dict.fromkeys(reason for reasons in every for reason in reasons)) if all(every) else []
    if isinstance(error, DemoFailed | Refused):
        return [str(error)]
    return [_no_answer(error)] if isinstance(error, httpx.HTTPError) else []


def _no_answer(error: httpx.HTTPError) -> str:
    """Which request got no answer, why, and what to do."""
    why = ": ".join(filter(None, (type(error).__name__, str(error))))
    try:
        asked = f"{error.request.method} {error.request.url.copy_with(query=None)}"
    except RuntimeError:  # httpx knows no request
        asked = "a request"
    return f"{asked} got no answer ({why}). See whether the system still runs, then start the demo again."


async def _demo(
    console: Console,
    plan: Plan,
    given: System | None,
    var: Path,
    port: int | None,
    admin: str,
    *,
    keep: bool,
    json_only: bool,
) -> int:
    async with _system(console, given, var, admin, port) as system:
        try:
            with Show(console) as show:
                outcome = await play(system, plan, CONTEST_FILE.read_text(encoding="utf-8"), show)
        except Exception as error:
            if keep and (reasons := _reasons(error)):
                console.print(f"[bold red]The demo failed:[/] {'; '.join(reasons)}")
                await _stay(console, system, played=False)
            raise
        summary = _summary(outcome, plan, system)
        _write(var / "summary.json", summary)
        if json_only:
            typer.echo(json.dumps(summary, ensure_ascii=False, indent=2))
        else:
            _tell(console, outcome, system, var)
        if keep:
            await _stay(console, system)
        elif given is not None:
            _say(console, _who_can_sign_in(system))
        else:
            console.print("The system stops now; with --keep it stays up, to click through.")
    return 0 if outcome.ok else 1


@contextlib.asynccontextmanager
async def _system(
    console: Console, given: System | None, var: Path, admin: str, port: int | None
) -> AsyncIterator[System]:
    if given is not None:
        yield given
        return
    console.print(f"Starting a system of its own under {var} …")
    async with own_system(var, admin=admin, port=port) as system:
        yield system


def _summary(outcome: Outcome, plan: Plan, system: System) -> dict[str, Any]:
    return {
        "ok": outcome.ok,
        "contest": outcome.contest,
        "seed": plan.seed,
        "recounted": outcome.recounted,
        "findings": list(outcome.findings),
        "figures": as_json(outcome.figures),
        "mails": outcome.mails,
        "seconds": round(outcome.seconds, 1),
        "acts": {name: round(seconds, 1) for name, seconds in outcome.acts.items()},
        "broker": system.broker,
        "addresses": _addresses(system),
    }


def _addresses(system: System) -> dict[str, str]:
    url = system.url
    return {
        "contest": f"{url}/contest",
        "results": f"{url}/winners",
        "vote": f"{url}/vote",
        "staff": f"{url}/staff",
        "letters": f"{url}/letters",
        "mail": system.mail_url if system.mailpit else f"{url}/mail",
        "events": f"{url}/events",
        "kafka": system.bootstrap_servers,
    }


def _write(file: Path, summary: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _tell(console: Console, outcome: Outcome, system: System, var: Path) -> None:
    print_figures(console, outcome.figures)
    for finding in outcome.findings:
        console.print(f"[bold red]the log does not hang together:[/] {finding}")
    differing = [figure.name for figure in outcome.figures if not figure.agrees]
    if outcome.ok:
        console.print(f"[bold green]Every figure agrees[/], after {outcome.seconds:.0f} s.")
    else:
        console.print(f"[bold red]Not as expected:[/] {', '.join(differing) or 'see above'}")
    for name, address in _addresses(system).items():
        console.print(f"  {name:<8} {address}")
    console.print(f"  summary  {var / 'summary.json'}")


def _who_can_sign_in(system: System, *, played: bool = True) -> list[str]:
    """Everybody with an account; of a contest that broke off only the administrator is sure."""
    everybody = people(system.admin)
    mail = system.mail_url if system.mailpit else f"{system.url}/mail"
    return [
        f"Sign in at {system.url}/signin as one of these; the code is in the newest mail at {mail}",
        *(f"  {role:<14} {addresses}" for role, addresses in (everybody if played else everybody[:1])),
    ]


def _how_to_go_on(system: System, *, played: bool = True) -> list[str]:
    """What can be tried, another administrator, and how the system is stopped."""
    over = [_OVER] if played else []
    if system.var is None:
        return [*over, "Ctrl-C ends the demo; the system goes on."]
    beside = "" if system.var.resolve() == Path("var").resolve() else f" --var {system.var}"
    return [
        *over,
        f"To be an administrator yourself: {program()} admin you@example.org{beside}",
        f"The system stays up until Ctrl-C here, or: {program()} down{beside}",
    ]


def _say(console: Console, lines: list[str]) -> None:
    for line in lines:
        console.print(line, soft_wrap=True, markup=False)


async def _stay(console: Console, system: System, *, played: bool = True) -> None:
    """Leave the system to a person, until Ctrl-C or until its own process has ended."""
    _say(console, _who_can_sign_in(system, played=played) + _how_to_go_on(system, played=played))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stopped.set)
    waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(stopped.wait())]
    if system.ended is not None:
        waits.append(asyncio.ensure_future(system.ended()))
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    loop.remove_signal_handler(signal.SIGINT)  # a second SIGTERM must not leave the system without its end
    if not stopped.is_set():
        console.print("The system was stopped.")
