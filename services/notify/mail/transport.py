"""The way to the SMTP server: stored bytes go out as they are."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from email import message_from_bytes
from typing import Protocol

import aiosmtplib

from shared.settings import Settings

SECONDS = 20.0


class Refused(Exception):
    """The server will never take this mail (5xx)."""


class Postponed(Exception):
    """Not now (4xx, or no answer); try again later."""


class Line(Protocol):
    """An open line to the server."""

    async def send(self, to: str, message: bytes) -> None:
        """Hand over one mail. Raises Refused or Postponed."""


class Transport(Protocol):
    """Opens lines."""

    def line(self) -> AbstractAsyncContextManager[Line]:
        """One line for several mails. Raises Postponed where no server answers."""


class _SmtpLine:
    def __init__(self, client: aiosmtplib.SMTP, sender: str) -> None:
        self._client = client
        self._sender = sender

    async def send(self, to: str, message: bytes) -> None:
        try:
            await self._client.sendmail(self._sender, [to], message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refusal.code for refusal in error.recipients]
            kind = Refused if all(500 <= code < 600 for code in codes) else Postponed
            raise kind(str(error.recipients[0])) from error
        except aiosmtplib.SMTPServerDisconnected as error:
            raise Postponed(str(error) or "the server hung up") from error
        except aiosmtplib.SMTPResponseException as error:
            kind = Refused if 500 <= error.code < 600 else Postponed
            raise kind(f"{error.code} {error.message}") from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise Postponed(str(error) or type(error).__name__) from error


class SmtpTransport:
    """SMTP as the settings describe it; one connection serves many mails."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user or None,
            password=settings.smtp_password.get_secret_value() or None,
            start_tls=settings.smtp_starttls,
            timeout=SECONDS,
        )
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise Postponed(f"no SMTP server answers at {settings.smtp_host}:{settings.smtp_port}") from error
        try:
            yield _SmtpLine(client, settings.mail_from)
        finally:
            try:
                await client.quit()
            except (aiosmtplib.SMTPException, OSError):
                client.close()


def message_id_of(message: bytes) -> str:
    """The Message-ID of stored bytes."""
    return str(message_from_bytes(message)["Message-ID"])
