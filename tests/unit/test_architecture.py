"""The walls of the house."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_walls_stand() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_every_package_is_a_regular_one() -> None:
    folders = {path.parent for top in ("services", "shared") for path in (ROOT / top).rglob("*.py")}
    versions = {folder for folder in folders if {"migrations", "versions"} & set(folder.parts)}
    assert sorted(folder for folder in folders - versions if not (folder / "__init__.py").exists()) == []


def test_modules_stay_readable() -> None:
    long = [
        (str(path.relative_to(ROOT)), count)
        for top in ("services", "shared")
        for path in (ROOT / top).rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 400
    ]
    assert long == []
