"""That application, on real PostgreSQL."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from shared.db import Database
from shared.service import Resources
from shared.testing.web import (
    client_for,
    resources_for,
)
from tests.component.web.an_app import an_app


@pytest.fixture
def resources(shared_database: Database) -> Resources:
    return resources_for(shared_database)


@pytest.fixture
def app(resources: Resources) -> FastAPI:
    return an_app(resources)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(app) as client:
        yield client
