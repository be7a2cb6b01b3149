"""The kinds of values that requests carry."""

from typing import Annotated

from fastapi import Header, Path, Request
from pydantic import StringConstraints

from services.intake.domain.sign_in import ip_prefix
from shared.errors import Invalid

PREFIX = "/api/intake/v1"
NO_NUL = r"^[^\x00]*$"
Line = Annotated[str, StringConstraints(max_length=300, strip_whitespace=True, pattern=NO_NUL)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True, pattern=NO_NUL)]
Words = Annotated[str, StringConstraints(max_length=2_000, strip_whitespace=True, pattern=NO_NUL)]
ProvinceCode = Annotated[str, StringConstraints(pattern=r"^([0-9]{2})?$")]
ContestPath = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$", description="slug of the contest")]
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$")]


_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
Email = Annotated[
    str,
    StringConstraints(
        max_length=254,
        pattern=rf"^[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})+$",
    ),
]
"""An address as HTML forms take it. Reserved domains such as ``.invalid`` pass: rehearsals use them."""
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", pattern=r'^(\*|"?[0-9]{1,9}"?)$', description="the revision seen, or `*`"),
]


def expected_revision(if_match: str | None) -> int | None:
    """The revision that the caller saw; None where it does not mind."""
    if if_match is None or if_match == "*":
        return None
    return int(if_match.strip('"'))


def network_of(request: Request) -> str:
    """The network that a request comes from; empty where that says nothing."""
    return ip_prefix(request.client.host) if request.client else ""


def body_of(text: str, *, field: str) -> str:
    """Text that PostgreSQL can hold.

    Raises:
        Invalid: it contains a NUL.
    """
    if "\x00" in text:
        raise Invalid("มีอักขระที่ใช้ไม่ได้", "There is a character that cannot be kept.", field=field)
    return text
