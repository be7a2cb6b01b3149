"""The 77 provinces: their codes of the Department of Provincial Administration, names and abbreviations."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("provinces.csv")
BANGKOK_CODE = "10"


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the country."""

    th: str
    en: str
    digits: str
    """First digits of its provinces' codes, as the Department of Provincial Administration gives them."""


REGIONS = (
    Region("ภาคเหนือ", "North", "56"),
    Region("ภาคตะวันออกเฉียงเหนือ", "Northeast", "34"),
    Region("ภาคกลาง", "Central", "1"),
    Region("ภาคตะวันออก", "East", "2"),
    Region("ภาคตะวันตก", "West", "7"),
    Region("ภาคใต้", "South", "89"),
)
"""From north to south; Bangkok is in the centre."""


@dataclass(frozen=True, slots=True)
class Province:
    """One province; Bangkok counts as one."""

    code: str
    """Two digits, ``96``."""
    th: str
    """``นราธิวาส``"""
    en: str
    abbreviation: str
    """The letters in the numbers of its official letters: ``นธ`` in ``นธ ๐๐๑๗.๒/ว``."""

    @property
    def full(self) -> str:
        """``จังหวัดนราธิวาส``; Bangkok is no จังหวัด."""
        return self.th if self.code == BANGKOK_CODE else f"จังหวัด{self.th}"

    @property
    def governor(self) -> str:
        """The post that official letters address: ``ผู้ว่าราชการจังหวัดนราธิวาส``."""
        return f"ผู้ว่าราชการ{self.full}"

    @property
    def region(self) -> Region:
        """The part of the country, by the first digit of the code."""
        return next(region for region in REGIONS if self.code[0] in region.digits)

    def in_language(self, language: str) -> str:
        """The name in ``language`` ("th" or "en")."""
        return self.en if language == "en" else self.th


@cache
def provinces() -> tuple[Province, ...]:
    """All 77, by code."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return tuple(Province(**row) for row in csv.DictReader(file))


@cache
def _by_code() -> dict[str, Province]:
    return {province.code: province for province in provinces()}


def province(code: str) -> Province:
    """The province of that code. Raises KeyError where there is none."""
    return _by_code()[code]


def known_province(code: str) -> Province | None:
    """The province of that code; None where no province has it."""
    return _by_code().get(code)


def region_of(code: str) -> Region | None:
    """The region of the province of that code; None where no province has it."""
    found = known_province(code)
    return found.region if found else None


def find_province(name: str) -> Province | None:
    """The province of that Thai or English name, with or without จังหวัด; None where there is none."""
    wanted = name.strip().removeprefix("จังหวัด").removeprefix("จ.").strip().casefold()
    for each in provinces():
        if wanted in (each.th, each.en.casefold(), each.code):
            return each
    return None
