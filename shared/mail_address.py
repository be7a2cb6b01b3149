"""What is one e-mail address: the check that stands before every mail, without any I/O."""

from email.headerregistry import Address

_NEVER = frozenset("\r\n\0<>,; \t")
"""What would make more of it than one address, or another header."""


def mail_address(text: str) -> Address:
    """``text`` as one addr-spec, without a display name.

    Raises:
        ValueError: it is not one address.
    """
    if "@" not in text or not _NEVER.isdisjoint(text):
        raise ValueError("not an e-mail address")
    try:
        return Address(addr_spec=text)
    except Exception as error:  # the parser raises many kinds
        raise ValueError("not an e-mail address") from error
