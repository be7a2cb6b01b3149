"""Telephone numbers: one number is one voter, however it is written."""

from services.voting.domain.errors import NotAPhone
from shared.phones import mobile_number


def normalise_phone(typed: str) -> str:
    """The one form of a number, E.164: ``081-234 5678`` becomes ``+66812345678``.

    Raises:
        NotAPhone: no short message can be sent to it.
    """
    number = mobile_number(typed)
    if number is None:
        raise NotAPhone
    return number


def masked_phone(number: str) -> str:
    """The number as a page repeats it: ``+6681•••678``."""
    return f"{number[:5]}•••{number[-3:]}"


def country_of(number: str) -> str:
    """The dialling prefix by which sending is paced: ``+66`` for Thailand, else three characters."""
    return number[:3]
