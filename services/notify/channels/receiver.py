"""Where mail comes back to: a small LMTP server for reports, the command ``notices receive-reports``.

The mail server in front keeps a report until it is answered 250, and that is said after the commit:
nothing is lost while the database is away.
"""

import asyncio
from types import TracebackType

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.notify.domain.keys import NotifyKeys, notice_of
from services.notify.handlers.bounces import take_report
from services.notify.metrics import BOUNCES
from shared.clock import Clock
from shared.db import Database

LARGEST = 2 * 1024 * 1024
"""A report quotes the mail; more than its beginning is never needed."""
log = structlog.get_logger("showcase.bounces")


class BounceReceiver:
    """``async with BounceReceiver(…) as receiver:`` listens on ``receiver.port`` until the block ends."""

    def __init__(
        self, database: Database, clock: Clock, keys: NotifyKeys, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.host, self.port = host, port
        self._database, self._clock, self._keys = database, clock, keys
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "BounceReceiver":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _protocol(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = LMTP(
            self, hostname="showcase", data_size_limit=LARGEST, enable_SMTPUTF8=True, ident="Showcase"
        )
        return protocol

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take only what is addressed to one of our return paths: nobody else has mail here."""
        if envelope.rcpt_tos:
            return "452 4.5.3 one return path at a time"  # LMTP answers DATA once for each
        if not notice_of(self._keys, address):
            return "550 5.1.1 no such return path"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Write the report down; 451 lets the mail server keep it and come again."""
        raw = envelope.original_content or b""
        try:
            done = await take_report(self._database, self._clock, self._keys, envelope.rcpt_tos, raw)
        except Exception:
            log.exception("a report could not be written down")
            return "451 4.3.0 try again later"
        BOUNCES.labels(done).inc()
        log.info("report", done=done)
        return "250 2.0.0 noted"
