"""``python -m services.intake api|worker|relay|migrate``, and ``admin EMAIL`` for the first administrator."""

import sys

from services.intake.app import build
from shared.runtime import main

if __name__ == "__main__":
    if sys.argv[1:2] == ["admin"]:
        from services.intake.cli import app  # typer is needed for this command alone

        app()
    main("intake", build)
