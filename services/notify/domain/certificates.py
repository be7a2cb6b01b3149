"""Certificates: whom they go to, and the code by which anyone can verify one."""

import secrets
from collections.abc import Iterable

from shared.contracts.scoring import AwardGiven

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Digits and letters that are not taken for each other on paper."""
CODE_LENGTH = 12


def new_code() -> str:
    """A fresh code, 58 bits of chance: ``7KQ2-M9XD-4TBA``."""
    return grouped("".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)))


def grouped(code: str) -> str:
    """Groups of four with hyphens."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def normal_code(typed: str) -> str:
    """What someone typed, as it is printed: case, spaces and hyphens do not matter."""
    return grouped(
        "".join(character for character in typed.upper() if character.isascii() and character.isalnum())
    )


def winners(awards: Iterable[AwardGiven]) -> tuple[AwardGiven, ...]:
    """The awards that have a winner, in the order in which they are announced."""
    return tuple(award for award in awards if award.entry_id is not None and award.applicant_name)
