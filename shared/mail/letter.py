"""One e-mail: checked fields, and the message they make."""

import hashlib
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime

from shared.mail_address import mail_address

MESSAGE_DOMAIN = "showcase.invalid"


@dataclass(frozen=True, slots=True)
class Mail:
    """What is sent to one person.

    ``key`` says which mail this is: sending the same key again repeats the same Message-ID, so a
    repeated delivery is recognised as one mail.
    """

    to: str
    subject: str
    text: str
    html: str = ""
    key: str = ""
    language: str = "th"

    def message(self, sender: str) -> EmailMessage:
        """The message, ready for SMTP.

        Raises:
            ValueError: an address or the subject is not one line, or the address is none.
        """
        for name, value in (("to", self.to), ("subject", self.subject), ("from", sender)):
            if any(character in value for character in "\r\n\0"):
                raise ValueError(f"{name} must be one line")
        message = EmailMessage(policy=SMTP)
        message["From"] = mail_address(sender)
        message["To"] = mail_address(self.to)
        message["Subject"] = self.subject
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = self.message_id(sender)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self.text, cte="base64")
        if self.html:
            message.add_alternative(self.html, subtype="html", cte="base64")
        message["Content-Language"] = self.language  # last: setting the content drops Content-* headers
        return message

    def message_id(self, sender: str) -> str:
        """Stable for the same key and recipient."""
        seed = "\0".join((self.key or f"{self.subject}\0{self.text}", self.to.casefold()))
        digest = hashlib.sha256(seed.encode()).hexdigest()[:32]
        return f"<{digest}@{mail_address(sender).domain or MESSAGE_DOMAIN}>"
