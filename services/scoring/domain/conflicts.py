"""Conflicts of interest: why a judge and an entry must not meet."""

from typing import Protocol

from shared.contracts.scoring import ConflictKind


class Origin(Protocol):
    """Where an entry comes from."""

    applicant_name: str
    province_code: str
    vendor: str


def shares(entry: Origin, other: Origin, conflict: ConflictKind) -> bool:
    """Whether a conflict of that kind with ``other`` is one with ``entry`` too."""
    match conflict:
        case ConflictKind.AGENCY:
            return entry.applicant_name == other.applicant_name
        case ConflictKind.PROVINCE:
            return bool(entry.province_code) and entry.province_code == other.province_code
        case ConflictKind.VENDOR:
            return bool(entry.vendor) and entry.vendor.casefold() == other.vendor.casefold()
        case ConflictKind.PERSONAL:
            return False
