"""The one-shot job before a deployment starts: ``python -m services.prepare FOLDER``.

It makes what is missing and changes nothing that is there: a database and a role for each service
(from the administrator's SHOWCASE_DATABASE_URL), their tables, the topics, and one folder of
secrets per service under FOLDER, each with no more than its service needs:

==========  =====================================================================
intake      its database, the key that signs sessions and the key that checks them
voting      its database, the key that checks sessions, the root of its own keys
the others  their database, the key that checks sessions
==========  =====================================================================
"""

import os
import secrets
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import structlog
from pydantic import SecretStr

from services.allinone import BUILDS
from shared.db.provision import provision, role_of
from shared.embedded.keys import Keys, load_or_make
from shared.embedded.running import prepare
from shared.observability.logs import configure_logging
from shared.runtime.checks import wait_for_database
from shared.runtime.parts import resources_of
from shared.runtime.process import run_process
from shared.settings import SERVICE_NAMES, ServiceName, Settings
from shared.startup import CannotStart

log = structlog.get_logger("showcase.prepare")


def write_secrets(folder: Path, admin_dsn: str) -> tuple[Keys, dict[ServiceName, str]]:
    """Make the secrets that are missing.

    Returns:
        The keys, and the database password of each service.
    """
    keys = load_or_make(folder / "intake" / "keys")
    passwords: dict[ServiceName, str] = {}
    for service in SERVICE_NAMES:
        own = folder / service
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        password = _kept(own / "database-password", secrets.token_urlsafe(24))
        passwords[service] = password
        _write(own / f"showcase_{service}_database_url", _dsn(admin_dsn, service, password))
        _write(own / "showcase_session_public_key", keys.session_public_key)
    _write(folder / "intake" / "showcase_session_private_key", keys.session_private_key)
    for service in ("voting", "notify"):
        root = _kept(folder / service / "root", secrets.token_hex(32))
        _write(folder / service / f"showcase_{service}_secret", root)
    return keys, passwords


async def run(folder: Path, settings: Settings) -> None:
    """Do all of it; safe to repeat."""
    if not settings.database_url:
        raise CannotStart(
            "There is no database to prepare: set SHOWCASE_DATABASE_URL to an administrator's address."
        )
    await wait_for_database(settings.database_url, seconds=60)
    keys, passwords = write_secrets(folder, settings.database_url)
    for service, password in passwords.items():
        await provision(settings.database_url, password, services=(service,))
    settings = settings.model_copy(
        update={
            "session_private_key": SecretStr(keys.session_private_key),
            "session_public_key": keys.session_public_key,
            # to put the services together; nothing is derived from them
            "voting_secret": SecretStr("00" * 32),
            "notify_secret": SecretStr("00" * 32),
            **{
                f"{service}_database_url": _dsn(settings.database_url, service, password)
                for service, password in passwords.items()
            },
        }
    )
    await prepare(settings, [BUILDS[name](resources_of(name, settings)) for name in SERVICE_NAMES])
    log.info("prepared", folder=str(folder))


def _dsn(admin_dsn: str, service: ServiceName, password: str) -> str:
    parts = urlsplit(admin_dsn)
    role = role_of(service)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password, safe='')}@{host}", path=f"/{role}"))


def _kept(path: Path, fresh: str) -> str:
    if not path.exists():
        _write(path, fresh)
    return path.read_text().strip()


def _write(path: Path, text: str) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    unfinished.rename(path)


def main() -> None:
    """``python -m services.prepare FOLDER``."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m services.prepare FOLDER\n")
        raise SystemExit(2)
    settings = Settings()
    configure_logging(json=settings.log_json, level=settings.log_level)
    run_process(run(Path(sys.argv[1]), settings))


if __name__ == "__main__":
    main()
