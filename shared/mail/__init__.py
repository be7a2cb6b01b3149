"""E-mail that must not travel over Kafka: sign-in codes and ballot codes; and the transport of notices."""

from shared.mail.compose import Body, compose
from shared.mail.letter import Mail
from shared.mail.mailer import Mailer, MailRefused, MemoryMailer, SmtpMailer, mailer_from

__all__ = [
    "Body",
    "Mail",
    "MailRefused",
    "Mailer",
    "MemoryMailer",
    "SmtpMailer",
    "compose",
    "mailer_from",
]
