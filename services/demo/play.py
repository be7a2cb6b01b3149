"""The whole contest, act by act, and the figures at its end."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from services.demo.acts import (
    applying,
    briefing,
    judging,
    letters,
    notices,
    opening,
    paperwork,
    results,
    voting,
)
from services.demo.api import Api, DemoFailed
from services.demo.figures import Figure, figures, settled
from services.demo.inbox import CaughtInbox, Inbox, MailpitInbox
from services.demo.plan import Plan
from services.demo.stage import Progress, Stage
from services.demo.system import System

Act = Callable[[Stage], Coroutine[Any, Any, None]]

ACTS: tuple[Act, ...] = (
    opening.seal,
    opening.appoint,
    letters.appoint_signers,
    letters.circular,
    briefing.sign_up,
    letters.cover_letter,
    briefing.attend,
    applying.apply,
    applying.close,
    applying.screen,
    judging.invite,
    paperwork.appoint_judges,
    judging.first_round,
    letters.memorandum,
    judging.shortlist,
    notices.review_shortlist,
    letters.announce_shortlist,
    voting.open_vote,
    voting.vote,
    judging.schedule,
    voting.close,
    voting.certify,
    judging.present,
    results.certify_winners,
    results.publish,
    notices.review_results,
    letters.announce_results,
    paperwork.minutes,
    paperwork.tell_winners,
    paperwork.tell_others,
    letters.certificates,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo found."""

    contest: str
    figures: tuple[Figure, ...]
    findings: tuple[str, ...]
    """What the recount holds against the log; empty when all is well."""
    recounted: bool
    seconds: float
    acts: Mapping[str, float]
    """Seconds of each act by its name."""
    mails: int

    @property
    def ok(self) -> bool:
        return not self.findings and all(figure.agrees for figure in self.figures)


async def play(system: System, plan: Plan, contest_toml: str, progress: Progress) -> Outcome:
    """Play the contest on ``system``.

    Raises:
        DemoFailed, Refused: something did not go as planned.
    """
    began = time.monotonic()
    async with _stage(system, plan, contest_toml, progress) as stage:
        acts: dict[str, float] = {}
        for act in ACTS:
            started = time.monotonic()
            await act(stage)
            acts[f"{act.__module__.rpartition('.')[2]}.{act.__name__}"] = time.monotonic() - started
        log = await _recount_when_settled(stage)
        found = await figures(stage, log)
        return Outcome(
            contest=stage.contest,
            figures=tuple(found),
            findings=tuple(log["findings"]) if log else (),
            recounted=log is not None,
            seconds=time.monotonic() - began,
            acts=acts,
            mails=await stage.inbox.total(),
        )


@contextlib.asynccontextmanager
async def _stage(system: System, plan: Plan, contest_toml: str, progress: Progress) -> AsyncIterator[Stage]:
    # a connection at rest is given up before the server gives it up, so that no request meets a closed one
    limits = httpx.Limits(max_connections=16, max_keepalive_connections=16, keepalive_expiry=2)
    async with (
        httpx.AsyncClient(base_url=system.url, timeout=60, limits=limits) as http,
        httpx.AsyncClient(base_url=system.mail_url, timeout=30) as mail,
    ):
        inbox: Inbox = MailpitInbox(mail) if system.mailpit else CaughtInbox(mail)
        yield Stage(
            system=system,
            plan=plan,
            api=Api(http),
            inbox=inbox,
            progress=progress,
            contest_toml=contest_toml,
        )


async def _recount_when_settled(stage: Stage) -> dict[str, Any] | None:
    """The recount by the auditor's own program; None where the log is out of reach."""
    await settled(stage)
    if not stage.system.bootstrap_servers:
        return None
    with stage.progress.act("Recount from the log", 1):
        return await recount(stage.system.bootstrap_servers, stage.contest)


async def recount(bootstrap_servers: str, contest_id: str) -> dict[str, Any]:
    """What ``python -m shared.recount`` says; a program of its own, which imports nothing of the services."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "shared.recount",
        bootstrap_servers,
        contest_id,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    if process.returncode not in (0, 3):
        raise DemoFailed(f"the recount failed: {errors.decode(errors='replace').strip()}")
    found: dict[str, Any] = json.loads(output)
    return found
