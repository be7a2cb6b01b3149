"""``showcase bench``: what this machine does."""

import os
import subprocess
import sys
from pathlib import Path

import typer

from services.notify.letters.bench import main as measure_letters
from shared.messaging.bench import main as measure_messaging
from shared.startup import CannotStart

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
bench = typer.Typer(no_args_is_help=True, help="Measure on this machine.")
bench.command("messaging")(measure_messaging)
bench.command("letters")(measure_letters)
app.add_typer(bench, name="bench")
_PASS_ON = {"ignore_unknown_options": True, "allow_extra_args": True}
_ROOT = Path(__file__).resolve().parents[1]


@app.callback()
def _commands() -> None:
    """Measurements."""


@bench.command("votes", context_settings=_PASS_ON, add_help_option=False)
def votes(context: typer.Context) -> None:
    """Vote Spike: this project's vote against the stacks a team would pick."""
    _in_the_repository("tests.load.spike", context.args)


@bench.command("soak", context_settings=_PASS_ON, add_help_option=False)
def soak(context: typer.Context) -> None:
    """Fold millions of votes, and see whether the last cost more than the first."""
    _in_the_repository("tests.load.soak", context.args)


def _in_the_repository(module: str, arguments: list[str]) -> None:
    """Run a program that is no part of what is installed: it has the peers, and it uses the tests' scenes."""
    if not (_ROOT / "tests" / "load").is_dir():
        raise CannotStart("The benchmarks are in the repository: clone it, and run this there.")
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    command = [sys.executable, "-m", module, *arguments]
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603 - our own
