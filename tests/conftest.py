"""Fixtures that every test may use; each lives beside what it gives, in ``shared.testing``."""

import importlib.util

from hypothesis import settings

# a busy machine is no counterexample
settings.register_profile("showcase", deadline=None)
settings.load_profile("showcase")

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
