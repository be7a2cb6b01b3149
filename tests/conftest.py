"""Fixtures that every test may use; each lives beside what it gives, in ``shared.testing``."""

import gc
import importlib.util
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from shared.db import engine

# children of tests find their modules compiled, and brokers that live for seconds are not optimised
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
if os.environ.get("SHOWCASE_FAULTS") != "all":
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

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


@pytest.fixture(scope="session", autouse=True)
def idle_limit_of_the_product() -> Iterator[int]:
    """Milliseconds after which the product's database ends a session that idles in a transaction.

    Tests run client, server and the start of a JVM in one event loop, which may keep a server from its
    work for seconds on a busy machine: their databases wait longer. Child processes keep the limit, and
    so does a test that sets it back to try it."""
    product = engine.IDLE_IN_TRANSACTION_MS
    engine.IDLE_IN_TRANSACTION_MS = 30_000
    yield product
    engine.IDLE_IN_TRANSACTION_MS = product


def pytest_collection_finish() -> None:
    """What was loaded and collected stays: looking through it again and again costs a tenth of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests go first: processes that share the files then end at about the same time.

    pytest-xdist would put them last, for they have few tests; hence ``--no-loadscope-reorder`` in the
    Makefile."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
