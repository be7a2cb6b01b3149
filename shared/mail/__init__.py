"""E-mail that must not travel over Kafka: sign-in codes and ballot codes; and the transport of notices."""

from shared.mail.letter import Mail
from shared.mail.mailer import Mailer, MailRefused, MemoryMailer, SmtpMailer, mailer_from

__all__ = ["Mail", "MailRefused", "Mailer", "MemoryMailer", "SmtpMailer", "mailer_from"]
