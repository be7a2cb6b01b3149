"""Short messages through an HTTP gateway of the operator's choice.

The contract is small, so that any provider fits behind a few lines of glue
(docs/operate/voter-identity.md):

``POST <SHOWCASE_SMS_GATEWAY_URL>`` with ``Authorization: Bearer <token>``, ``Idempotency-Key: <reference>``
and ``{"to": "+66812345678", "text": "…", "sender": "…", "reference": "…"}``. 2xx: taken. 429 or 5xx, or no
answer: try again; so 401 and 403, which the operator has to mend. Any other answer: this number never
takes messages.
"""

import httpx

from shared.settings import Settings

SECONDS = 10.0


class SmsRefused(Exception):
    """The gateway will never deliver this message."""


class SmsAway(Exception):
    """The gateway does not take messages at present."""


class SmsGateway:
    """One gateway; connections are kept open between messages."""

    def __init__(self, url: str, token: str, sender: str) -> None:
        self._url = url
        self._token = token
        self._sender = sender
        self._http: httpx.AsyncClient | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> "SmsGateway":
        """The gateway that the settings describe; without an address every message waits."""
        return cls(
            settings.sms_gateway_url, settings.sms_gateway_token.get_secret_value(), settings.sms_sender
        )

    async def send(self, number: str, text: str, *, reference: str) -> None:
        """Hand over one message; ``number`` is E.164. The same ``reference`` is the same message again.

        Raises:
            SmsRefused: the gateway never delivers to this number.
            SmsAway: it does not answer, or asks for patience; try again.
        """
        if not self._url:
            raise SmsAway("no SHOWCASE_SMS_GATEWAY_URL is set")
        body = {"to": number, "text": text, "sender": self._sender, "reference": reference}
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": reference}
        try:
            answer = await self._client().post(self._url, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise SmsAway(type(error).__name__) from error
        if answer.is_success:
            return
        if answer.status_code in (408, 425, 429, 401, 403) or answer.status_code >= 500:
            raise SmsAway(f"the gateway answered {answer.status_code}")
        raise SmsRefused(f"the gateway answered {answer.status_code}")

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=SECONDS, follow_redirects=False)
        return self._http
