"""The AsyncAPI document is the catalogue, filed, and valid."""

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema
from jsonschema import Draft7Validator, Draft202012Validator

from shared.contracts import asyncapi
from shared.contracts.catalogue import CATALOGUE, EVENT_TYPES

FILED = Path(__file__).parents[2] / "docs" / "asyncapi" / "showcase.json"
DOCUMENT = asyncapi.document()


def test_filed_document_is_what_the_code_says() -> None:
    assert FILED.read_text() == asyncapi.render(), (
        "run: python -m shared.contracts.asyncapi > docs/asyncapi/showcase.json"
    )


def test_document_is_asyncapi_3() -> None:
    """FastStream's model of AsyncAPI 3.0 stands in for the specification's schema; see the next test.
    It takes the optional ``pathname`` of a server for a required one."""
    copied = copy.deepcopy(DOCUMENT)
    copied["servers"]["kafka"]["pathname"] = "/"
    assert ApplicationSchema.model_validate(copied).asyncapi == "3.0.0"
    assert DOCUMENT.keys() == {
        "asyncapi", "id", "info", "defaultContentType", "servers", "channels", "operations", "components",
    }  # fmt: skip


@pytest.mark.skipif("ASYNCAPI_SCHEMA" not in os.environ, reason="ASYNCAPI_SCHEMA names no file")
def test_document_fits_the_specification_s_own_schema() -> None:
    """``npm pack @asyncapi/specs`` has it as ``schemas/3.0.0-without-$id.json``."""
    schema = json.loads(Path(os.environ["ASYNCAPI_SCHEMA"]).read_text())
    assert [error.message for error in Draft7Validator(schema).iter_errors(DOCUMENT)] == []


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        node = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        assert node


def test_channels_say_what_the_catalogue_says() -> None:
    assert {
        channel["address"]: (
            channel["bindings"]["kafka"]["partitions"],
            channel["x-key"],
            channel["x-audience"],
            channel["x-producer"],
            channel["x-consumers"],
            list(channel["messages"]),
        )
        for channel in DOCUMENT["channels"].values()
    } == {
        topic.name: (
            topic.partitions,
            topic.key,
            topic.audience.value,
            topic.producer,
            list(topic.consumers),
            [event.__name__ for event in topic.events],
        )
        for topic in CATALOGUE
    }


def test_examples_fit_the_payloads_and_headers_of_the_document() -> None:
    components = DOCUMENT["components"]
    headers = components["messageTraits"]["cloudEvent"]["headers"]
    assert components["messages"].keys() == EVENT_TYPES.keys()
    for message in components["messages"].values():
        payload = {**message["payload"], "components": components}
        for example in message["examples"]:
            assert list(Draft202012Validator(payload).iter_errors(example["payload"])) == []
            assert list(Draft202012Validator(headers).iter_errors(example["headers"])) == []
