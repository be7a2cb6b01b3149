"""The words of ``showcase``: what its options take."""

import re
import subprocess
import sys

from typer.testing import CliRunner

from services import cli
from shared.contracts.catalogue import TOPICS


def test_the_vote_has_no_more_workers_than_partitions() -> None:
    """One more would have nothing to do."""
    most = TOPICS["voting.vote.v1"].partitions
    answer = CliRunner().invoke(cli.app, ["up", "--processes", "--voting-workers", str(most + 1)])
    assert answer.exit_code == 2
    assert re.search(rf"--voting-workers.*\s{most}\b", " ".join(answer.output.split()))


def test_help_loads_neither_the_catalogue_nor_a_service() -> None:
    """``showcase --help`` is to be quick."""
    program = """
import sys
from typer.testing import CliRunner
from services import cli
answer = CliRunner().invoke(cli.app, ["--help"])
assert answer.exit_code == 0, answer.output
print(*sorted(name for name in sys.modules if name in ("pydantic", "sqlalchemy", "fastapi", "aiokafka")))
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
