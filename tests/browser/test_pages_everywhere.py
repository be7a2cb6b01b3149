"""Every page that a person can reach by links, by role, in a real browser.

The four services stand behind one origin, each with its own database and a contest in it. From its
first pages each role follows the links; whatever it meets must load, complain of nothing, pass axe,
fit on a phone, and say the same without script.
"""

import importlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from services.intake.handlers import contests
from shared import known
from shared.clock import FixedClock
from shared.contracts.ids import ContactId
from shared.contracts.intake import Role
from shared.contracts.rulebook import Rulebook
from shared.db import Database
from shared.service import Service
from shared.settings import SERVICE_NAMES, ServiceName
from shared.testing.browser import DESKTOP, PHONE, OpenPage, Visit, serve
from shared.testing.postgres import Templates
from shared.testing.rulebooks import OPENING, VOTE_OPENS
from shared.testing.web import account, publish_contest, resources_for
from shared.web.gateway import Dispatch
from tests.component.intake.conftest import CONTEST, TOML
from tests.component.scoring.scenario import Scenario
from tests.component.voting.scenario import open_vote, ready_to_vote

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

STARTS: dict[str, tuple[tuple[Role, ...] | None, str]] = {
    "nobody": (None, "/ /contest /rules /briefing /signin /shortlist /winners /vote /audit /verify /events"),
    "applicant": ((Role.APPLICANT,), "/apply /apply/eligibility /apply/result /notices"),
    "contact-judge-1": ((Role.JUDGE,), "/judge /judge/conflicts /judge/presentations /judge/summary"),
    "staff": (
        (Role.STAFF, Role.ADMIN, Role.APPROVER),
        "/staff /staff/clock /staff/contest /staff/entries /staff/people /staff/people/new "
        "/staff/people/briefing "
        "/staff/judging /staff/judging/shortlist /staff/judging/presentations /staff/judging/winners "
        "/staff/judging/results /staff/vote /letters /letters/new /letters/certificates",
    ),
}
_HEADER = """
() => document.querySelector('.who').getBoundingClientRect().top
    - document.querySelector('.brand').getBoundingClientRect().bottom
"""
"""How far the account's links stand below the name of the site, on one line with it if negative."""
MOST = 30
"""Pages that one role looks at."""
_FILES = ("/file", ".pdf", ".csv", ".ics", ".png", ".json", ".txt", ".toml", ".py")


async def fill(name: ServiceName, database: Database, rulebook: Rulebook) -> None:
    """Let the service have something to show."""
    if name == "scoring":
        scenario = await Scenario.create(database, rulebook, per_category=1)
        await scenario.assign()
    elif name == "voting":
        await ready_to_vote(database, rulebook)
        await open_vote(database, rulebook.contest_id)
    else:
        await publish_contest(database, rulebook)
    async with database.transaction() as session:
        for who, (roles, _) in STARTS.items():
            if roles:
                await account(session, *roles, contact_id=who, contest_id=rulebook.contest_id, revision=5)


@pytest.fixture
async def origin(database_templates: Templates) -> AsyncIterator[str]:
    """The address of all four services; intake takes applications, the others have an open vote."""
    async with AsyncExitStack() as stack:
        databases = {
            name: await stack.enter_async_context(database_templates.database(name)) for name in SERVICE_NAMES
        }
        async with databases["intake"].transaction() as session:
            await contests.draft_contest(session, FixedClock(OPENING), TOML, ContactId("staff"))
            await contests.seal_contest(
                session, FixedClock(OPENING), CONTEST, ContactId("staff"), rehearsal=True
            )
            rulebook = await known.rulebook(session, CONTEST)
        built: list[Service] = []
        for name, database in databases.items():
            await fill(name, database, rulebook)
            build = importlib.import_module(f"services.{name}.app").build
            clock = FixedClock(OPENING + timedelta(days=15) if name == "intake" else VOTE_OPENS)
            built.append(build(resources_for(database, clock=clock)))
        prefixes = [(path, service.http) for service in built for path in service.paths]
        base_url = await stack.enter_async_context(serve(Dispatch(prefixes)))
        yield base_url
        for service in built:
            service.http.state.draining = True


async def links_of(visit: Visit) -> list[str]:
    """The addresses of pages that the page leads to."""
    found: list[str] = await visit.page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
    own = [urlsplit(url) for url in found if url.startswith(visit.base_url)]
    return [
        f"{url.path}?{url.query}" if url.query else url.path
        for url in own
        if not url.path.endswith(_FILES)
        and not url.path.startswith("/api/")
        and "/language/" not in url.path
        and "format=csv" not in url.query
    ]


@pytest.mark.parametrize("who", list(STARTS))
async def test_every_page_in_reach(origin: str, open_page: OpenPage, who: str) -> None:
    roles, starts = STARTS[who]
    desktop = await open_page(origin, width=DESKTOP, roles=roles, contact_id=who, contest_id=CONTEST)
    phone = await open_page(origin, width=PHONE, roles=roles, contact_id=who, contest_id=CONTEST, dark=True)
    plain = await open_page(
        origin, width=PHONE, roles=roles, contact_id=who, contest_id=CONTEST, javascript=False, language="en"
    )
    waiting, seen, wrong = starts.split(), set[str](), list[str]()
    while waiting and len(seen) < MOST:
        path = waiting.pop(0)
        shape = urlsplit(path).path
        if shape in seen:
            continue
        seen.add(shape)
        for visit in (desktop, phone):
            visit.complaints.clear()
            answer = await visit.page.goto(origin + path, wait_until="load")
            if answer and answer.status == 403 and path not in starts.split():
                break  # a public page leads to another role's door, which says so
            if answer is None or answer.status >= 400:
                wrong.append(f"{path}: {answer.status if answer else 'no answer'}")
                break
            wrong += [
                f"{path} at {(visit.page.viewport_size or {})['width']}: {w}"
                for w in await visit.found_wrong()
            ]
        else:
            waiting += [link for link in await links_of(desktop) if urlsplit(link).path not in seen]
            answer = await plain.page.goto(origin + path, wait_until="load")
            if await phone.page.evaluate(_HEADER) > 0:
                wrong.append(f"{path}: the head of the page takes a line more on a phone")
            if answer is None or answer.status >= 400 or not (await plain.page.locator("h1").count()):
                wrong.append(f"{path} without script: no heading")
    assert not wrong, "\n".join(wrong)
    assert seen >= set(starts.split())
