"""The way to the SMTP server: stored bytes go out as they are."""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from email import message_from_bytes
from typing import Protocol

import aiosmtplib

from services.notify.domain.bounces import is_dead, status_in
from services.notify.domain.delivery import GREYLISTED
from shared.settings import Settings

SECONDS = 20.0
_UNKNOWN = (550, 551, 553)
"""Answers to RCPT that mean "nobody is here" where no enhanced status says more."""
_GREY = re.compile(r"grey|gray|\b4\.2\.0\b|\b4\.7\.\d", re.IGNORECASE)


class Refused(Exception):
    """The server will never take this mail (5xx)."""

    def __init__(self, reason: str, *, address_dead: bool = False) -> None:
        super().__init__(reason)
        self.address_dead = address_dead
        """Nobody is there: nothing else should be sent either."""


class Postponed(Exception):
    """Not now (4xx, or no answer); try again later."""

    def __init__(self, reason: str, *, wait: timedelta = timedelta(0)) -> None:
        super().__init__(reason)
        self.wait = wait


class Line(Protocol):
    """An open line to the server."""

    async def send(self, sender: str, to: str, message: bytes) -> None:
        """Hand over one mail; ``sender`` is its return path. Raises Refused or Postponed."""


class Transport(Protocol):
    """Opens lines."""

    def line(self) -> AbstractAsyncContextManager[Line]:
        """One line for several mails. Raises Postponed where no server answers."""


def answer(code: int, text: str, *, to_recipient: bool) -> Refused | Postponed:
    """What an SMTP answer means. ``to_recipient``: it was given to RCPT, so it is about the address."""
    status = status_in(text)
    if 500 <= code < 600:
        unknown = code in _UNKNOWN and not status
        return Refused(f"{code} {text}", address_dead=to_recipient and (unknown or is_dead(status)))
    grey = code in (450, 451) and bool(_GREY.search(text))
    return Postponed(f"{code} {text}", wait=GREYLISTED if grey else timedelta(0))


class _SmtpLine:
    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client

    async def send(self, sender: str, to: str, message: bytes) -> None:
        try:
            await self._client.sendmail(sender, [to], message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            first = error.recipients[0]
            raise answer(first.code, first.message, to_recipient=True) from error
        except aiosmtplib.SMTPServerDisconnected as error:
            raise Postponed(str(error) or "the server hung up") from error
        except aiosmtplib.SMTPResponseException as error:
            raise answer(error.code, error.message, to_recipient=False) from error
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
            yield _SmtpLine(client)
        finally:
            try:
                await client.quit()
            except (aiosmtplib.SMTPException, OSError):
                client.close()


def message_id_of(message: bytes) -> str:
    """The Message-ID of stored bytes."""
    return str(message_from_bytes(message)["Message-ID"])
