"""Webhooks as the Standard Webhooks specification has them: signed, retried, never into this network."""

import asyncio
import ipaddress
import json
import secrets
import socket
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import standardwebhooks

from services.notify import repository
from services.notify.channels import Settle
from services.notify.domain.delivery import DELIVERED, Outcome, Result
from services.notify.domain.keys import NotifyKeys
from services.notify.repository.notices import Claimed, Key
from services.notify.sending_tables import Webhook
from services.notify.tables import Notice
from shared.clock import Clock
from shared.db import Database
from shared.errors import Invalid
from shared.settings import Settings

SEAL = "webhook-secret"
SECONDS = 10.0
"""What an endpoint has to answer within."""
AT_ONCE = 8
_PREFIX = "whsec_"


def new_secret() -> str:
    """A fresh secret as an integrator is shown it, once."""
    return _PREFIX + b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: to an address that was checked, not to a name that may change meanwhile."""

    url: str
    host: str


async def check_url(url: str, *, this_network: bool) -> Target:
    """The address behind ``url``, if webhooks may go there.

    Raises:
        Invalid: not https, with credentials, unresolvable, or into this or a private network.
    """
    parts = urlsplit(url)
    schemes = ("https", "http") if this_network else ("https",)
    if parts.scheme not in schemes or not parts.hostname or parts.username or parts.password:
        raise Invalid(
            "ที่อยู่เว็บฮุกต้องขึ้นต้นด้วย https:// และไม่มีรหัสผ่านในที่อยู่",
            "A webhook's address begins with https:// and holds no password.",
            field="url",
        )
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError, UnicodeError) as error:
        raise Invalid(
            f"ไม่พบเครื่องชื่อ {parts.hostname} ตรวจตัวสะกดของที่อยู่",
            f"The name {parts.hostname} leads nowhere. Check how the address is spelt.",
            field="url",
        ) from error
    addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    if not this_network and not all(_outside(address) for address in addresses):
        raise Invalid(
            f"{parts.hostname} อยู่ในเครือข่ายภายใน จึงส่งเว็บฮุกไปไม่ได้",
            f"{parts.hostname} is in this or a private network; webhooks do not go there.",
            field="url",
        )
    address = addresses[0]
    literal = f"[{address}]" if address.version == 6 else str(address)
    return Target(urlunsplit(parts._replace(netloc=f"{literal}:{port}", fragment="")), parts.netloc)


_CARRIES_IPV4 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
"""NAT64 (RFC 6052) and the old IPv4-compatible addresses: who knows where they lead from here."""


def _outside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if any(address in network for network in _CARRIES_IPV4):
        return False
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return address.is_global and not address.is_multicast and (mapped is None or mapped.is_global)


def body_of(notice: Notice) -> str:
    """The request's body: the same bytes each time."""
    content = {
        "type": notice.facts["type"],
        "timestamp": notice.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": notice.facts["data"],
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def headers_for(hook_secrets: Sequence[str], notice_id: str, body: str, now: datetime) -> dict[str, str]:
    """``webhook-id``, ``-timestamp`` and ``-signature``; during a rotation one signature of each secret."""
    marks = [standardwebhooks.Webhook(secret).sign(notice_id, now, body) for secret in hook_secrets]
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(marks),
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Showcase-Webhooks/1",
    }


class WebhookSender:
    """Posts events to other systems."""

    def __init__(self, settings: Settings, database: Database, clock: Clock, keys: NotifyKeys) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._keys = keys

    async def deliver(self, mails: Sequence[Claimed], settle: Settle) -> None:
        keys = [mail.key for mail in mails]
        async with self._database.transaction() as session:
            notices = await repository.notices.some(session, keys)
            wanted = {(row.contest_id, row.recipient.partition(":")[2]) for row in notices}
            hooks = await repository.sending.some_webhooks(session, wanted)
        gate = asyncio.Semaphore(AT_ONCE)
        async with self._client() as client:

            async def one(notice: Notice) -> None:
                async with gate:
                    hook = hooks.get((notice.contest_id, notice.recipient.partition(":")[2]))
                    outcome = await self._post(client, notice, hook)
                    await settle([((notice.contest_id, notice.notice_id), outcome)])
                    if outcome.status == "410" and hook is not None:
                        await self._pause((hook.contest_id, hook.webhook_id))

            await asyncio.gather(*(one(notice) for notice in notices))

    def _client(self) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        # no proxy and no redirect: both could lead a request where it was not allowed to go
        return httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False)

    async def _post(self, client: httpx.AsyncClient, notice: Notice, hook: Webhook | None) -> Outcome:
        if hook is None:
            return Outcome(Result.REFUSED, "the webhook was removed")
        if hook.paused_at is not None:
            return Outcome(Result.REFUSED, "the webhook is paused")
        try:
            target = await check_url(hook.url, this_network=self._settings.webhooks_to_this_network)
            return await self._answer(client, notice, hook, target)
        except Invalid as reason:
            return Outcome(Result.POSTPONED, reason.en)
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            return Outcome(Result.POSTPONED, f"{type(error).__name__}: {error}"[:300])

    async def _answer(
        self, client: httpx.AsyncClient, notice: Notice, hook: Webhook, target: Target
    ) -> Outcome:
        body = body_of(notice)
        now = datetime.now(UTC)
        headers = headers_for(self._secrets(hook, now), notice.notice_id, body, now)
        request = client.build_request(
            "POST",
            target.url,
            content=body.encode(),
            headers={**headers, "host": target.host},
            extensions={"sni_hostname": urlsplit(f"//{target.host}").hostname},
        )
        response = await client.send(request, stream=True)  # what it says is nobody's business: never read
        await response.aclose()
        code = response.status_code
        if 200 <= code < 300:
            return Outcome(Result.DELIVERED, status=str(code))
        if code == 410:
            return Outcome(Result.REFUSED, "410: the endpoint is gone; the webhook is paused", "410")
        return Outcome(
            Result.POSTPONED, f"the endpoint answered {code}", str(code), wait=_retry_after(response.headers)
        )

    def _secrets(self, hook: Webhook, now: datetime) -> list[str]:
        found = [self._keys.unseal(SEAL, hook.secret).decode()]
        if hook.old_secret is not None and hook.old_until is not None and now < hook.old_until:
            found.append(self._keys.unseal(SEAL, hook.old_secret).decode())
        return found

    async def _pause(self, key: Key) -> None:
        async with self._database.transaction() as session:
            hook = await repository.sending.webhook(session, *key, lock=True)
            hook.paused_at = hook.paused_at or await self._clock.now(session, hook.contest_id)
            hook.paused_reason = "410 Gone"


def _retry_after(headers: Mapping[str, str]) -> timedelta:
    text = headers.get("retry-after", "")
    return timedelta(seconds=min(int(text), 3_600)) if text.isdecimal() and len(text) < 7 else timedelta(0)


def public_payload(event: Any) -> dict[str, Any]:
    """An event as other systems are sent it; opaque ids of people stay inside."""
    hidden = {"approved_by", "certified_by", "contact_id", "screened_by", "meeting_url"}
    payload: dict[str, Any] = event.model_dump(mode="json", exclude=hidden)
    return payload


__all__ = [
    "DELIVERED",
    "WebhookSender",
    "body_of",
    "check_url",
    "headers_for",
    "new_secret",
    "public_payload",
]
