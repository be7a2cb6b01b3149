"""The lock says what the project asks for, with hashes and without addresses."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "deploy"))

from runtime_lock import blocks_of, runtime_lock  # noqa: E402  # a script, not a package

LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", lock, re.MULTILINE))


def asked_for(group: list[str]) -> list[Requirement]:
    return [Requirement(text) for text in group]


def test_everything_asked_for_is_locked_at_a_version_that_fits() -> None:
    versions = pinned(LOCK)
    wanted = asked_for(PROJECT["project"]["dependencies"]) + asked_for(PROJECT["dependency-groups"]["dev"])
    unmet = [
        str(requirement)
        for requirement in wanted
        if not requirement.specifier.contains(versions.get(canonicalize_name(requirement.name), "0"))
        or canonicalize_name(requirement.name) not in versions
    ]
    assert unmet == []


def test_nothing_is_locked_that_nobody_asked_for() -> None:
    direct = {
        canonicalize_name(requirement.name)
        for requirement in asked_for(PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"])
    }
    by_project = {
        name
        for name, (_, askers) in blocks_of(LOCK).items()
        if any(asker.startswith("showcase-awards") for asker in askers)
    }
    assert by_project == direct


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-bench.lock"])
def test_every_package_has_hashes_and_no_address(name: str) -> None:
    lock = (ROOT / name).read_text()
    lines = [line for line in lock.splitlines() if line and not line.lstrip().startswith("#")]
    pin = r"[a-z0-9._-]+(\[[a-z0-9,_-]+\])?==\S+( ; .+)? \\"
    of_a_pin = re.compile(pin + r"|    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [line for line in lines if not of_a_pin.fullmatch(line)] == []
    assert [name for name, (block, _) in blocks_of(lock).items() if "--hash=" not in "".join(block)] == []


def test_the_runtime_lock_has_what_runs_and_not_what_tests() -> None:
    versions = pinned(runtime_lock(LOCK))
    direct = {canonicalize_name(r.name) for r in asked_for(PROJECT["project"]["dependencies"])}
    assert direct <= set(versions)
    assert {"starlette", "pydantic-core", "sqlalchemy", "rpds-py", "pytest", "docker"} & set(versions) == {
        "starlette",
        "pydantic-core",
        "sqlalchemy",
    }
    assert versions.items() <= pinned(LOCK).items()
