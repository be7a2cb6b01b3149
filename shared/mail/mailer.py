"""How mail leaves the process."""

from email.message import EmailMessage
from typing import Protocol

import aiosmtplib

from shared.mail.letter import Mail
from shared.observability.context import current_service
from shared.observability.metrics import MAIL_SENT
from shared.settings import Settings

SECONDS = 20.0
"""An SMTP server that says nothing for so long is taken as away."""


class MailRefused(Exception):
    """The server took the connection and will never take this mail (5xx); do not try again."""


class Mailer(Protocol):
    """Sends one mail; returns when the server has taken it."""

    async def send(
        self, *, to: str, subject: str, text: str, html: str = "", key: str = "", language: str = "th"
    ) -> str:
        """Send and return the Message-ID. The same ``key`` gives the same Message-ID.

        Raises:
            ValueError: an address or the subject cannot stand in a header.
            MailRefused: the server refuses this mail for good.
            OSError: no server answers, or it refuses this system; try again later.
        """


class SmtpMailer:
    """Mail over SMTP, one connection per mail."""

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        *,
        user: str = "",
        password: str = "",
        starttls: bool = False,
    ) -> None:
        self.host = host
        self.port = port
        self.sender = sender
        self._user = user
        self._password = password
        self._starttls = starttls

    async def send(
        self, *, to: str, subject: str, text: str, html: str = "", key: str = "", language: str = "th"
    ) -> str:
        mail = Mail(to, subject, text, html, key, language)
        message = mail.message(self.sender)
        outcome = "failed"
        try:
            await self._hand_over(message)
            outcome = "sent"
        except MailRefused:
            outcome = "refused"
            raise
        finally:
            MAIL_SENT.labels(current_service(), outcome).inc()
        return str(message["Message-ID"])

    async def _hand_over(self, message: EmailMessage) -> None:
        try:
            await aiosmtplib.send(
                message,
                hostname=self.host,
                port=self.port,
                username=self._user or None,
                password=self._password or None,
                start_tls=self._starttls,
                timeout=SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            if all(500 <= refusal.code < 600 for refusal in error.recipients):
                raise MailRefused(str(error)) from error
            raise ConnectionError(str(error)) from error
        except (
            aiosmtplib.SMTPConnectResponseError,
            aiosmtplib.SMTPHeloError,
            aiosmtplib.SMTPAuthenticationError,
        ) as error:  # the server refuses us, whatever the mail
            raise ConnectionError(f"{error.code} {error.message}") from error
        except aiosmtplib.SMTPResponseException as error:
            if 500 <= error.code < 600:
                raise MailRefused(f"{error.code} {error.message}") from error
            raise ConnectionError(f"{error.code} {error.message}") from error
        except aiosmtplib.SMTPException as error:
            raise ConnectionError(str(error)) from error


class MemoryMailer:
    """Keeps mail in a list; for tests."""

    def __init__(self, sender: str = "no-reply@showcase.invalid") -> None:
        self.sender = sender
        self.sent: list[Mail] = []

    async def send(
        self, *, to: str, subject: str, text: str, html: str = "", key: str = "", language: str = "th"
    ) -> str:
        mail = Mail(to, subject, text, html, key, language)
        message = mail.message(self.sender)
        self.sent.append(mail)
        return str(message["Message-ID"])

    def to(self, recipient: str) -> list[Mail]:
        """Everything sent to ``recipient``, the newest last."""
        return [mail for mail in self.sent if mail.to.casefold() == recipient.casefold()]


def mailer_from(settings: Settings) -> SmtpMailer:
    """The mailer that the settings describe."""
    return SmtpMailer(
        settings.smtp_host,
        settings.smtp_port,
        settings.mail_from,
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value(),
        starttls=settings.smtp_starttls,
    )
