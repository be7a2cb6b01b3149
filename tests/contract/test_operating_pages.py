"""What the operating pages tell people to type and to look at is there: commands with their options,
metrics, settings, pages and Kubernetes objects."""

import importlib
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from prometheus_client import REGISTRY
from typer.core import TyperGroup
from typer.exceptions import TyperException

from services import cli
from services.allinone import BUILDS
from services.gateway import paths_of_services
from shared.runtime.probes import PATHS as PROBES
from shared.settings import SERVICE_NAMES, Settings
from shared.testing.routes import guarded_routes
from tests.unit.platform.kustomize import render

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "operate").glob("*.md"))
COMPOSE = (ROOT / "docker-compose.yml").read_text()
_CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
_COMMAND = re.compile(r"(?:^|(?<!-n)[\s/])showcase ([a-z][^|>#\n]*)")
_ROUTE = re.compile(r"(?:(?:GET|POST|PUT) )?(/[a-z][\w/<>.{}-]*)")


def code(page: Path) -> list[str]:
    """Every piece of code of a page, line by line."""
    found = [block or span for block, span in _CODE.findall(page.read_text())]
    return [line for piece in found for line in piece.replace("\\\n", " ").splitlines()]


EVERYTHING = [(page.name, line) for page in PAGES for line in code(page)]
COMMANDS = sorted({(name, said.strip()) for name, line in EVERYTHING for said in _COMMAND.findall(line)})


def parse(words: list[str]) -> None:
    """Let the command line read ``words`` without doing anything; raises where it would refuse them."""
    app = cli.app
    if words[0] in cli.MODULES:
        app = importlib.import_module(cli.MODULES[words[0]]).app
        if "--var" in words:
            at = words.index("--var")
            del words[at : at + 2]
    command = typer.main.get_command(app)
    while isinstance(command, TyperGroup):
        if not words or words[0] not in command.commands:
            raise typer.BadParameter(f"{command.name} has {sorted(command.commands)}, not {words[:1]}")
        command, words = command.commands[words[0]], words[1:]
    command.make_context(command.name, words)


def test_commands_are_found_on_the_pages() -> None:
    assert len(COMMANDS) > 20
    assert ("vote-night.md", "audit votes --contest C --json") in COMMANDS


@pytest.mark.parametrize(("page", "said"), COMMANDS)
def test_every_command_with_its_options_is_one_that_the_program_takes(page: str, said: str) -> None:
    parse(shlex.split(re.sub(r"[\[\]…]", "", said)))


@pytest.mark.parametrize(
    "wrong",
    ["dlq show voting-tally", "dlq explain voting-tally 0:1", "audit votes", "topics verify --all", "fly"],
)
def test_commands_that_the_program_would_refuse_are_found(wrong: str) -> None:
    with pytest.raises(TyperException):
        parse(shlex.split(wrong))


def test_metrics_and_files_that_are_named_exist() -> None:
    series = {metric.name for metric in REGISTRY.collect()}
    secrets = {name.lower() for name in Settings().environment()}
    roles = {f"showcase_{service}" for service in SERVICE_NAMES} | {"showcase_voting_identity"}
    named = {name for _, line in EVERYTHING for name in re.findall(r"\bshowcase_\w+", line)}
    assert {name for name in named if name.removesuffix("_total") not in series} - secrets - roles == set()


def test_settings_that_are_named_exist() -> None:
    known = {*Settings().environment(), "SHOWCASE_VAR", "SHOWCASE_SECRETS_DIR", "SHOWCASE_UPSTREAM"}
    known |= set(re.findall(r"\$\{(SHOWCASE_\w+)", COMPOSE))
    named = {
        name for page in PAGES for name in re.findall(r"\bSHOWCASE_[A-Z_]*[A-Z](?![A-Z_*])", page.read_text())
    }
    assert named - known == set()


def test_settings_that_compose_is_told_reach_its_processes() -> None:
    told = set(yaml.safe_load(COMPOSE)["x-environment"])
    (section,) = re.findall(
        r"## Compose\n(.*?)\n## ", (ROOT / "docs/operate/README.md").read_text(), re.DOTALL
    )
    of_processes = set(re.findall(r"SHOWCASE_\w+", section)) & set(Settings().environment())
    assert of_processes - told == set()


def routes() -> Iterator[str]:
    from shared.runtime.parts import resources_of

    yield from PROBES
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1/none",
        KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1",
        voting_secret="00" * 32,
        notify_secret="00" * 32,
    )
    for name in SERVICE_NAMES:
        for route in guarded_routes(BUILDS[name](resources_of(name, settings)).http):
            yield route.path


def test_pages_and_addresses_that_are_named_exist() -> None:
    there = [re.sub(r"\{[^/]+\}", "[^/]+", route) for route in routes()]
    named = {found.group(1) for _, line in EVERYTHING if (found := _ROUTE.fullmatch(line))}
    assert {"/staff/vote", "/audit"} <= named
    missing = {path for path in named if not any(re.fullmatch(route, path) for route in there)}
    assert missing - {path for paths in paths_of_services().values() for path in paths} == set()


def test_objects_of_kubernetes_that_are_named_exist() -> None:
    there = {(each["kind"].lower(), each["metadata"]["name"])
             for each in render(ROOT / "deploy" / "kubernetes" / "overlays" / "vote-night")}  # fmt: skip
    kinds = {"deploy": "deployment"}
    words = r"\b(deploy|deployment|scaledobject|configmap)[/ ]([a-z][a-z-]+)\b(?!/)"
    named = {
        (kinds.get(kind, kind), name)
        for _, line in EVERYTHING
        if "kubectl" in line
        for kind, name in re.findall(words, line)
    }
    assert ("scaledobject", "voting-worker") in named
    assert named - there == set()


def test_paused_deployments_are_resumed() -> None:
    """``rollout restart`` is refused while they are paused, and nothing rolls until they are resumed."""
    runbook = (ROOT / "docs" / "operate" / "vote-night.md").read_text()
    before, _, night = runbook.partition("## Restarting while the rollout is paused")
    assert "rollout pause deployment/voting-api deployment/voting-worker" in before
    both = "rollout resume deployment/voting-api deployment/voting-worker"
    assert both in night.partition("\n## After\n")[2]
    for which in ("voting-api", "voting-worker"):
        for found in re.finditer(rf"rollout restart [^\n`]*deployment/{which}\b", runbook):
            assert f"rollout resume deployment/{which}" in runbook[found.start() - 120 : found.start()]


def test_the_image_has_the_command(tmp_path: Path) -> None:
    """The script that the image writes is the entry point of the package."""
    written = re.search(
        r"printf '%s\\n' ((?:'[^']+' )+)> (\S+)", (ROOT / "deploy" / "Dockerfile").read_text()
    )
    assert written is not None
    shebang, *lines = shlex.split(written.group(1))
    assert (shebang, written.group(2)) == ("#!/opt/showcase/bin/python", "/opt/showcase/bin/showcase")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    module, _, function = project["project"]["scripts"]["showcase"].partition(":")
    assert lines == [f"from {module} import {function}", f"{function}()"]
    script = tmp_path / "showcase"
    script.write_text("\n".join(lines))
    said = subprocess.run([sys.executable, str(script), "topics", "list"], cwd=ROOT, capture_output=True,
                          text=True, check=False, env={"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert said.returncode == 0, said.stderr
