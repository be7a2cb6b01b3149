"""Role × route × owner, generated from what the four applications declare.

Every route names its guard or is listed in ``public_routes.txt``. With a wrong role the answer is
403, for nobody 401 or the way to the sign-in, and no role meets a fault of the program.
"""

import importlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.contracts.ids import new_id
from shared.contracts.intake import Role
from shared.db import Database
from shared.service import Service
from shared.settings import SERVICE_NAMES, ServiceName
from shared.testing.postgres import Templates
from shared.testing.routes import GuardedRoute, guarded_routes
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import client_for, publish_contest, resources_for, sign_in

PUBLIC = Path(__file__).with_name("public_routes.txt")
EVERYWHERE = ("/static/", "/healthz", "/readyz", "/metrics", "/language/")
"""Served by every application, for anyone."""

services = pytest.mark.parametrize("name", SERVICE_NAMES)


def build(name: ServiceName, database: Database) -> Service:
    """The service, as its composition root makes it."""
    service: Service = importlib.import_module(f"services.{name}.app").build(resources_for(database))
    return service


@pytest.fixture
async def service(name: ServiceName, database_templates: Templates) -> AsyncIterator[Service]:
    """The service on its own database, which knows a contest."""
    async with database_templates.database(name) as database:
        await publish_contest(database)
        service = build(name, database)
        service.http.state.draining = True  # live pages end at once
        yield service


def own_routes(service: Service) -> list[GuardedRoute]:
    """The routes of the service itself."""
    return [route for route in guarded_routes(service.http) if not route.path.startswith(EVERYWHERE)]


def address(route: GuardedRoute) -> str:
    """The route's path, filled with the contest and with ids that nothing has."""
    path = route.path.replace("{contest_id}", CONTEST_ID)
    while "{" in path:
        start, end = path.index("{"), path.index("}")
        numeric = ":int" in path[start:end]
        path = path[:start] + ("1" if numeric else new_id()) + path[end + 1 :]
    return path


async def ask(client: httpx.AsyncClient, route: GuardedRoute) -> httpx.Response:
    """Send the route a request without anything in it."""
    is_api = route.path.startswith("/api/")
    headers = {"accept": "application/json" if is_api else "text/html"}
    body: dict[str, Any] = {}
    if route.method in ("POST", "PUT", "PATCH"):
        body = {"json": {}} if is_api else {"data": {"x": "x"}}
    return await client.request(route.method, address(route), headers=headers, **body)


@services
def test_a_route_without_a_guard_is_public_on_purpose(name: ServiceName, service: Service) -> None:
    open_routes = {route.name for route in own_routes(service) if not route.signed_in}
    listed = set(
        PUBLIC.read_text(encoding="utf-8").split(f"[{name}]\n")[1].split("\n[")[0].strip().split("\n")
    )
    assert open_routes == listed, "give the route a guard (require, current_account) or list it"


@services
async def test_nobody_gets_401_or_the_way_to_the_sign_in(name: ServiceName, service: Service) -> None:
    wrong = []
    async with client_for(service.http) as client:
        for route in own_routes(service):
            if not route.signed_in:
                continue
            answer = await ask(client, route)
            to_sign_in = answer.status_code == 303 and answer.headers["location"].startswith("/signin?next=/")
            expected = answer.status_code == 401 if route.path.startswith("/api/") else to_sign_in
            if not expected:
                wrong.append((route.name, answer.status_code))
    assert wrong == []


@services
async def test_a_wrong_role_gets_403_and_no_role_a_fault(name: ServiceName, service: Service) -> None:
    wrong = []
    async with client_for(service.http) as client:
        for role in Role:
            sign_in(client, [role], contact_id=new_id())
            for route in own_routes(service):
                answer = await ask(client, route)
                refused = answer.status_code == 403
                fault = answer.status_code >= 500 and answer.status_code != 503
                if fault or (not route.lets_in(role) and not refused):
                    wrong.append((role.value, route.name, answer.status_code, answer.text[:200]))
    assert wrong == []


@services
async def test_a_session_without_any_role_passes_no_guard(name: ServiceName, service: Service) -> None:
    wrong = []
    async with client_for(service.http, [], contact_id=new_id()) as client:
        for route in own_routes(service):
            if route.guards and (status := (await ask(client, route)).status_code) != 403:
                wrong.append((route.name, status))
    assert wrong == []
