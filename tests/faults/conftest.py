"""The fault suite: ``make test-faults``. A plain run takes the tests that are marked ``fault_selection``.

Every test prints its seed; SHOWCASE_FAULTS_SEED repeats a run.
"""

import os
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.faults.house import House, a_house

_HERE = Path(__file__).parent
SEED = int(os.environ.get("SHOWCASE_FAULTS_SEED") or random.randrange(10**9))
WHOLE = os.environ.get("SHOWCASE_FAULTS", "") == "all"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Everything here needs Kafka; without SHOWCASE_FAULTS=all only the selection runs, and with it not
    those of the selection that a larger test repeats."""
    ours = [item for item in items if item.path.is_relative_to(_HERE)]
    for item in ours:
        item.add_marker(pytest.mark.kafka)
    left_out = [item for item in ours if not _runs(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _runs(item: pytest.Item) -> bool:
    selected = item.get_closest_marker("fault_selection")
    if WHOLE:
        return selected is None or not selected.kwargs.get("small", False)
    return selected is not None


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Where all chance of a test comes from."""
    print(f"SHOWCASE_FAULTS_SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder for the data of this module's servers, on the disk."""
    path = Path(tempfile.mkdtemp(prefix="showcase-faults-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
async def house(folder: Path) -> AsyncIterator[House]:
    """One house for the tests of a module: two apis, two workers."""
    async with a_house(folder, apis=2, workers=2) as built:
        yield built
