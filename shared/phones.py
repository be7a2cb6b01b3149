"""Telephone numbers to which a short message can be sent, in their one form.

Thai mobile numbers have ten digits that begin with 06, 08 or 09 (+66 and nine digits); the fixed
lines and the services among them take no short messages. Numbers of other countries are taken in
E.164 with their plus sign, as they stand.
"""

import re

_PUNCTUATION = re.compile(r"[\s().\u2010-\u2015\u200b-]+")
_THAI_MOBILE = re.compile(r"(?:\+66|0066|66|0)0?([689][0-9]{8})")
_E164 = re.compile(r"\+[1-9][0-9]{7,14}")
_THAI_DIGITS = str.maketrans("๐๑๒๓๔๕๖๗๘๙", "0123456789")


def mobile_number(typed: str) -> str | None:
    """The number in E.164: ``081-234 5678`` becomes ``+66812345678``; None where it takes no SMS."""
    text = _PUNCTUATION.sub("", typed.strip().translate(_THAI_DIGITS))
    if not text.isascii():
        return None
    thai = _THAI_MOBILE.fullmatch(text)
    if thai:
        return f"+66{thai[1]}"
    if text.startswith("+") and not text.startswith("+66") and _E164.fullmatch(text):
        return text
    return None
