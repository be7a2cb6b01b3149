"""The words of ``showcase``: what its options take."""

import re

from typer.testing import CliRunner

from services import cli
from shared.contracts.catalogue import TOPICS


def test_the_vote_has_no_more_workers_than_partitions() -> None:
    """One more would have nothing to do."""
    most = TOPICS["voting.vote.v1"].partitions
    answer = CliRunner().invoke(cli.app, ["up", "--processes", "--voting-workers", str(most + 1)])
    assert answer.exit_code == 2
    assert re.search(rf"--voting-workers.*\s{most}\b", " ".join(answer.output.split()))
