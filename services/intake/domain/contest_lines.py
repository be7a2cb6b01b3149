"""Where in a TOML text a field stands, so that an error can name its line."""

import re
from collections.abc import Mapping

_TABLE = re.compile(r"^\s*\[(?P<array>\[)?(?P<name>[^\[\]]+)\]")
_KEY = re.compile(
    r"""^\s*(?P<key>(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_"'-]+)*)\s*=(?P<rest>.*)$"""
)
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_QUOTES = ('"""', "'''")

Location = tuple[str | int, ...]


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(name))


def line_numbers(text: str) -> Mapping[Location, int]:
    """The line (from 1) of every table header and key of a TOML text, by its location.

    Elements of an array of tables are numbered from 0, as in the parsed document. Keys within
    inline tables are not listed: :func:`line_of` falls back to the line they stand in.
    """
    lines: dict[Location, int] = {}
    counts: dict[Location, int] = {}
    table: Location = ()
    open_quote = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if open_quote:
            if open_quote in line:
                open_quote = ""
            continue
        if match := _TABLE.match(line):
            table = _table(_parts(match["name"]), match["array"] is not None, counts)
            lines.setdefault(table, number)
        elif match := _KEY.match(line):
            lines[table + _parts(match["key"])] = number
            open_quote = next((q for q in _QUOTES if match["rest"].count(q) == 1), "")
    return lines


def _table(parts: tuple[str, ...], array: bool, counts: dict[Location, int]) -> Location:
    location: Location = ()
    for index, part in enumerate(parts):
        location += (part,)
        if array and index == len(parts) - 1:
            counts[location] = counts.get(location, -1) + 1
        if location in counts:
            location += (counts[location],)
    return location


def line_of(lines: Mapping[Location, int], location: Location) -> int:
    """The line of ``location``, or of the nearest thing around it; 1 where nothing is known."""
    while location:
        if location in lines:
            return lines[location]
        location = location[:-1]
    return 1
