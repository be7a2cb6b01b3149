"""Migrations stand in one line: two that were written at the same time must not have the same number."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from shared.db.migrations import alembic_config, head

SERVICES = ("intake", "scoring", "voting", "notify")


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_of_a_service_are_numbered_in_one_line(service: str) -> None:
    package = f"services.{service}"
    scripts = ScriptDirectory.from_config(alembic_config(package))
    files = sorted(Path(scripts.versions).glob("0*.py"))
    numbers = [file.name[:4] for file in files]
    assert numbers == [f"{number:04d}" for number in range(1, len(files) + 1)]
    line = [script.revision for script in scripts.walk_revisions()]
    assert (line[::-1], head(package)) == (numbers, numbers[-1])
