"""The compose file is a valid one and keeps the walls between the services."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyOptions

from shared.settings import SERVICE_NAMES

ROOT = Path(__file__).parents[3]
FILE = ROOT / "docker-compose.yml"
ROLES = ("api", "worker", "relay")


@pytest.fixture(scope="module")
def resolved() -> dict[str, Any]:
    """The file with its anchors and merges resolved."""
    content: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return content


def parse(text: str) -> None:
    """Read ``text`` with every variable at its default; raises where it is not a compose file."""
    content = yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text))
    PyOptions().from_yaml(yaml.safe_dump(content)).validate()


def engines() -> list[list[str]]:
    """Every Compose of this machine that can read a file."""
    found = []
    if checker := shutil.which("composecheck"):
        found.append([checker])
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            said = subprocess.run([*command, "version"], capture_output=True, check=False)
            if said.returncode == 0:
                found.append(["sh", "-c", f'{" ".join(command)} -f "$1" config -q', "sh"])
    return found


def test_the_file_is_what_the_compose_specification_allows() -> None:
    parse(FILE.read_text())


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("condition: service_healthy", "condition: service_is_well"),
        ('restart: "no"', "restart: perhaps"),
        ('volumes: ["kafka:/var/lib/kafka/data"]', "volumes: 7"),
    ],
)
def test_the_parser_finds_what_is_wrong(right: str, wrong: str) -> None:
    text = FILE.read_text()
    assert right in text
    with pytest.raises(Exception, match=r".+"):
        parse(text.replace(right, wrong))


@pytest.mark.parametrize("command", engines())
def test_compose_itself_reads_the_file(command: list[str]) -> None:
    result = subprocess.run([*command, str(FILE)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_who_answers_nobody_has_a_smaller_share_of_the_processor(resolved: dict[str, Any]) -> None:
    behind = {
        name for name, service in resolved["services"].items() if service.get("cpu_shares", 1024) < 1024
    }
    assert behind == {f"{s}-{r}" for s in SERVICE_NAMES for r in ROLES if r != "api"}


def test_every_role_of_every_service_runs(resolved: dict[str, Any]) -> None:
    ours = {name: service["command"] for name, service in resolved["services"].items() if "build" in service}
    expected = {f"{s}-{r}": ["python", "-m", f"services.{s}", r] for s in SERVICE_NAMES for r in ROLES}
    expected["gateway"] = ["python", "-m", "services.gateway"]
    expected["notify-bounces"] = [
        *("python", "-m", "services.notify", "notices", "receive-reports"),
        *("--host", "0.0.0.0", "--port", "8024", "--http-port", "8000"),  # noqa: S104 - within its container
    ]
    expected["prepare"] = ["python", "-m", "services.prepare", "/secrets"]
    assert ours == expected


def test_a_service_sees_its_own_secrets_only(resolved: dict[str, Any]) -> None:
    for service in SERVICE_NAMES:
        for role in ROLES:
            found = resolved["services"][f"{service}-{role}"]
            assert found["volumes"] == [f"secrets-{service}:/run/showcase:ro"]
            assert "SHOWCASE_DATABASE_URL" not in found["environment"]


def test_the_receiver_of_reports_has_notify_s_secrets_and_a_port_of_this_machine(
    resolved: dict[str, Any],
) -> None:
    found = resolved["services"]["notify-bounces"]
    assert found["volumes"] == ["secrets-notify:/run/showcase:ro"]
    assert found["ports"] == ["127.0.0.1:${SHOWCASE_BOUNCE_PORT:-8024}:8024"]
    assert found["environment"]["SHOWCASE_BOUNCE_ADDRESS"] == "${SHOWCASE_BOUNCE_ADDRESS:-}"


def test_what_scales_has_neither_a_name_nor_a_port_of_its_own(resolved: dict[str, Any]) -> None:
    for name in ("voting-api", "voting-worker"):
        assert not {"container_name", "ports"} & set(resolved["services"][name])


def test_all_that_is_named_is_there(resolved: dict[str, Any]) -> None:
    services, volumes = resolved["services"], resolved["volumes"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(volumes)


def test_our_containers_have_no_privileges(resolved: dict[str, Any]) -> None:
    for name, service in resolved["services"].items():
        if "build" in service:
            assert (name, service["read_only"], service["cap_drop"]) == (name, True, ["ALL"])
    assert re.search(r"^USER 10001:10001$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)


def test_ports_are_open_to_this_machine_only(resolved: dict[str, Any]) -> None:
    ports = [port for service in resolved["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 4
    assert all(port.startswith(("127.0.0.1:", "${SHOWCASE_LISTEN:-127.0.0.1}:")) for port in ports)
