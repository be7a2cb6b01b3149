"""The 878 districts of the 76 provinces, with the codes of the Department of Provincial Administration.

Bangkok's 50 districts (เขต) are not here: they are the city's, not a province's.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("districts.csv")


@dataclass(frozen=True, slots=True)
class District:
    """One district (อำเภอ)."""

    code: str
    """Four digits, the province's first: ``9601``."""
    province_code: str
    th: str
    """``ตากใบ``"""
    en: str

    @property
    def head(self) -> str:
        """The post that official letters address: ``นายอำเภอตากใบ``."""
        return f"นายอำเภอ{self.th}"


@cache
def districts(province_code: str = "") -> tuple[District, ...]:
    """The districts of a province by code; of all provinces where none is named. Empty for Bangkok."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        found = tuple(District(**row) for row in csv.DictReader(file))
    return tuple(each for each in found if not province_code or each.province_code == province_code)
