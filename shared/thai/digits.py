"""Thai and Arabic digits: Thai ones in letters, Arabic ones on pages."""

THAI_DIGITS = "๐๑๒๓๔๕๖๗๘๙"
_TO_THAI = str.maketrans("0123456789", THAI_DIGITS)
_TO_ARABIC = str.maketrans(THAI_DIGITS, "0123456789")


def thai_digits(text: str | int) -> str:
    """``2565`` → ``๒๕๖๕``; everything else stays."""
    return str(text).translate(_TO_THAI)


def arabic_digits(text: str) -> str:
    """``๒๕๖๕`` → ``2565``; everything else stays."""
    return text.translate(_TO_ARABIC)
