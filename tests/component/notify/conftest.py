"""Notify on a fresh database that knows the contest."""

import pytest

from shared.db import Database
from shared.testing.web import publish_contest
from tests.component.notify.notify_kit import Notify


@pytest.fixture
async def notify(notify_database: Database) -> Notify:
    """Notify that knows the contest."""
    await publish_contest(notify_database)
    return Notify(notify_database)
