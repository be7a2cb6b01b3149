"""``showcase``: start the system, look at it, play the demo, and the commands of its parts.

Commands of other packages are imported when they are called, so that ``showcase --help`` is quick.
"""

import gc
import importlib
import json
import os
import signal
import sys
import time
import webbrowser
from pathlib import Path
from typing import Annotated

import psutil
import typer

from shared.startup import CannotStart

app = typer.Typer(
    name="showcase",
    help="Awards contests as event-driven services: letters, applications, judging, a public vote.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_VarOption = Annotated[
    Path, typer.Option("--var", envvar="SHOWCASE_VAR", help="Folder of data, keys and addresses.")
]
_JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
_STOP_SECONDS = 60.0


def _at_most_the_partitions(workers: int) -> int:
    from shared.contracts.catalogue import TOPICS

    most = TOPICS["voting.vote.v1"].partitions
    if workers > most:
        raise typer.BadParameter(
            f"the vote has {most} partitions, and a worker more would have nothing to do; at most {most}."
        )
    return workers


@app.command()
def up(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Of the one origin; else 8080 or a free one.")
    ] = None,
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 lets others in.")] = "127.0.0.1",
    var: _VarOption = Path("var"),
    processes: Annotated[bool, typer.Option("--processes", help="One process per service and role.")] = False,
    voting_workers: Annotated[
        int,
        typer.Option(
            min=1,
            callback=_at_most_the_partitions,
            help="With --processes: how many workers share the vote's partitions.",
        ),
    ] = 1,
    open_browser: Annotated[bool, typer.Option("--open-browser", help="Show the first page.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log to the terminal, not to var/logs.")] = False,
) -> None:
    """Start PostgreSQL, a broker and all services on this machine, and stay until Ctrl-C."""
    typer.echo("Loading the services …", err=True)
    gc.disable()  # nothing of this is ever thrown away, and looking through it takes a fifth of the time
    from services.up import stay_up
    from shared.settings import Settings

    gc.enable()
    settings = Settings().model_copy(update={"var": var, "http_host": host})
    stay_up(
        settings,
        port=port,
        processes=processes,
        workers={"voting": voting_workers},
        verbose=verbose,
        when_up=webbrowser.open if open_browser else None,
    )


@app.command()
def status(var: _VarOption = Path("var"), as_json: _JsonOption = False) -> None:
    """Tell where the running system is and how it does. Exit code 0 ready, 3 not ready, 4 stopped."""
    from services.status import print_status
    from shared.embedded.status import status_of

    found = status_of(var)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
    else:
        print_status(found)
    raise typer.Exit({"ready": 0, "stopped": 4}.get(found.state, 3))


@app.command()
def down(var: _VarOption = Path("var")) -> None:
    """Stop the running system in order."""
    from shared.embedded.client import running_system

    addresses = running_system(var)
    if addresses is None:
        typer.echo(f"Nothing runs on {var.resolve()}.")
        return
    os.kill(addresses.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while psutil.pid_exists(addresses.pid) and running_system(var):
        if time.monotonic() > deadline:
            typer.echo(f"Process {addresses.pid} has not stopped within {_STOP_SECONDS:.0f} s.", err=True)
            raise typer.Exit(1)
        time.sleep(0.05)
    typer.echo("Stopped.")


@app.command()
def admin(
    email: str,
    name: Annotated[str, typer.Option(help="Name of the person, as registers show it.")] = "",
    var: _VarOption = Path("var"),
) -> None:
    """Make the person with this e-mail address an administrator."""
    _run("services.intake.cli", ["admin", email, "--name", name], var)


MODULES: dict[str, str] = {}
"""Where the commands of other packages are."""
_PASS_ON = {"ignore_unknown_options": True, "allow_extra_args": True}


def _passed_on(name: str, module: str, text: str, *, beside: bool = True) -> None:
    """Offer the command ``name`` of another package; its words and options are its own.

    ``beside``: it works on the system that runs on the folder of ``--var``, if one does.
    """

    MODULES[name] = module

    def on_var(context: typer.Context, var: _VarOption = Path("var")) -> None:
        _run(module, [name, *context.args], var)

    def alone(context: typer.Context) -> None:
        _run(module, [name, *context.args], None)

    app.command(name, help=text, context_settings=_PASS_ON, add_help_option=False)(
        on_var if beside else alone
    )


_passed_on(
    "demo",
    "services.demo.cli",
    "Play the 2022 contest from the first letter to the certificates.",
    beside=False,
)
_passed_on("contest", "services.intake.cli", "Check a contest file, or seal it.")
_passed_on("audit", "services.voting.cli", "Recount the public vote or the scores from the log.")
_passed_on("rebuild-trees", "services.voting.cli", "Make a contest's Merkle trees anew from the vote log.")
_passed_on("letters", "services.notify.cli", "Check the registers of official letters.")
_passed_on(
    "destroy-identity-keys",
    "services.voting.cli",
    "Destroy the keys that tie a contest's voters to people, after its appeal period.",
)
_passed_on("topics", "shared.messaging.cli", "List, create or verify the topics of the catalogue.")
_passed_on("dlq", "shared.messaging.cli", "List, show or replay dead letters.")
_passed_on("replay", "shared.messaging.cli", "Let a consumer group read its topics again.")
_passed_on("bench", "services.bench", "Measure the messaging, or the vote, on this machine.", beside=False)


def _run(module: str, arguments: list[str], var: Path | None) -> None:
    from shared.embedded.client import adopt_running

    if var is not None:
        adopt_running(var)
    sub_app: typer.Typer = importlib.import_module(module).app
    sub_app(arguments, prog_name="showcase")


def main() -> None:
    """The console script. What a person can mend is told in one sentence, with exit code 1."""
    from shared.startup import in_one_sentence

    try:
        app()
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
    except Exception as error:
        if sentence := in_one_sentence(error):
            sys.stderr.write(f"{sentence}\n")
            raise SystemExit(1) from None
        raise


if __name__ == "__main__":
    main()
