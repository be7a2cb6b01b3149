"""How a process runs: one role of one service, or all of them together, started and stopped in order."""

from shared.runtime.process import main

__all__ = ["main"]
