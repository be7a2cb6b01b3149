"""The four APIs against their own OpenAPI documents: no 5xx, no answer that the document does not name.

Schemathesis makes the requests, real PostgreSQL and (for voting) real Kafka answer them. Someone who
holds every role asks, so that requests pass the guards; the contest in the path is mostly a real one.
"""

import asyncio
import importlib
import random

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.contracts.intake import Role
from shared.service import Service
from shared.settings import ServiceName
from shared.testing.browser import serve
from shared.testing.postgres import Templates
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import publish_contest, resources_for, token_for

CHECKS = [
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 10
"""Requests per operation; the four services together take about a minute."""
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
EVERY_ROLE = tuple(Role)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def complaints(base_url: str, name: str) -> list[str]:
    """Ask every operation of the service's document; one complaint for each operation that is wrong."""
    schema = schemathesis.openapi.from_url(f"{base_url}/api/{name}/openapi.json")
    headers = {"authorization": f"Bearer {token_for(EVERY_ROLE, contact_id='everyone')}"}
    chance = random.Random(2022)
    found: list[str] = []

    def ask(operation: schemathesis.APIOperation) -> None:
        @seed(2022)
        @SETTINGS
        @given(case=operation.as_strategy())
        def run(case: schemathesis.Case) -> None:
            if "contest_id" in case.path_parameters and chance.random() < 0.8:
                case.path_parameters["contest_id"] = CONTEST_ID
            case.call_and_validate(base_url=base_url, headers=headers, checks=CHECKS, timeout=30)

        run()

    for result in schema.get_all_operations():
        operation = result.ok()
        try:
            ask(operation)
        except Exception as error:  # every failure of one operation is one line of the report
            found.append(f"{operation.method.upper()} {operation.path}: {error}"[:1500])
    return found


async def run(name: ServiceName, templates: Templates, **settings: object) -> list[str]:
    """What is wrong with the service's API."""
    async with templates.database(name) as database:
        await publish_contest(database)
        build = importlib.import_module(f"services.{name}.app").build
        service: Service = build(resources_for(database, **settings))
        async with service.lifespan(), serve(service.http) as base_url:
            return await asyncio.to_thread(complaints, base_url, name)


@pytest.mark.parametrize("name", ["intake", "scoring", "notify"])
async def test_api_keeps_its_word(name: ServiceName, database_templates: Templates) -> None:
    assert await run(name, database_templates) == []


@pytest.mark.kafka
async def test_voting_api_keeps_its_word(database_templates: Templates, kafka: str) -> None:
    assert await run("voting", database_templates, bootstrap_servers=kafka, broker="kafka") == []
