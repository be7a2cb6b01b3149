"""Who waits when a machine has more to do than it can: first those who answer nobody.

In containers the orchestrator's shares decide (``cpu_shares``, ``requests``); there this changes
nothing between two containers.
"""

import os
from contextlib import suppress
from pathlib import Path

LESS = 5
"""Steps of niceness: about a third of the share of a process that does not give way (sched(7)), so that
a tally stays seconds behind a full machine's votes, not minutes, and its heads are signed in time."""


def give_way(pid: int = 0) -> None:
    """From now on a process, this one or ``pid``, lets those that answer people go first, as far as the
    system allows it.

    Linux weighs whole sessions against each other where autogroups are on; then the session gives way,
    if it is the process's own.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, min(19, os.getpriority(os.PRIO_PROCESS, pid) + LESS))
    if not hasattr(os, "SCHED_BATCH"):
        return
    with suppress(OSError):  # long turns, and no interruption of others when there is work
        os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))
    with suppress(OSError):
        pid = pid or os.getpid()
        if os.getsid(pid) == pid:
            Path(f"/proc/{pid}/autogroup").write_text(str(LESS))
