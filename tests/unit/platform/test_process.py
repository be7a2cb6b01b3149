"""What a process of the system does to itself before it takes work."""

import json
import subprocess
import sys

_CHILD = """
import gc, json
from shared.runtime.process import settle_heap
settle_heap()
print(json.dumps({"threshold": gc.get_threshold(), "frozen": gc.get_freeze_count(), "on": gc.isenabled()}))
"""


def test_a_settled_heap_is_out_of_the_collector_s_sight_and_looked_at_less_often() -> None:
    """In a process of its own: what is frozen stays so."""
    child = subprocess.run([sys.executable, "-c", _CHILD], capture_output=True, text=True, check=True)
    settled = json.loads(child.stdout)
    assert settled.pop("frozen") > 0
    assert settled == {"threshold": [150_000, 20, 50], "on": True}
