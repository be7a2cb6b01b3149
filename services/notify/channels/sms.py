"""SMS: a short message through the operator's gateway, the one that sends codes to voters
(:mod:`shared.sms`, docs/operate/voter-identity.md).

An adapter that is ready to be wired: contacts have a telephone number, but ``NoticeSent.v1`` knows four
channels, so the table does not offer it.
"""

from services.notify.domain.delivery import DELIVERED, Outcome, Result
from shared.phones import mobile_number
from shared.sms import SmsAway, SmsGateway, SmsRefused

LONGEST = 670
"""Characters of a message: ten parts of 67, as Thai is sent."""


class SmsSender:
    """Sends text to one telephone. The key makes a repeated message one message."""

    def __init__(self, gateway: SmsGateway) -> None:
        self._gateway = gateway

    async def push(self, phone: str, text: str, key: str) -> Outcome:
        """Send ``text`` to ``phone``, however it is written; ``key`` stays the same for a retry."""
        number = mobile_number(phone)
        if number is None:
            return Outcome(Result.REFUSED, "the number takes no short messages")
        shown = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
        try:
            await self._gateway.send(number, shown, reference=key)
        except SmsAway as reason:
            return Outcome(Result.POSTPONED, str(reason))
        except SmsRefused as reason:
            return Outcome(Result.REFUSED, str(reason))
        return DELIVERED
