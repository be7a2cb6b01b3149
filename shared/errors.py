"""Errors of the domain: what went wrong and what to do, in Thai and English.

Use cases raise them; the HTTP edge turns them into RFC 9457 problem documents or a page.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar


class DomainError(Exception):
    """Something the caller can understand and mend.

    Args:
        th: what is wrong and what to do, in Thai.
        en: the same in English.
        field: the form field or JSON member it is about; empty for the whole request.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad-request"
    members: Mapping[str, str] = MappingProxyType({})
    """What the problem document says besides, each as a member of its own."""

    def __init__(self, th: str, en: str, *, field: str = "") -> None:
        super().__init__(en)
        self.th = th
        self.en = en
        self.field = field

    def in_language(self, language: str) -> str:
        """The text in ``language`` ("th" or "en")."""
        return self.en if language == "en" else self.th


class Unauthenticated(DomainError):
    status = 401
    code = "unauthenticated"


class Forbidden(DomainError):
    status = 403
    code = "forbidden"


class NotFound(DomainError):
    status = 404
    code = "not-found"


class Conflict(DomainError):
    """The state does not allow it, or someone else was faster."""

    status = 409
    code = "conflict"


class Gone(DomainError):
    status = 410
    code = "gone"


class Invalid(DomainError):
    """The input breaks a rule; ``errors`` lists every field at once."""

    status = 422
    code = "invalid"

    def __init__(self, th: str, en: str, *, field: str = "", errors: "tuple[Invalid, ...]" = ()) -> None:
        super().__init__(th, en, field=field)
        self.errors = errors


def as_one(faults: Sequence[Invalid]) -> Invalid:
    """All that is wrong with a form, one fault at least, as one error to raise."""
    if len(faults) == 1:
        return faults[0]
    return Invalid(
        "กรอกยังไม่ถูกต้อง โปรดแก้ตามรายการ",
        "Some fields are not right yet; mend those that are listed.",
        errors=tuple(faults),
    )


class TooMany(DomainError):
    """A rate limit; ``retry_after`` in seconds."""

    status = 429
    code = "too-many-requests"

    def __init__(self, th: str, en: str, *, retry_after: int, field: str = "") -> None:
        super().__init__(th, en, field=field)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """Try again; nothing was half-done. ``retry_after`` in seconds."""

    status = 503
    code = "unavailable"

    def __init__(self, th: str, en: str, *, retry_after: int = 5, field: str = "") -> None:
        super().__init__(th, en, field=field)
        self.retry_after = retry_after
