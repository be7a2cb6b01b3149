"""How a process runs: one role of one service, or all of them together, started and stopped in order."""

from collections.abc import Sequence

from shared.service import Build
from shared.settings import ServiceName


def main(name: ServiceName, build: Build, arguments: Sequence[str] | None = None) -> None:
    """What ``python -m services.<name>`` does; see :mod:`shared.runtime.process`."""
    from shared.runtime.process import main as run  # the parts of this package do not need all of it

    run(name, build, arguments)
