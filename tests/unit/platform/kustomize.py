"""The part of kustomize that deploy/kubernetes uses, so that its manifests can be checked without a cluster.

It knows no more than that, and refuses what it does not know. Its result was once held against
``kubectl kustomize`` (kustomize 5.0.4): equal, apart from the order of the documents.
"""

import copy
import re
from pathlib import Path
from typing import Any

import yaml

Document = dict[str, Any]
_KNOWN = {"apiVersion", "kind", "namespace", "namePrefix", "labels", "resources", "patches", "images"}
_NO_NAMESPACE = {"Namespace"}


def render(folder: Path) -> list[Document]:
    """Every document that ``kubectl apply -k folder`` would send."""
    plan = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert set(plan) <= _KNOWN, f"{folder}: {set(plan) - _KNOWN} is not understood here"
    documents: list[Document] = []
    for name in plan["resources"]:
        path = folder / name
        documents += render(path) if path.is_dir() else _read(path)
    for patch in plan.get("patches", []):
        _patch(documents, patch, folder)
    for document in documents:
        document["metadata"]["name"] = plan.get("namePrefix", "") + document["metadata"]["name"]
        if "namespace" in plan and document["kind"] not in _NO_NAMESPACE:
            document["metadata"]["namespace"] = plan["namespace"]
        for labels in plan.get("labels", []):
            _label(document, labels)
        for image in plan.get("images", []):
            _set_image(document, image)
    return documents


def _read(path: Path) -> list[Document]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def _patch(documents: list[Document], patch: Document, folder: Path) -> None:
    assert set(patch) <= {"target", "patch", "path"}, patch
    operations = yaml.safe_load(patch.get("patch") or (folder / patch["path"]).read_text())
    target = patch["target"]
    touched = [
        document
        for document in documents
        if document["kind"] == target["kind"]
        and re.fullmatch(target.get("name", ".*"), document["metadata"]["name"])
    ]
    assert touched, f"{folder}: nothing is called {target}"
    for document in touched:
        for operation in operations:
            _operate(document, copy.deepcopy(operation))


def _operate(document: Document, operation: Document) -> None:
    """One operation of RFC 6902."""
    *way, last = operation["path"].strip("/").split("/")
    place: Any = document
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if operation["op"] == "add" and last == "-":
        place.append(operation["value"])
        return
    key: Any = int(last) if isinstance(place, list) else last
    if operation["op"] == "remove":
        del place[key]
        return
    assert operation["op"] == "replace", operation
    assert isinstance(place, list) or key in place, f"{operation['path']} does not exist"
    place[key] = operation["value"]


def _label(document: Document, labels: Document) -> None:
    pairs = labels["pairs"]
    document["metadata"].setdefault("labels", {}).update(pairs)
    spec = document.get("spec", {})
    template = spec.get("template")
    if template and (labels.get("includeTemplates") or labels.get("includeSelectors")):
        template["metadata"].setdefault("labels", {}).update(pairs)
    if not labels.get("includeSelectors"):
        return
    if document["kind"] == "Service":
        spec["selector"].update(pairs)
    elif "selector" in spec:
        spec["selector"]["matchLabels"].update(pairs)
    for spread in template["spec"].get("topologySpreadConstraints", []) if template else []:
        spread["labelSelector"]["matchLabels"].update(pairs)


def _set_image(document: Document, image: Document) -> None:
    for container in document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
        if container["image"] == image["name"]:
            container["image"] = f"{image['newName']}:{image['newTag']}"
