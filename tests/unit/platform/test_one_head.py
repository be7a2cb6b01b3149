"""Each service's migrations are one chain: two with the same number would stop every start."""

import pytest

from shared.db.migrations import head
from shared.settings import SERVICE_NAMES


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_the_migrations_of_a_service_have_one_end(service: str) -> None:
    assert head(f"services.{service}").isdigit()
