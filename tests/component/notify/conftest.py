"""Notify on a fresh database that knows the contest."""

import pytest

from shared.db import Database
from shared.testing.web import publish_contest
from tests.component.notify.notify_kit import Notify


@pytest.fixture
async def notify(notify_database: Database) -> Notify:
    """Notify that knows the contest; ``approver`` can sign."""
    await publish_contest(notify_database)
    found = Notify(notify_database)
    await found.enrol("approver")
    return found
