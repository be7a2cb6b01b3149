"""Letters in role × route × owner: a clerk acts for the agency that appointed him, and for no other.

The routes are read from the application: a new one for clerks that is not tried here fails the test.
"""

import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from shared.contracts.intake import Role
from shared.db import Database
from shared.testing.routes import guarded_routes
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import client_for, publish_contest, sign_in, submit, token_in
from shared.web import csrf
from tests.component.notify.notify_kit import Notify, a_code
from tests.component.notify.test_cascade import dispatched, link_in, mail_to
from tests.component.test_role_matrix_owner import filled

Json = dict[str, Any]
API = "/api/notify/v1"
HTML = {"accept": "text/html"}
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
HIMSELF = "second-factor"
"""In the address of what a clerk does about his own codes."""
CERTIFICATE = "/certificates/{serial}/"
"""What the contest's own agency issued: whoever signs for it revokes it; see ``test_certificates``."""
NARROWED = "/letters/print"
"""Lists that leave out what is not the clerk's, and refuse nobody; see ``test_clerk_letters``."""


@pytest.fixture
async def notify(notify_database: Database) -> Notify:
    """Notify with the clerks of two agencies, both of whom can sign: ``narathiwat`` and ``depa``."""
    await publish_contest(notify_database)
    found = Notify(notify_database)
    await found.enrol("approver", "narathiwat", "depa")
    async with notify_database.transaction() as session:
        await session.execute(text("UPDATE officer SET agency = 'depa' WHERE contact_id <> 'narathiwat'"))
    return found


async def approved(client: httpx.AsyncClient, template: str) -> str:
    """A letter that waits for its signature."""
    sign_in(client, [Role.STAFF], contact_id="drafter")
    made = await client.post(f"{API}/contests/{CONTEST_ID}/letters", json={"template": template})
    letter_id: str = made.json()["letter_id"]
    await client.post(f"{API}/letters/{letter_id}/review")
    sign_in(client, [Role.APPROVER], contact_id="approver")
    assert (await client.post(f"{API}/letters/{letter_id}/approval")).status_code == 200
    return letter_id


async def scanned(client: httpx.AsyncClient) -> str:
    """The address of a scan in Narathiwat's book of what came in."""
    sign_in(client, [Role.CLERK], contact_id="narathiwat")
    fields = {"sender": "จังหวัดยะลา", "subject": "ตอบรับ"}
    book = "/letters/books/in?agency=narathiwat"
    stamped = await submit(client, book, fields, form_page=book,
                           files={"file": ("scan.pdf", io.BytesIO(PDF), "application/pdf")})  # fmt: skip
    assert stamped.status_code == 303, stamped.text
    page = await client.get(book, headers=HTML)
    return page.text.split('href="/letters/books/files/')[1].split('"')[0]


def tries(letter_id: str, token: str) -> dict[str, Callable[[], Json]]:
    """What each route is sent; ``token`` is that of the clerk's forms."""
    return {
        "GET /letters/books/{book}": dict,
        "GET /letters/books/{book}.pdf": dict,
        "GET /letters/books/files/{file_id}": dict,
        "POST /letters/books/in": lambda: {
            "data": {csrf.FIELD: token, "sender": "จังหวัดยะลา", "subject": "ตอบรับ"}
        },
        f"POST {API}/letters/{{letter_id}}/signing": lambda: {"json": {"code": a_code()}},
        f"POST {API}/contests/{{contest_id}}/letters/signing": lambda: {
            "json": {"code": a_code(), "letter_ids": [letter_id]}
        },
        f"POST {API}/letters/{{letter_id}}/number": lambda: {"json": {}},
        f"POST {API}/letters/{{letter_id}}/dispatch": dict,
        **{
            f"GET /letters/{{letter_id}}{what}": dict
            for what in ("", ".pdf", "/page-{number}.png", "/labels.pdf", "/labels.csv", "/text")
        },
        "POST /letters/{letter_id}/{step}": lambda: {
            "data": {csrf.FIELD: token, "return_reason": "ชื่ออำเภอไม่ครบ"}
        },
    }


async def test_a_clerk_acts_for_his_own_agency_only(notify: Notify) -> None:
    app = notify.service().http
    routes = {
        route.name: route
        for route in guarded_routes(app)
        if route.guards
        and route.lets_in(Role.CLERK)
        and HIMSELF not in route.path
        and CERTIFICATE not in route.path
        and route.path != "/letters"
        and not route.path.startswith(NARROWED)
    }
    async with client_for(app) as client:
        await dispatched(notify, client)  # the letter that Narathiwat's one passes on
        letter_id, file_id = await approved(client, "cover-narathiwat"), await scanned(client)
        answers: dict[str, dict[str, int]] = {}
        for clerk in ("depa", "narathiwat"):
            sign_in(client, [Role.CLERK], contact_id=clerk)
            sent = tries(letter_id, await token_in(client, f"/letters/books/in?agency={clerk}"))
            assert set(routes) == set(sent), "a new route for clerks belongs into the tries"
            answers[clerk] = {}
            for name, route in routes.items():
                path = filled(
                    route,
                    letter_id=letter_id,
                    contest_id=CONTEST_ID,
                    file_id=file_id,
                    book="in",
                    number="1",
                    step="return",
                ).path
                page = {} if path.startswith("/api/") else {"headers": HTML}
                query = {"agency": "narathiwat"} if "/books/" in path else {}
                answer = await client.request(route.method, path, params=query, **page, **sent[name]())
                answers[clerk][name] = answer.status_code
    assert set(answers["depa"].values()) == {403}, answers
    assert 403 not in set(answers["narathiwat"].values()), answers
    assert answers["narathiwat"]["POST /letters/books/in"] == 303


async def test_a_link_opens_its_own_office_s_branch_only(notify: Notify) -> None:
    """Two governors hold links to one letter; neither reaches the other's addressee."""
    async with client_for(notify.service()) as client:
        letter_id = await dispatched(notify, client)
        links = [link_in(mail_to(notify, f"saraban@{host}.example")) for host in ("n", "bkk")]
        sign_in(client, [Role.STAFF], contact_id="drafter")
        rows = (await client.get(f"{API}/letters/{letter_id}")).json()["dispatches"]
        ids = {row["code"]: row["dispatch_id"] for row in rows}
        client.cookies.clear()
        own, other = links[0], ids["10"]
        body = {"receive_number": "1", "dispatch_id": other, "token": own.rsplit("/", 1)[1]}
        told = await client.post(f"{API}/letters/{letter_id}/acknowledgements", json=body)
        assert told.json()["dispatch_id"] == ids["96"], "the token says whose it is, not the body"
        answer = await submit(client, f"{own}/links/{other}", {}, form_page=own)
        assert answer.status_code == 409, answer.text[:300]
        assert (await client.get(links[1], headers=HTML)).status_code == 200, "the other's link still opens"
        body = {"receive_number": "1", "token": links[1].rsplit("/", 1)[1]}
        strange = await client.post(f"{API}/letters/{'0' * 32}/acknowledgements", json=body)
        assert strange.status_code == 404
