"""Fixtures that every test may use; each lives beside what it gives, in ``shared.testing``."""

import importlib.util

pytest_plugins = [
    name
    for name in (
        "shared.testing.postgres",
        "shared.testing.kafka",
        "shared.testing.shared_tables",
        "shared.testing.browser",
    )
    if importlib.util.find_spec(name)
]
