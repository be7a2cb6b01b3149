"""LINE: a push message through the Messaging API, for agencies whose people read LINE and not mail.

An adapter that is ready to be wired: a contact has no LINE user id yet, and ``NoticeSent.v1`` knows four
channels, so the table does not offer it.
"""

import httpx

from services.notify.domain.delivery import DELIVERED, Outcome, Result

LONGEST = 5_000
"""Characters of a text message."""
SECONDS = 10.0


class LineSender:
    """Pushes text to one LINE user. The retry key makes a repeated push one message (24 hours)."""

    def __init__(self, api: str, token: str) -> None:
        self._api = api.rstrip("/")
        self._token = token

    async def push(self, user_id: str, text: str, key: str) -> Outcome:
        """Send ``text``; ``key`` is a UUID that stays the same for a retry."""
        headers = {"authorization": f"Bearer {self._token}", "x-line-retry-key": key}
        body = {"to": user_id, "messages": [{"type": "text", "text": text[:LONGEST]}]}
        try:
            async with httpx.AsyncClient(timeout=SECONDS, trust_env=False) as client:
                response = await client.post(f"{self._api}/v2/bot/message/push", headers=headers, json=body)
        except httpx.HTTPError as error:
            return Outcome(Result.POSTPONED, f"{type(error).__name__}: {error}"[:300])
        status = str(response.status_code)
        if response.is_success or response.status_code == 409:  # 409: this retry key was accepted before
            return DELIVERED
        later = response.status_code == 429 or response.status_code >= 500
        return Outcome(Result.POSTPONED if later else Result.REFUSED, f"LINE answered {status}", status)
