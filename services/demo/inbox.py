"""Reads codes from caught mail, as a person would from their inbox."""

import asyncio
import re
import time
from typing import Protocol

import httpx

from services.demo.api import DemoFailed

_CODE = re.compile(r"(?<!\d)(\d{3})[  ]?(\d{3})(?!\d)")
_MAIL_SECONDS = 120.0
_PAGE = 500
"""As many mails as Mailpit lists at once."""


class Inbox(Protocol):
    """Where mail can be read."""

    async def texts(self, address: str) -> list[str]:
        """Subject and text of every mail to ``address``, the newest first."""

    async def total(self) -> int:
        """How many mails there are; one that was sent again under its Message-ID is one."""


class CaughtInbox:
    """``/mail`` of the embedded mode."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def texts(self, address: str) -> list[str]:
        response = await self._http.get("/mail/api/messages", params={"to": address, "limit": 5})
        response.raise_for_status()
        return [f"{mail['subject']}\n{mail['text']}" for mail in response.json()["messages"]]

    async def total(self) -> int:
        response = await self._http.get("/mail/api/messages", params={"limit": 1})
        response.raise_for_status()
        return int(response.json()["distinct"])


class MailpitInbox:
    """Mailpit's API, as in the compose mode."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def texts(self, address: str) -> list[str]:
        found = await self._http.get("/api/v1/search", params={"query": f'to:"{address}"', "limit": 3})
        found.raise_for_status()
        texts = []
        for mail in found.json()["messages"]:
            opened = await self._http.get(f"/api/v1/message/{mail['ID']}")
            opened.raise_for_status()
            texts.append(f"{mail['Subject']}\n{opened.json()['Text']}")
        return texts

    async def total(self) -> int:
        seen: set[tuple[str, str]] = set()
        start = 0
        while True:
            response = await self._http.get("/api/v1/messages", params={"limit": _PAGE, "start": start})
            response.raise_for_status()
            mails = response.json()["messages"]
            seen |= {(mail["MessageID"] or mail["ID"], mail["To"][0]["Address"]) for mail in mails}
            start += len(mails)
            if len(mails) < _PAGE:
                return len(seen)


async def code_from(inbox: Inbox, address: str) -> str:
    """The code in the newest mail to ``address``, as soon as it is there.

    Raises:
        DemoFailed: no mail with a code came.
    """
    deadline = time.monotonic() + _MAIL_SECONDS
    while time.monotonic() < deadline:
        for text in await inbox.texts(address):
            if found := _CODE.search(text):
                return found.group(1) + found.group(2)
        await asyncio.sleep(0.05)
    raise DemoFailed(f"no mail with a code came to {address} within {_MAIL_SECONDS:.0f} s")
