"""The e-mail channel: several lines to the server at once, many mails over each."""

import asyncio
import time
from collections.abc import Sequence

from services.notify.channels import Settle
from services.notify.domain.delivery import DELIVERED, LEASE, Outcome, Result
from services.notify.domain.keys import NotifyKeys, return_path
from services.notify.mail.transport import Line, Postponed, Refused, Transport
from services.notify.repository.notices import Claimed, Key
from shared.settings import Settings

SETTLE_EVERY = 20
"""Mails of one line that are settled together. A process that is killed leaves at most so many a line
unsettled that the server has taken: these go out again, under the same Message-ID."""
SETTLE_SECONDS = 0.5
"""… and not later than this after the server's answer."""


class EmailSender:
    """Hands mails to the SMTP server, each with its own return path."""

    def __init__(self, settings: Settings, transport: Transport, keys: NotifyKeys) -> None:
        self._transport = transport
        self._lines = max(1, settings.mail_connections)
        self._keys = keys
        self._base = settings.bounce_address or f"bounces@{settings.mail_from.rpartition('@')[2]}"

    async def deliver(self, mails: Sequence[Claimed], settle: Settle) -> None:
        lines = min(self._lines, -(-len(mails) // 5))  # few mails need no second line
        shares = [mails[start::lines] for start in range(lines)]
        await asyncio.gather(*(self._share(share, settle) for share in shares if share))

    async def _share(self, mails: Sequence[Claimed], settle: Settle) -> None:
        until = time.monotonic() + LEASE.total_seconds() / 2
        unsettled: list[tuple[Key, Outcome]] = []
        since = time.monotonic()
        try:
            async with self._transport.line() as line:
                for mail in mails:
                    if (
                        time.monotonic() > until
                    ):  # a slow server: another turn takes the rest, under its own lease
                        unsettled.append((mail.key, Outcome(Result.POSTPONED, "the server is slow")))
                        continue
                    unsettled.append((mail.key, await self._send(line, mail)))
                    if len(unsettled) >= SETTLE_EVERY or time.monotonic() - since > SETTLE_SECONDS:
                        batch, unsettled = unsettled, []
                        await settle(batch)
                        since = time.monotonic()
        except Postponed as reason:
            unsettled += [(mail.key, Outcome(Result.POSTPONED, str(reason))) for mail in mails]
        if unsettled:
            await settle(unsettled)

    async def _send(self, line: Line, mail: Claimed) -> Outcome:
        sender = return_path(self._keys, self._base, mail.notice_id)
        try:
            await line.send(sender, mail.address, mail.message)
        except Refused as reason:
            return Outcome(Result.REFUSED, str(reason), address_dead=reason.address_dead)
        except Postponed as reason:
            return Outcome(Result.POSTPONED, str(reason), wait=reason.wait)
        return DELIVERED
