"""The order of Thai words as a dictionary has them."""

import re

_LEADING = re.compile("([เ-ไ])([ก-ฮ])")
_MARKS = re.compile("[\u0e47-\u0e4e]")


def thai_order(text: str) -> tuple[str, str]:
    """A sort key: by consonant before the vowel written in front of it, and by tone marks only where
    nothing else differs (ชุมพร < เชียงราย < เชียงใหม่ < ตรัง). Other scripts go by their letters,
    whatever their case."""
    plain = _LEADING.sub(r"\2\1", text.casefold())
    return _MARKS.sub("", plain), plain
