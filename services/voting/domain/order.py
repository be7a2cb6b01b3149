"""The order of the finalists on the ballot: different for each voter, the same each time one looks."""

import hashlib
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def shuffled(items: Iterable[T], seed: str, key: Callable[[T], str]) -> list[T]:
    """``items`` in the order that ``seed`` gives; no place is favoured over all voters."""
    return sorted(items, key=lambda item: hashlib.sha256(f"{seed}\n{key(item)}".encode()).digest())
