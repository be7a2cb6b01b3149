"""An SMTP server that keeps every mail in a :class:`Mailbox`; the embedded mode and tests use it."""

import asyncio
from pathlib import Path
from types import TracebackType

from aiosmtpd.smtp import SMTP, Envelope, Session

from shared.mail.mailbox import Mailbox

LARGEST = 35 * 1024 * 1024
"""Bytes of a mail with its attachments."""


class MailSink:
    """``async with MailSink(folder) as sink:`` listens on ``sink.port`` until the block ends."""

    def __init__(self, folder: Path, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """``port`` 0 takes a free one."""
        self.host = host
        self.port = port
        self.mailbox = Mailbox(folder)
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "MailSink":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, self.host, self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _protocol(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = SMTP(
            self, hostname="showcase", data_size_limit=LARGEST, enable_SMTPUTF8=True, ident="Showcase"
        )
        return protocol

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep the mail."""
        content = envelope.original_content or b""
        self.mailbox.add(envelope.mail_from or "", list(envelope.rcpt_tos), content)
        return "250 kept"
