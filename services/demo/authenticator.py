"""The telephone of someone who signs: it has the key, and shows a code that was not used yet."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime

import pyotp

from services.demo.api import Api
from services.demo.stage import Stage

STEP_SECONDS = 30
_AGAIN_SECONDS = 2.0


@dataclass
class Authenticator:
    """One person's codes. A rehearsal takes codes of its own time too and waits less."""

    key: str = field(repr=False)
    used: set[int] = field(default_factory=set)

    async def code(self, stage: Stage) -> str:
        """The next code that works; waits where all of this half minute are used."""
        while True:
            now = datetime.fromisoformat((await stage.staff.get(stage.path("notify", "/clock")))["now"])
            for instant in (now.timestamp(), time.time()):
                step = int(instant) // STEP_SECONDS
                for near in (step, step + 1, step - 1):
                    if near not in self.used:
                        self.used.add(near)
                        return pyotp.TOTP(self.key).generate_otp(near)
            await asyncio.sleep(_AGAIN_SECONDS)


async def enrol(stage: Stage, person: Api) -> Authenticator:
    """Give the person a second factor, as its page does."""
    path = stage.path("notify", "/second-factor")
    authenticator = Authenticator((await person.post(path))["key"])
    await person.post(f"{path}/confirmation", {"code": await authenticator.code(stage)})
    return authenticator
