"""The secrets of one embedded system, made at its first start and kept under ``var/keys``."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from shared.startup import CannotStart


@dataclass(frozen=True, slots=True)
class Keys:
    """Texts, as the settings take them."""

    session_private_key: str
    session_public_key: str
    voting_secret: str
    notify_secret: str
    database_password: str


def load_or_make(directory: Path) -> Keys:
    """The keys under ``directory``; what is missing is made, readable by its owner only.

    Raises:
        CannotStart: a key file cannot be read as a key.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = _kept(directory / "session.pem", _new_session_key)
    return Keys(
        session_private_key=private,
        session_public_key=_public_of(private, directory / "session.pem"),
        voting_secret=_kept(directory / "voting-secret", lambda: secrets.token_hex(32)),
        notify_secret=_kept(directory / "notify-secret", lambda: secrets.token_hex(32)),
        database_password=_kept(directory / "database-password", lambda: secrets.token_urlsafe(24)),
    )


def _kept(path: Path, make: Callable[[], str]) -> str:
    """What ``path`` holds; made whole or not at all, so that a full disk leaves no half a key."""
    if not path.exists():
        unfinished = path.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    text = path.read_text().strip()
    if not text:
        raise CannotStart(f"{path} is empty: put the right file back, or remove it to have a new one made.")
    return text


def _new_session_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_of(private: str, path: Path) -> str:
    try:
        key = load_pem_private_key(private.encode(), password=None)
    except ValueError as error:
        raise CannotStart(
            f"{path} is not a private key: put the right file back, or remove it to sign everyone out."
        ) from error
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
