"""The vault: what people typed, sealed under the contest's identity key, in a schema that only its own
database role may read.

Voting's role does not inherit that role; it steps into it for one statement. The key hangs on the
contest's pepper, so that destroying the pepper destroys every address, in this table and in every copy of it.
"""

import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting.domain.errors import IdentityDestroyed
from services.voting.domain.keys import ContestKeys

ROLE = "showcase_voting_identity"
_NONCE = 12

_KEEP = text(
    """
    INSERT INTO identity.contact (contest_id, subject, channel, sealed, kept_at)
    VALUES (:contest_id, :subject, :channel, :sealed, clock_timestamp())
    ON CONFLICT (contest_id, subject) DO UPDATE SET sealed = excluded.sealed, kept_at = excluded.kept_at
    """
)
_OPEN = text(
    "SELECT subject, sealed FROM identity.contact WHERE contest_id = :contest_id AND subject = ANY(:subjects)"
)
_COUNT = text("SELECT count(*) FROM identity.contact WHERE contest_id = :contest_id")
_SAMPLE = text(
    """
    SELECT subject, sealed FROM identity.contact WHERE contest_id = :contest_id
    ORDER BY subject LIMIT :most
    """
)


class Unreadable(Exception):
    """A sealed address cannot be opened: its key is gone, or somebody changed the row."""


def seal(keys: ContestKeys, subject: bytes, address: str) -> bytes:
    """``address`` under AES-256-GCM, bound to its contest and voter.

    Raises:
        IdentityDestroyed: the key is gone.
    """
    if keys.destroyed:
        raise IdentityDestroyed
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(keys.contact).encrypt(nonce, address.encode(), _bound(keys, subject))


def unseal(keys: ContestKeys, subject: bytes, sealed: bytes) -> str:
    """The address that was sealed.

    Raises:
        Unreadable: it does not open under these keys.
    """
    if keys.destroyed:
        raise Unreadable
    try:
        opened = AESGCM(keys.contact).decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(keys, subject))
    except (InvalidTag, ValueError) as error:
        raise Unreadable from error
    return opened.decode()


async def keep(session: AsyncSession, keys: ContestKeys, subject: bytes, channel: str, address: str) -> None:
    """Keep the address of a voter; the one typed last is the one that is written to."""
    values = {
        "contest_id": keys.contest_id,
        "subject": subject,
        "channel": channel,
        "sealed": seal(keys, subject, address),
    }
    async with _keeper(session):
        await session.execute(_KEEP, values)


async def addresses(session: AsyncSession, keys: ContestKeys, subjects: Iterable[bytes]) -> dict[bytes, str]:
    """The addresses of these voters; those that do not open are left out."""
    values = {"contest_id": keys.contest_id, "subjects": list(subjects)}
    async with _keeper(session):
        rows = (await session.execute(_OPEN, values)).all()
    found: dict[bytes, str] = {}
    for row in rows:
        try:
            found[row.subject] = unseal(keys, row.subject, row.sealed)
        except Unreadable:
            continue
    return found


async def count(session: AsyncSession, contest_id: str) -> int:
    """How many addresses are kept."""
    async with _keeper(session):
        return int((await session.execute(_COUNT, {"contest_id": contest_id})).scalar_one())


async def sample(session: AsyncSession, contest_id: str, most: int) -> list[tuple[bytes, bytes]]:
    """Up to ``most`` (subject, sealed) pairs as they lie."""
    async with _keeper(session):
        rows = (await session.execute(_SAMPLE, {"contest_id": contest_id, "most": most})).all()
    return [(row.subject, row.sealed) for row in rows]


@asynccontextmanager
async def _keeper(session: AsyncSession) -> AsyncIterator[None]:
    await session.flush()  # what waits to be written is not the vault's
    await session.execute(text(f"SET LOCAL ROLE {ROLE}"))
    yield
    await session.execute(text("RESET ROLE"))


def _bound(keys: ContestKeys, subject: bytes) -> bytes:
    return keys.contest_id.encode() + b"\0" + subject
