"""Print the part of ``requirements.lock`` that runs, without what only tests and tools need.

The lock says behind each package who asked for it (``# via``). A package runs if the project
itself asked for it, or a package that runs did.

    python3 deploy/runtime_lock.py requirements.lock > runtime.lock
"""

import re
import sys
from pathlib import Path

PROJECT = "showcase-awards (pyproject.toml)"
_START = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==")


def blocks_of(lock: str) -> dict[str, tuple[list[str], set[str]]]:
    """The lines of each package, and who asked for it."""
    blocks: dict[str, tuple[list[str], set[str]]] = {}
    name = ""
    for line in lock.splitlines():
        start = _START.match(line)
        if start:
            name = start.group(1)
            blocks[name] = ([], set())
        if not name:
            continue
        lines, askers = blocks[name]
        if line.lstrip().startswith("#"):
            asker = line.lstrip().removeprefix("#").strip().removeprefix("via").strip()
            if asker:
                askers.add(asker)
        elif line.strip():
            lines.append(line)
    return blocks


def runtime_lock(lock: str) -> str:
    """The lines of the packages that run."""
    blocks = blocks_of(lock)
    running = {PROJECT}
    while True:
        more = {name for name, (_, askers) in blocks.items() if askers & running} - running
        if not more:
            break
        running |= more
    return "".join(f"{line}\n" for name, (lines, _) in blocks.items() if name in running for line in lines)


if __name__ == "__main__":
    sys.stdout.write(runtime_lock(Path(sys.argv[1]).read_text(encoding="utf-8")))
