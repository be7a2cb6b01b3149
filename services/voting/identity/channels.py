"""Ways to bring a code to a person: by e-mail, or by a short message through a gateway.

A channel reads what was typed and delivers; everything else about codes (their life, the queue, the
friction) is the same for all of them.
"""

from dataclasses import dataclass
from typing import Protocol

from services.voting.domain.addresses import (
    BadAddress,
    is_disposable,
    mail_class,
    masked,
    normalise,
    provider_of,
)
from services.voting.domain.ballots import MailClass
from services.voting.domain.errors import NotAnAddress
from services.voting.domain.keys import ContestKeys, keyed_hash
from services.voting.domain.phones import country_of, masked_phone, normalise_phone
from services.voting.identity.letters import Letter
from shared.contracts.rulebook import VoterIdentity
from shared.mail import Mailer, MailRefused
from shared.sms import SmsAway, SmsGateway, SmsRefused


class CannotDeliver(Exception):
    """The address will never take a message; do not try again."""


class DeliveryAway(Exception):
    """Nobody takes messages at present; try again."""


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody's address, understood."""

    normal: str
    """The form under which it votes."""
    address: str
    """Where messages go: what was typed."""
    mail_class: MailClass
    provider: str
    """Whom the pace of sending spares."""
    disposable: bool = False


class Channel(Protocol):
    """One way to bring codes to people."""

    kind: VoterIdentity

    def read(self, typed: str, keys: ContestKeys) -> Target:
        """What was typed, understood.

        Raises:
            NotAnAddress, NotAPhone: nothing can be sent there.
        """

    def masked(self, typed: str) -> str:
        """The address as a page repeats it."""

    async def deliver(self, address: str, letter: Letter, *, key: str, language: str) -> None:
        """Hand one message over. The same ``key`` is the same message again.

        Raises:
            CannotDeliver, DeliveryAway: it did not leave.
        """


class EmailChannel:
    """Codes by e-mail, over the mailer that every service has."""

    kind = VoterIdentity.EMAIL

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer

    def read(self, typed: str, keys: ContestKeys) -> Target:
        try:
            normal = normalise(typed)
        except BadAddress as error:
            raise NotAnAddress from error
        domain = normal.rpartition("@")[2]
        return Target(
            normal,
            typed.strip(),
            mail_class(normal),
            provider_of(normal) or _hidden(keys, domain),
            is_disposable(normal),
        )

    def masked(self, typed: str) -> str:
        return masked(typed)

    async def deliver(self, address: str, letter: Letter, *, key: str, language: str) -> None:
        try:
            await self._mailer.send(
                to=address, subject=letter.subject, text=letter.text, key=key, language=language
            )
        except (ValueError, MailRefused) as error:
            raise CannotDeliver from error
        except OSError as error:
            raise DeliveryAway(str(error)) from error


def _hidden(keys: ContestKeys, domain: str) -> str:
    """A domain that could name a person, as the queue knows it; all alike once the key is destroyed."""
    return "~" + (keyed_hash(keys.signals, "provider", domain)[:9].hex() if keys.signals else "")


class PhoneChannel:
    """Codes by short message, through the operator's HTTP gateway."""

    kind = VoterIdentity.PHONE

    def __init__(self, gateway: SmsGateway) -> None:
        self._gateway = gateway

    def read(self, typed: str, keys: ContestKeys) -> Target:
        number = normalise_phone(typed)
        return Target(number, number, MailClass.PHONE, country_of(number))

    def masked(self, typed: str) -> str:
        return masked_phone(normalise_phone(typed))

    async def deliver(self, address: str, letter: Letter, *, key: str, language: str) -> None:
        try:
            await self._gateway.send(address, letter.short, reference=key)
        except SmsRefused as error:
            raise CannotDeliver from error
        except SmsAway as error:
            raise DeliveryAway(str(error)) from error
