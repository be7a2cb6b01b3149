"""How the running system is: what ``showcase status`` tells."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from shared.embedded.client import running_system
from shared.embedded.var import Addresses

_ASK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Status:
    """``state`` is ``ready``, ``not ready`` or ``stopped``."""

    state: str
    reasons: list[str] = field(default_factory=list)
    addresses: Addresses | None = None
    memory_mb: dict[str, float] = field(default_factory=dict)
    """Proportional set size of each process with its children."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        told = asdict(self)
        told["memory_mb_total"] = round(sum(self.memory_mb.values()), 1)
        return told


def status_of(path: Path) -> Status:
    """Ask the system on ``path``."""
    addresses = running_system(path)
    if addresses is None:
        return Status("stopped", [f"nothing runs on {path.resolve()}"])
    memory = {
        name: _pss_mb(pid, with_children=name != "showcase")
        for name, pid in {"showcase": addresses.pid, **addresses.processes}.items()
    }
    try:
        answer = httpx.get(f"{addresses.http}/readyz", timeout=_ASK_SECONDS, trust_env=False).json()
    except (httpx.HTTPError, ValueError) as error:
        reasons = [f"{addresses.http} does not answer ({type(error).__name__})"]
        return Status("not ready", reasons, addresses, memory)
    return Status(str(answer["status"]), list(answer["reasons"]), addresses, memory)


def _pss_mb(pid: int, *, with_children: bool) -> float:
    try:
        process = psutil.Process(pid)
        family = [process, *(process.children(recursive=True) if with_children else ())]
    except psutil.Error:
        return 0.0
    total = 0
    for member in family:
        try:
            total += getattr(member.memory_full_info(), "pss", 0)
        except psutil.Error:
            continue
    return round(total / 2**20, 1)
