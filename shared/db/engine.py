"""The connection to a service's own database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

_PATIENCE_SECONDS = 1.5
"""Shorter than the patience of whoever asks ``/readyz``."""
IDLE_IN_TRANSACTION_MS = 2_000
"""A stopped process must not hold its locks: measured 9.6 s of blocking without, 9 ms with."""
_TAKE_TIME = text("SET LOCAL idle_in_transaction_session_timeout = 0")


async def take_time(session: AsyncSession) -> None:
    """Let the open transaction work for as long as it likes between two statements.

    For what a person starts and waits for: a process that is stopped here holds its locks until it ends.
    """
    await session.execute(_TAKE_TIME)


class Database:
    """One service's database. Application code never commits: the edge opens one
    :meth:`transaction`, which commits when it ends and rolls back when it raises."""

    def __init__(self, dsn: str, *, pool_size: int = 5) -> None:
        """``dsn`` is a plain ``postgresql://…`` address; no connection is made yet."""
        self.dsn = dsn
        self.engine: AsyncEngine = create_async_engine(
            dsn.replace("postgresql://", "postgresql+asyncpg://", 1),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            connect_args={
                "server_settings": {
                    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
                    "timezone": "UTC",
                }
            },
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session in one transaction; objects stay readable after the commit."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    async def problem(self) -> str:
        """Why the database cannot be used at this moment; empty when it can. It answers in two seconds,
        even where the network swallows every packet."""
        asking = asyncio.create_task(self._ask())
        try:
            done, _ = await asyncio.wait({asking}, timeout=_PATIENCE_SECONDS)
        finally:
            asking.cancel()
        return asking.result() if done else f"database: no answer within {_PATIENCE_SECONDS} s"

    async def _ask(self) -> str:
        try:
            async with self.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except Exception as error:  # whatever it is, it is the reason
            return f"database: {type(error).__name__}"
        return ""

    async def close(self) -> None:
        """Close every connection of the pool."""
        await self.engine.dispose()
