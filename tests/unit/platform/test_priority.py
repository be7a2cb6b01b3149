"""Who goes first on a machine that has more to do than it can."""

import os
import subprocess
import sys

import pytest

from shared.runtime.priority import give_way

_TOLD = (
    "import os; from shared.runtime.priority import give_way; {}; print(os.nice(0), os.sched_getscheduler(0))"
)


def told(first: str) -> list[int]:
    """Niceness and policy of a process, a session of its own, after it did ``first``."""
    done = subprocess.run(
        [sys.executable, "-c", _TOLD.format(first)],
        capture_output=True, text=True, check=True, start_new_session=True,
    )  # fmt: skip
    return [int(word) for word in done.stdout.split()]


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="Linux's policies")
def test_who_gives_way_has_a_smaller_share_and_interrupts_nobody() -> None:
    before, policy = told("pass")
    assert policy == os.SCHED_OTHER
    assert told("give_way()") == [min(19, before + 5), os.SCHED_BATCH]


def test_a_process_can_make_another_give_way() -> None:
    with subprocess.Popen(["sleep", "30"], start_new_session=True) as other:
        before = os.getpriority(os.PRIO_PROCESS, other.pid)
        give_way(other.pid)
        assert os.getpriority(os.PRIO_PROCESS, other.pid) == min(19, before + 5)
        other.kill()


def test_giving_way_is_no_condition_of_working(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refused)
    monkeypatch.setattr(os, "sched_setscheduler", refused)
    monkeypatch.setattr(os, "getsid", refused)
    give_way()
