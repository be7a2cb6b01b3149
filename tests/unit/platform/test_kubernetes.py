"""What deploy/kubernetes would send to a cluster: valid by the schemas, walled, probed, and ready in time."""

import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from services.voting.tally import GROUP
from shared.contracts.catalogue import TOPICS
from shared.contracts.voting import VoteCast
from shared.settings import SERVICE_NAMES, Settings
from tests.unit.platform.kustomize import Document, render

ROOT = Path(__file__).parents[3]
KUBERNETES = ROOT / "deploy" / "kubernetes"
CLUSTER = "1.31"
ROLES = ("api", "worker", "relay")
ASKED_CPU = {"1": 1.0, "200m": 0.2}
SCALED_OBJECT = {"scaleTargetRef", "pollingInterval", "cooldownPeriod", "minReplicaCount", "maxReplicaCount",
                 "fallback", "advanced", "triggers"}  # fmt: skip
TRIGGERS = {
    "kafka": {"bootstrapServersFromEnv", "consumerGroup", "topic", "lagThreshold", "offsetResetPolicy"},
    "cron": {"timezone", "start", "end", "desiredReplicas"},
    "cpu": {"value"},
}
"""What each trigger has to be told; KEDA knows more, and these files need no more."""


@pytest.fixture(scope="module", params=["base", "overlays/vote-night"])
def documents(request: pytest.FixtureRequest) -> list[Document]:
    return render(KUBERNETES / request.param)


@pytest.fixture(scope="module")
def vote_night() -> list[Document]:
    return render(KUBERNETES / "overlays" / "vote-night")


def of(documents: list[Document], kind: str) -> dict[str, Document]:
    """The documents of one kind by name."""
    return {each["metadata"]["name"]: each for each in documents if each["kind"] == kind}


def pod(deployment: Document) -> Document:
    spec: Document = deployment["spec"]["template"]["spec"]
    return spec


def test_every_document_is_what_kubernetes_allows(documents: list[Document]) -> None:
    for document in documents:
        if document["kind"] != "ScaledObject":
            kubernetes_validate.validate(document, CLUSTER, strict=True)


def test_the_schemas_find_what_is_wrong(documents: list[Document]) -> None:
    broken = {**documents[-1], "spec": {"podSelector": 7, "replicsa": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, CLUSTER, strict=True)


def test_no_two_documents_have_one_name(documents: list[Document]) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in documents]
    assert len(names) == len(set(names))


def test_every_role_of_every_service_runs_its_own_command(documents: list[Document]) -> None:
    found = of(documents, "Deployment")
    assert set(found) == {"gateway", *(f"{name}-{role}" for name in SERVICE_NAMES for role in ROLES)}
    for name in SERVICE_NAMES:
        for role in ROLES:
            spec = pod(found[f"{name}-{role}"])
            assert spec["containers"][0]["command"] == ["python", "-m", f"services.{name}", role]
            assert spec["volumes"][0]["secret"]["secretName"] == f"showcase-{name}", "its own secrets only"


def test_every_pod_is_probed_bounded_and_may_do_nothing_else(documents: list[Document]) -> None:
    for deployment in of(documents, "Deployment").values():
        spec, container = pod(deployment), pod(deployment)["containers"][0]
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert container["startupProbe"]["httpGet"]["path"] == "/healthz"
        assert container["resources"]["limits"]["memory"] == "512Mi"
        assert container["resources"]["requests"]["cpu"] in ASKED_CPU
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["automountServiceAccountToken"] is False
        assert spec["terminationGracePeriodSeconds"] > 40, "longer than a batch may take to finish"


def test_selectors_find_their_own_pods_and_no_others(documents: list[Document]) -> None:
    labels = {name: each["spec"]["template"]["metadata"]["labels"]
              for name, each in of(documents, "Deployment").items()}  # fmt: skip

    def chosen(selector: dict[str, str]) -> set[str]:
        return {name for name, its in labels.items() if selector.items() <= its.items()}

    for name, deployment in of(documents, "Deployment").items():
        assert chosen(deployment["spec"]["selector"]["matchLabels"]) == {name}
    for name, service in of(documents, "Service").items():
        assert chosen(service["spec"]["selector"]) == {name}
    budgets = of(documents, "PodDisruptionBudget")
    assert set(budgets) == set(labels)
    for name, budget in budgets.items():
        assert chosen(budget["spec"]["selector"]["matchLabels"]) == {name}


def test_the_gateway_and_the_ingress_find_the_services(vote_night: list[Document]) -> None:
    services = of(vote_night, "Service")
    gateway = pod(of(vote_night, "Deployment")["gateway"])["containers"][0]
    upstream = next(each["value"] for each in gateway["env"] if each["name"] == "SHOWCASE_UPSTREAM")
    assert {upstream.format(service=name) for name in SERVICE_NAMES} <= {
        f"http://{name}:{each['spec']['ports'][0]['port']}" for name, each in services.items()
    }
    (ingress,) = of(vote_night, "Ingress").values()
    for path in ingress["spec"]["rules"][0]["http"]["paths"]:
        assert path["backend"]["service"]["name"] in services


def test_settings_are_ones_that_exist(documents: list[Document]) -> None:
    given = of(documents, "ConfigMap")["showcase"]["data"]
    assert set(given) <= set(Settings().environment())
    assert (given["SHOWCASE_REPLICATION_FACTOR"], given["SHOWCASE_MIN_INSYNC_REPLICAS"]) == ("3", "2")


def test_autoscalers_scale_what_exists_and_nothing_else_says_how_many(documents: list[Document]) -> None:
    deployments = of(documents, "Deployment")
    scaled = {each["spec"]["scaleTargetRef"]["name"]
              for kind in ("ScaledObject", "HorizontalPodAutoscaler")
              for each in of(documents, kind).values()}  # fmt: skip
    assert scaled == {"gateway", "voting-api", "voting-worker"}
    for name, deployment in deployments.items():
        assert ("replicas" in deployment["spec"]) == (name not in scaled)


def test_scaled_objects_say_what_keda_understands(documents: list[Document]) -> None:
    for scaled in of(documents, "ScaledObject").values():
        assert scaled["apiVersion"] == "keda.sh/v1alpha1"
        spec = scaled["spec"]
        assert set(spec) <= SCALED_OBJECT
        assert 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"]
        for trigger in spec["triggers"]:
            assert set(trigger) <= {"type", "metadata", "metricType"}
            assert set(trigger["metadata"]) == TRIGGERS[trigger["type"]]
            assert all(isinstance(value, str) for value in trigger["metadata"].values())


def test_workers_follow_the_tallys_lag_up_to_one_for_each_partition(documents: list[Document]) -> None:
    spec = of(documents, "ScaledObject")["voting-worker"]["spec"]
    lag = next(each["metadata"] for each in spec["triggers"] if each["type"] == "kafka")
    assert (lag["consumerGroup"], lag["topic"]) == (GROUP, VoteCast.TOPIC)
    assert spec["maxReplicaCount"] <= TOPICS[VoteCast.TOPIC].partitions
    told = of(documents, "ConfigMap")["showcase"]["data"]
    assert lag["bootstrapServersFromEnv"] in told


def test_more_of_voting_runs_before_the_vote_opens_and_until_it_has_closed(
    vote_night: list[Document],
) -> None:
    contest = tomllib.loads((ROOT / "contests" / "smart-city-2022" / "contest.toml").read_text())
    opens, closes = (contest["decisions"][f"calendar.voting.{end}"]["value"] for end in ("starts", "ends"))
    for name in ("voting-api", "voting-worker"):
        spec = of(vote_night, "ScaledObject")[name]["spec"]
        hours = [_hours(each["metadata"], opens) for each in spec["triggers"] if each["type"] == "cron"]
        for instant in (opens, closes):
            early, late = instant - timedelta(minutes=15), instant + timedelta(minutes=30)
            assert any(start <= early and late <= end for start, end in hours), f"{name} at {instant}"


def test_the_clock_asks_for_no_more_than_may_run_and_for_a_worker_a_partition(
    vote_night: list[Document],
) -> None:
    asked = {
        name: {int(each["metadata"]["desiredReplicas"]) for each in scaled["spec"]["triggers"]
               if each["type"] == "cron"}
        for name, scaled in of(vote_night, "ScaledObject").items()
    }  # fmt: skip
    assert asked == {"voting-api": {12}, "voting-worker": {TOPICS[VoteCast.TOPIC].partitions}}
    for name, scaled in of(vote_night, "ScaledObject").items():
        assert max(asked[name]) <= scaled["spec"]["maxReplicaCount"]
    runbook = (ROOT / "docs" / "operate" / "vote-night.md").read_text()
    (apis,), (workers,) = asked["voting-api"], asked["voting-worker"]
    assert f"{apis} apis and {workers} workers" in runbook


def _hours(cron: dict[str, Any], like: datetime) -> tuple[datetime, datetime]:
    assert cron["timezone"] == "Asia/Bangkok"
    assert int(cron["desiredReplicas"]) > 3

    def instant(line: str) -> datetime:
        minute, hour, day, month, weekday = line.split()
        assert weekday == "*"
        return like.replace(minute=int(minute), hour=int(hour), day=int(day), month=int(month))

    return instant(cron["start"]), instant(cron["end"])


def test_nothing_is_reached_but_by_a_rule(documents: list[Document]) -> None:
    policies = of(documents, "NetworkPolicy")
    assert policies["deny-all"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    entrances = {name for name, each in policies.items() if each["spec"].get("ingress")}
    assert entrances == {"metrics", "gateway", "api"}
    ports = {port["port"] for rule in policies["backing"]["spec"]["egress"] for port in rule["ports"]}
    given = of(documents, "ConfigMap")["showcase"]["data"]
    assert {9092, 5432, int(given["SHOWCASE_SMTP_PORT"])} <= ports
