"""For commands beside a running system: they find it by its folder and use its servers."""

import os
from collections.abc import MutableMapping
from pathlib import Path

from shared.embedded.keys import load_or_make
from shared.embedded.var import Addresses, Var


def running_system(path: Path) -> Addresses | None:
    """The addresses of the system that runs on ``path``; None if none does."""
    var = Var(path)
    return var.read_addresses() if var.is_taken() else None


def adopt_running(path: Path, environment: MutableMapping[str, str] | None = None) -> Addresses | None:
    """Let the settings of this process be those of the system that runs on ``path``.

    Variables that are set already win, so that a command can be pointed elsewhere.

    Returns:
        The system's addresses; None if none runs there, and nothing is changed.
    """
    addresses = running_system(path)
    if addresses is None:
        return None
    target = os.environ if environment is None else environment
    var = Var(path)
    host, _, port = addresses.mail["smtp"].rpartition(":")
    found = {
        "SHOWCASE_VAR": str(var.path),
        "SHOWCASE_PUBLIC_URL": addresses.http,
        "SHOWCASE_SMTP_HOST": host,
        "SHOWCASE_SMTP_PORT": port,
        "SHOWCASE_SECURE_COOKIES": "false",
    }
    if "KAFKA_BOOTSTRAP_SERVERS" not in target:
        found["KAFKA_BOOTSTRAP_SERVERS"] = addresses.bootstrap_servers
        found["SHOWCASE_BROKER"] = addresses.broker
    if "SHOWCASE_DATABASE_URL" not in target:
        found["SHOWCASE_DATABASE_URL"] = addresses.database_url
        for service, dsn in addresses.databases.items():
            found[f"SHOWCASE_{service.upper()}_DATABASE_URL"] = dsn
    if var.keys.exists():
        keys = load_or_make(var.keys)
        found["SHOWCASE_SESSION_PRIVATE_KEY"] = keys.session_private_key
        found["SHOWCASE_SESSION_PUBLIC_KEY"] = keys.session_public_key
        found["SHOWCASE_VOTING_SECRET"] = keys.voting_secret
        found["SHOWCASE_NOTIFY_SECRET"] = keys.notify_secret
    for name, value in found.items():
        target.setdefault(name, value)
    return addresses
