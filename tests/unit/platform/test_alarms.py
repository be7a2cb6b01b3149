"""Alarms and the dashboard are written against metrics that exist, and every alarm says what to do."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import services.allinone  # noqa: F401  # every metric is declared once its module is there
from shared.settings import SERVICE_NAMES

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = PROMETHEUS / "rules" / "showcase.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "vote-night.json"
RUNBOOK = ROOT / "docs" / "operate" / "vote-night.md"
DASHBOARD_SCHEMA = 39
"""Grafana 11's; older and newer ones convert it."""
_NAME = re.compile(r"\b(showcase_\w+|process_\w+)\b")
_RECORDED = re.compile(r"\bshowcase:[\w:]+")


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def panels() -> list[dict[str, Any]]:
    return list(json.loads(DASHBOARD.read_text())["panels"])


def metric_names() -> set[str]:
    """Every series that a process can show."""
    names = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
    for metric in REGISTRY.collect():
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
        names |= {metric.name + ending for ending in endings.get(metric.type, ("",))}
    return names


def expressions(rules: list[dict[str, Any]], panels: list[dict[str, Any]]) -> list[str]:
    return [rule["expr"] for rule in rules] + [
        target["expr"] for panel in panels for target in panel.get("targets", [])
    ]


def test_alarms_and_panels_ask_for_metrics_that_exist(
    rules: list[dict[str, Any]], panels: list[dict[str, Any]]
) -> None:
    asked = {name for expr in expressions(rules, panels) for name in _NAME.findall(expr)}
    assert asked - metric_names() == set()


def test_recorded_figures_that_are_used_are_recorded(
    rules: list[dict[str, Any]], panels: list[dict[str, Any]]
) -> None:
    recorded = {rule["record"] for rule in rules if "record" in rule}
    used = {name for expr in expressions(rules, panels) for name in _RECORDED.findall(expr)}
    assert used == recorded


def test_every_alarm_has_its_paragraph_in_the_runbook(rules: list[dict[str, Any]]) -> None:
    headings = set(re.findall(r"^### (\w+)$", RUNBOOK.read_text(), re.MULTILINE))
    alarms = {rule["alert"] for rule in rules if "alert" in rule}
    assert alarms == headings
    for rule in rules:
        if "alert" in rule:
            assert rule["annotations"]["runbook"] == f"docs/operate/vote-night.md#{rule['alert'].lower()}"
            assert rule["labels"]["severity"] in {"page", "warn"}


def test_panels_lie_side_by_side(panels: list[dict[str, Any]]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_dashboard_is_what_grafana_loads(panels: list[dict[str, Any]]) -> None:
    """The fields that Grafana's own model of schema 39 asks for, and a type and a source for each panel."""
    document = json.loads(DASHBOARD.read_text())
    assert document["schemaVersion"] == DASHBOARD_SCHEMA
    assert {"uid", "title", "time", "templating", "annotations", "refresh"} <= set(document)
    assert len(document["uid"]) <= 40
    (source,) = document["templating"]["list"]
    assert (source["type"], source["query"]) == ("datasource", "prometheus")
    for panel in panels:
        assert {"id", "type", "title", "gridPos"} <= set(panel)
        assert panel["type"] in {"row", "stat", "timeseries"}, panel["title"]
        if panel["type"] == "row":
            continue
        assert panel["datasource"] == {"type": "prometheus", "uid": f"${{{source['name']}}}"}, panel["title"]
        names = [target["refId"] for target in panel["targets"]]
        assert names, panel["title"]
        assert len(set(names)) == len(names), panel["title"]


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian: prometheus) is not installed")
def test_promtool_reads_every_panels_question(panels: list[dict[str, Any]], tmp_path: Path) -> None:
    """Each expression as a rule of its own, so that promtool parses it."""
    asked = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    alarms = [each["expr"] for each in json.loads(DASHBOARD.read_text())["annotations"]["list"]]
    rules = [{"record": f"asked:{n}", "expr": expr} for n, expr in enumerate([*asked, *alarms])]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    said = subprocess.run(["promtool", "check", "rules", path.name], cwd=tmp_path, capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    assert f"{len(rules)} rules found" in said.stdout


def test_every_process_is_scraped() -> None:
    (job,) = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    roles = {name for name in compose if name.split("-")[0] in SERVICE_NAMES or name == "gateway"}
    assert set(job["dns_sd_configs"][0]["names"]) == roles


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian: prometheus) is not installed")
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", RULES.name),
        ("test", "rules", "rules_test.yml"),
    ],
)
def test_promtool_agrees(arguments: tuple[str, ...]) -> None:
    folder = PROMETHEUS / "rules" if RULES.name in arguments else PROMETHEUS
    said = subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
