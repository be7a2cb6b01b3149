"""One secret of a service, and a key of its own for each purpose (HKDF, RFC 5869)."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32


class WeakSecret(ValueError):
    """The setting is missing or is not 32 bytes in hexadecimal; the text names it."""


def root_secret(text: str, setting: str) -> bytes:
    """The root of a service's keys from its setting.

    Args:
        setting: the variable's name, for the message.

    Raises:
        WeakSecret: the text is not 32 bytes in hexadecimal.
    """
    try:
        root = bytes.fromhex(text)
    except ValueError:
        root = b""
    if len(root) < KEY_BYTES:
        raise WeakSecret(f"{setting} must be 32 random bytes in hexadecimal (openssl rand -hex 32)")
    return root


def derived_key(root: bytes, purpose: str, salt: bytes | None = None) -> bytes:
    """The key for ``purpose``: the same for the same root, unrelated for any other purpose."""
    return HKDF(hashes.SHA256(), KEY_BYTES, salt, purpose.encode()).derive(root)
