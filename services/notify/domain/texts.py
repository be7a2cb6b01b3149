"""Texts with named places: ``{briefing.day}`` is filled from facts, never evaluated."""

import re
from collections.abc import Iterable, Mapping

from shared.errors import Invalid

_PLACE = re.compile(r"\{([a-z_]+(?:\.[a-z_]+)*)\}")
MERGE = "to."
"""Places that differ from one addressee to the next."""


def places(text: str) -> tuple[str, ...]:
    """The names of the places in ``text``, in order."""
    return tuple(_PLACE.findall(text))


def fill(text: str, facts: Mapping[str, str]) -> str:
    """``text`` with its places filled; the values are not looked at again.

    Raises:
        Invalid: a place without a fact; the text names it.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in facts:
            raise Invalid(
                f"ข้อความอ้างถึง {{{name}}} ซึ่งยังไม่มีข้อมูล",
                f"The text refers to {{{name}}}, of which nothing is known yet.",
                field="text",
            )
        return facts[name]

    return _PLACE.sub(value, text)


def refuse_merge_fields(texts: Iterable[str]) -> None:
    """A circular says the same to all: only its เรียน line may name the addressee.

    Raises:
        Invalid: names the place.
    """
    for text in texts:
        for name in places(text):
            if name.startswith(MERGE):
                raise Invalid(
                    f"หนังสือเวียนต้องมีข้อความเหมือนกันทุกฉบับ จึงใช้ {{{name}}} ในเนื้อความไม่ได้",
                    f"A circular has one text for all: {{{name}}} may stand only in its เรียน line.",
                    field="paragraphs",
                )
