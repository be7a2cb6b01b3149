"""Phone codes against a gateway, and accounts against a real OpenID Connect provider, both on loopback."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
from fastapi import Response
from oidc_provider_mock import run_server_in_thread
from sqlalchemy import text

from services.voting import repository
from services.voting.domain.ballots import MailClass, read_ballot
from services.voting.domain.errors import ProviderAway, SignInFailed
from services.voting.identity.destruction import check
from services.voting.identity.oidc import OidcProvider
from services.voting.pages.flow import BALLOT_COOKIE, Flow, keep_flow
from shared.contracts.rulebook import Rulebook, VoterIdentity
from shared.db import Database
from shared.testing.rulebooks import a_rulebook, assumed
from shared.testing.sms_gateway import TOKEN, gateway
from shared.testing.web import BASE_URL, CONTEST_ID, client_for, settings_for_tests, submit
from tests.component.voting.identity_kit import API, ROOT, House
from tests.component.voting.scenario import entry_id, open_vote


def identified_by(kind: VoterIdentity) -> Rulebook:
    return a_rulebook(voting=a_rulebook().voting.model_copy(update={"identity": assumed(kind)}))


async def ask_by_phone(client: httpx.AsyncClient, phone: str) -> httpx.Response:
    return await client.post(f"{API}/ballot-codes", json={"contest_id": CONTEST_ID, "phone": phone})


async def test_code_by_telephone_is_one_voter_however_it_is_written(
    voting_database: Database,
) -> None:
    async with gateway() as (fake, url):
        house = await House.build(
            voting_database, identified_by(VoterIdentity.PHONE), sms_gateway_url=url, sms_gateway_token=TOKEN
        )
        async with client_for(house.service.http) as client:
            for phone in ("081 234 5678", "+66-81-2345678"):
                assert (await ask_by_phone(client, phone)).status_code == 202
                await house.turn()
                message = list(fake.taken.values())[-1]
                assert (message["to"], message["sender"]) == ("+66812345678", "Showcase")
                assert len(message["text"]) <= 70
                body = {"contest_id": CONTEST_ID, "phone": phone, "code": message["text"][:6]}
                answer = await client.post(f"{API}/ballots", json=body)
                assert answer.status_code == 201, answer.text
            bad = await ask_by_phone(client, "02 123 4567")
            assert (bad.status_code, bad.json()["type"]) == (422, "/problems/not-a-phone")
    keys = await house.keys()
    assert read_ballot(answer.json()["ballot"], lambda _: keys).mail_class is MailClass.PHONE
    async with voting_database.transaction() as session:
        assert await repository.ballots_issued(session, CONTEST_ID) == 1
        assert (await session.execute(text("SELECT domain || shape FROM issued_ballot"))).scalar_one() == ""


async def test_gateway_that_is_busy_or_away_delays_and_one_that_refuses_is_told(
    voting_database: Database,
) -> None:
    async with gateway() as (fake, url):
        house = await House.build(
            voting_database, identified_by(VoterIdentity.PHONE), sms_gateway_url=url, sms_gateway_token=TOKEN
        )
        fake.answers = [429, 503, 202]
        async with client_for(house.service.http) as client:
            code_id = (await ask_by_phone(client, "0812345678")).json()["code_id"]
            for _ in range(3):
                await house.turn()
                async with voting_database.transaction() as session:
                    await session.execute(text("UPDATE outgoing_code SET due_at = clock_timestamp()"))
            assert list(fake.taken) == [code_id]
            fake.answers = [400]
            refused = (await ask_by_phone(client, "0999999999")).json()["code_id"]
            await house.turn()
            place = await client.get(f"{API}/contests/{CONTEST_ID}/ballot-codes/{refused}")
            assert place.json()["refused"]
            await submit(client, "/vote/phone", {"email": "0888888888"})
            fake.answers = [400]
            await house.turn()
            page = await client.get("/vote/code")
            assert (page.status_code, "ส่งข้อความถึงหมายเลขนี้ไม่ได้" in page.text) == (422, True)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


async def at_the_provider(url: str, subject: str, **more: str) -> str:
    """What somebody does at the provider's page; where it sends them."""
    async with httpx.AsyncClient() as http:
        form = {"sub": subject} | more
        answer = await http.post(url, data=form)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]


def path_of(url: str) -> str:
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}" == BASE_URL
    return f"{parts.path}?{parts.query}"


async def oidc_house(database: Database, issuer: str) -> House:
    return await House.build(
        database,
        identified_by(VoterIdentity.OIDC),
        oidc_issuer=issuer,
        oidc_client_id="showcase",
        oidc_client_secret="a secret",
    )


async def test_account_at_a_provider_becomes_one_voter(voting_database: Database, issuer: str) -> None:
    house = await oidc_house(voting_database, issuer)
    for _ in range(2):
        async with client_for(house.service.http) as client:
            page = await client.get("/vote/account")
            assert page.status_code == 200
            away = await client.get("/vote/account/go")
            query = parse_qs(urlsplit(away.headers["location"]).query)
            asked = {name: values[0] for name, values in query.items()}
            assert (asked["response_type"], asked["scope"]) == ("code", "openid")
            assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
            back = await at_the_provider(away.headers["location"], "citizen-1")
            done = await client.get(path_of(back))
            assert (done.status_code, done.headers["location"]) == (303, "/vote/ready")
            ballot = client.cookies.get(BALLOT_COOKIE, path="/vote")
            again = await client.get(path_of(back))
            assert again.headers["location"] == "/vote/account", "an answer is taken once"
    keys = await house.keys()
    assert read_ballot(ballot, lambda _: keys).mail_class is MailClass.ACCOUNT
    async with voting_database.transaction() as session:
        assert await repository.ballots_issued(session, CONTEST_ID) == 1
        found = await check(session, ROOT, CONTEST_ID, await repository.pepper(session, CONTEST_ID))
    assert (found.voters, found.voters_tried, found.voters_derived) == (1, 1, 1), "can be tried at the end"


async def test_account_inherits_no_unconfirmed_vote(voting_database: Database, issuer: str) -> None:
    house = await oidc_house(voting_database, issuer)
    await open_vote(voting_database, CONTEST_ID)
    carried = Response()
    flow = Flow(entry_id=entry_id(0), key="my-own-key", unconfirmed=("7KQ2-M9XD-4TBA",))
    keep_flow(carried, house.resources.settings, await house.keys(), flow)
    cookie = carried.headers["set-cookie"].partition(";")[0]
    async with client_for(house.service.http) as client:
        assert "7KQ2-M9XD-4TBA" in (await client.get("/vote", headers={"cookie": cookie})).text
        away = await client.get("/vote/account/go", headers={"cookie": cookie})
        assert away.headers["location"].startswith(issuer)
        assert "7KQ2-M9XD-4TBA" not in (await client.get("/vote")).text


async def test_answer_of_another_attempt_or_a_refusal_gives_no_ballot(
    voting_database: Database, issuer: str
) -> None:
    house = await oidc_house(voting_database, issuer)
    async with client_for(house.service.http) as client, client_for(house.service.http) as victim:
        away = await client.get("/vote/account/go")
        back = path_of(await at_the_provider(away.headers["location"], "attacker"))
        await victim.get("/vote/account/go")
        planted = await victim.get(back)
        assert planted.status_code == 422
        assert BALLOT_COOKIE not in victim.cookies
        away = await client.get("/vote/account/go")
        denied = path_of(await at_the_provider(away.headers["location"], "", action="deny"))
        assert (await client.get(denied)).status_code == 422
        assert BALLOT_COOKIE not in client.cookies
        nothing = await client.post(f"{API}/ballot-codes", json={"contest_id": CONTEST_ID, "email": "a@b.co"})
        assert nothing.status_code == 409


async def test_answer_with_another_nonce_state_or_audience_is_not_believed(issuer: str) -> None:
    settings = settings_for_tests(oidc_issuer=issuer, oidc_client_id="one", oidc_client_secret="s")
    provider = OidcProvider(settings)
    other = OidcProvider(settings.model_copy(update={"oidc_client_id": "two"}))
    home = "http://showcase.test/vote/account/back"

    async def answer(detour_of: OidcProvider) -> tuple[Any, dict[str, str]]:
        url, detour = await detour_of.begin(home)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(detour.verifier.encode()).digest())
        assert parse_qs(urlsplit(url).query)["code_challenge"] == [challenge.decode().rstrip("=")]
        back = await at_the_provider(url, "citizen")
        given = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        return detour, {"code": given["code"], "state": given["state"], "redirect_uri": home}

    detour, given = await answer(provider)
    assert await provider.subject(detour, **given) == "citizen"
    with pytest.raises(SignInFailed):
        await provider.subject(detour, **given)  # a code works once
    for change in ({"nonce": "x"}, {"state": "z"}, {"state": ""}):
        detour, given = await answer(provider)
        changed = msgspec.structs.replace(detour, **change)
        with pytest.raises(SignInFailed):
            await provider.subject(changed, **given)
    detour, given = await answer(provider)
    with pytest.raises(SignInFailed):
        await other.subject(detour, **given)


async def test_provider_that_is_away_is_told(voting_database: Database) -> None:
    house = await oidc_house(voting_database, "http://127.0.0.1:1")
    async with client_for(house.service.http) as client:
        answer = await client.get("/vote/account/go")
        assert (answer.status_code, "ผู้ให้บริการยืนยันตัวตนไม่ตอบ" in answer.text) == (503, True)
    with pytest.raises(ProviderAway):
        await OidcProvider(settings_for_tests()).begin("http://showcase.test")


async def test_pages_of_a_phone_contest_ask_for_a_number(voting_database: Database) -> None:
    house = await House.build(voting_database, identified_by(VoterIdentity.PHONE))
    async with client_for(house.service.http) as client:
        assert (await client.get("/vote/email")).headers["location"] == "/vote/phone"
        wrong = await submit(client, "/vote/phone", {"email": "1133"})
        assert (wrong.status_code, "พิมพ์ 10 หลัก" in wrong.text) == (422, True)
        right = await submit(client, "/vote/phone", {"email": "081 234 5678"})
        assert right.headers["location"] == "/vote/code"
        assert "+6681•••678" in (await client.get("/vote/code")).text
