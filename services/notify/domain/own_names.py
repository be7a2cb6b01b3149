"""A person's own name in what others typed, and not in words that only begin with it or hold it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

LEAST = 4
"""Letters of a name that is looked for: a shorter one, or a title that somebody gave as a name, is part of
too many texts that are not about the person."""
_LETTER = "[0-9A-Za-z\u00c0-\u024f\u0e00-\u0e7f]"
_LATIN = "[0-9A-Za-z\u00c0-\u024f]"
_BEFORE = "".join(f"|(?<={word})" for word in ("นาย", "นาง", "นางสาว", "คุณ", "ท่าน", "อาจารย์", "ครู", "เรียน"))
"""Words that Thai writes before a name without a space."""


@dataclass(frozen=True)
class OwnNames:
    """How a person is called, and by which contests."""

    contests: frozenset[str]
    names: frozenset[str]
    """Those that are long enough to be looked for."""

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str]]) -> "OwnNames":
        """From (contest, name) of every contest that knows the person."""
        found = [(contest_id, name.strip()) for contest_id, name in rows]
        return cls(
            frozenset(contest_id for contest_id, _ in found),
            frozenset(name for _, name in found if sum(map(str.isalnum, name)) >= LEAST),
        )

    @cached_property
    def pattern(self) -> str:
        """A regular expression for Python and PostgreSQL, to be used without regard to case; empty where no
        name is looked for. A name of one word stands as a word of its own, or after a title; one of several
        words, which hardly is a part of others by chance, may also touch Thai letters, as Thai is written."""
        longest_first = sorted(self.names, key=lambda name: (-len(name), name))
        return "|".join(map(_pattern_of, longest_first))

    def are_in(self, value: object) -> bool:
        """Whether one of the names is somewhere in a text or in what holds texts."""
        if isinstance(value, str):
            return bool(self.pattern) and re.search(self.pattern, value, re.IGNORECASE) is not None
        if isinstance(value, dict):
            return any(self.are_in(one) for one in value.values())
        return isinstance(value, list) and any(self.are_in(one) for one in value)


def _pattern_of(name: str) -> str:
    if len(name.split()) > 1:
        return f"(?<!{_LATIN}){re.escape(name)}(?!{_LATIN})"
    return f"(?:(?<!{_LETTER}){_BEFORE}){re.escape(name)}(?!{_LETTER})"
