"""``showcase bench``: what this machine does."""

import typer

from shared.messaging.bench import main

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command("bench")(main)


@app.callback()
def _commands() -> None:
    """Measurements."""
