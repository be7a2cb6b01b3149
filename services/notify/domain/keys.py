"""Notify's keys, each for one purpose, all derived from one secret by HKDF (RFC 5869)."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken

from shared.root_secret import derived_key, root_secret

_MARK = 10
"""Bytes of a signature in an address: 80 bits, short enough for a local part of 64 characters."""


class Unreadable(ValueError):
    """What was sealed cannot be opened: another secret, or another place."""


@dataclass(frozen=True, slots=True)
class NotifyKeys:
    """What notify signs and seals with."""

    root: bytes

    @classmethod
    def of(cls, text: str) -> "NotifyKeys":
        """The keys of a secret.

        Raises:
            WeakSecret: it is none.
        """
        return cls(root_secret(text, "SHOWCASE_NOTIFY_SECRET"))

    def mark(self, purpose: str, text: str) -> str:
        """A short signature of ``text`` for ``purpose``, in lower-case letters and digits."""
        digest = hmac.new(self._derived(purpose), text.encode(), hashlib.sha256).digest()[:_MARK]
        return base64.b32encode(digest).decode().rstrip("=").lower()

    def proves(self, purpose: str, text: str, mark: str) -> bool:
        """Whether ``mark`` is the signature of ``text``."""
        return hmac.compare_digest(self.mark(purpose, text).encode(), mark.casefold().encode())

    def seal(self, purpose: str, content: bytes) -> bytes:
        """``content`` encrypted for ``purpose``."""
        return self._box(purpose).encrypt(content)

    def unseal(self, purpose: str, sealed: bytes) -> bytes:
        """What was sealed for ``purpose``. Raises Unreadable."""
        try:
            return self._box(purpose).decrypt(sealed)
        except InvalidToken as error:
            raise Unreadable(f"{purpose}: sealed under another SHOWCASE_NOTIFY_SECRET") from error

    def _box(self, purpose: str) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._derived(purpose)))

    def _derived(self, purpose: str) -> bytes:
        return derived_key(self.root, f"showcase.notify/1/{purpose}")


def return_path(keys: NotifyKeys, base: str, notice_id: str) -> str:
    """The envelope sender of a notice's mail (VERP): a report to it names the notice by itself."""
    local, _, domain = base.rpartition("@")
    return f"{local}+{notice_id.replace('-', '')}{keys.mark('return-path', notice_id)}@{domain}"


def notice_of(keys: NotifyKeys, address: str) -> str:
    """The notice that a return path belongs to; empty where it is none of ours."""
    token = address.rpartition("@")[0].rpartition("+")[2].casefold()
    if len(token) <= 32:
        return ""
    digits, mark = token[:32], token[32:]
    notice_id = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return notice_id if keys.proves("return-path", notice_id, mark) else ""
