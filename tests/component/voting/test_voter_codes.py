"""Codes: asked for, queued, mailed at a pace, typed once, and nothing left lying about."""

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from services.voting import repository
from services.voting.domain.ballots import MailClass, read_ballot, voter_of
from services.voting.identity import courier, vault
from shared.contracts.rulebook import DisposableAddresses, VoterIdentity
from shared.db import Database
from shared.mail import MailRefused
from shared.messaging.leader import TimerLeader
from shared.testing.rulebooks import VOTE_OPENS, a_rulebook, assumed
from shared.testing.web import CONTEST_ID, client_for, submit
from tests.component.voting.identity_kit import API, EMAIL, House
from tests.component.voting.scenario import eventually


class Killed(BaseException):
    """Ends the courier where it stands."""


async def test_code_becomes_one_ballot_of_one_voter_however_the_address_is_written(
    voting_database: Database,
) -> None:
    house = await House.build(voting_database)
    async with client_for(house.service.http) as client:
        tokens = []
        for email in ("som.chai@gmail.com", "SomChai+two@googlemail.com"):
            answer = await house.redeem(client, await house.code(client, email), email)
            assert answer.status_code == 201, answer.text
            tokens.append(answer.json()["ballot"])
    keys = await house.keys()
    async with voting_database.transaction() as session:
        assert await repository.ballots_issued(session, CONTEST_ID) == 1
    read = [read_ballot(token, lambda _: keys) for token in tokens]
    assert len({voter_of(keys, ballot.subject) for ballot in read}) == 1
    assert read[0].mail_class is MailClass.WEBMAIL


async def test_code_works_once_for_five_tries_and_ten_minutes(voting_database: Database) -> None:
    house = await House.build(voting_database)
    async with client_for(house.service.http) as client:
        code = await house.code(client)
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        assert (await house.redeem(client, wrong)).json()["type"] == "/problems/wrong-code"
        assert (await house.redeem(client, code)).status_code == 201
        assert (await house.redeem(client, code)).json()["type"] == "/problems/code-expired"

        code = await house.code(client)
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        kinds = [(await house.redeem(client, wrong)).json()["type"] for _ in range(5)]
        assert kinds == ["/problems/wrong-code"] * 4 + ["/problems/code-exhausted"]
        assert (await house.redeem(client, code)).json()["type"] == "/problems/code-exhausted"

        code = await house.code(client)
        fourth = await house.ask(client)
        assert (fourth.status_code, fourth.json()["type"]) == (429, "/problems/too-many-codes")
        assert int(fourth.headers["retry-after"]) > 3000
        house.clock.advance(timedelta(minutes=10))
        assert (await house.redeem(client, code)).json()["type"] == "/problems/code-expired"


async def test_ten_minutes_begin_when_the_code_is_sent(voting_database: Database) -> None:
    house = await House.build(voting_database)
    async with client_for(house.service.http) as client:
        await house.ask(client)
        house.clock.advance(timedelta(minutes=40))
        await house.turn()
        house.clock.advance(timedelta(minutes=9))
        code = house.mailer.to(EMAIL)[-1].subject[:7].replace(" ", "")
        assert (await house.redeem(client, code)).status_code == 201


async def test_asking_again_while_a_code_waits_makes_no_second_one(voting_database: Database) -> None:
    house = await House.build(voting_database)
    async with client_for(house.service.http) as client:
        asked = [(await house.ask(client)).json()["code_id"] for _ in range(5)]
        assert len(set(asked)) == 1
        await house.turn()
        assert len(house.mailer.sent) == 1


async def test_of_many_requests_at_once_three_get_a_code(voting_database: Database) -> None:
    house = await House.build(voting_database)
    answers: list[int] = []
    async with client_for(house.service.http) as client:
        for _ in range(5):
            asked = await asyncio.gather(*(house.ask(client) for _ in range(4)))
            answers += [answer.status_code for answer in asked]
            await house.turn()
    assert len(house.mailer.sent) == 3
    assert answers == [202] * 12 + [429] * 8


async def test_code_before_the_opening_gives_a_ballot_that_waits(voting_database: Database) -> None:
    house = await House.build(voting_database)
    house.clock.instant = VOTE_OPENS - timedelta(days=9)
    async with client_for(house.service.http) as client:
        answer = await house.redeem(client, await house.code(client))
    assert answer.status_code == 201
    keys = await house.keys()
    assert read_ballot(answer.json()["ballot"], lambda _: keys).contest_id == CONTEST_ID


@pytest.mark.parametrize(
    ("rule", "status"), [(DisposableAddresses.REFUSED, 422), (DisposableAddresses.FLAGGED, 202)]
)
async def test_disposable_addresses_are_refused_or_flagged_as_the_rulebook_says(
    voting_database: Database, rule: DisposableAddresses, status: int
) -> None:
    voting = a_rulebook().voting.model_copy(update={"disposable_addresses": assumed(rule)})
    house = await House.build(voting_database, a_rulebook(voting=voting))
    async with client_for(house.service.http) as client:
        answer = await house.ask(client, "someone@inbox.mailinator.com")
    assert answer.status_code == status
    if status == 202:
        async with voting_database.transaction() as session:
            risk = (await session.execute(text("SELECT risk FROM ballot_code"))).scalar_one()
        assert risk == 2


async def test_other_kind_of_identity_is_refused(voting_database: Database) -> None:
    voting = a_rulebook().voting.model_copy(update={"identity": assumed(VoterIdentity.PHONE)})
    house = await House.build(voting_database, a_rulebook(voting=voting))
    async with client_for(house.service.http) as client:
        answer = await house.ask(client)
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/other-identity")
        both = await house.ask(client, phone="0812345678")
        assert both.status_code == 422


async def test_courier_that_dies_loses_no_code_and_repeats_the_same_digits(
    voting_database: Database,
) -> None:
    house = await House.build(voting_database)
    sent = house.mailer.send

    async def dies(**mail: str) -> str:
        await sent(**mail)
        raise Killed

    async with client_for(house.service.http) as client:
        await house.ask(client)
        house.mailer.send = dies  # type: ignore[assignment,method-assign]
        with pytest.raises(Killed):
            await house.turn()
        house.mailer.send = sent  # type: ignore[method-assign]
        async with voting_database.transaction() as session:
            await session.execute(text("UPDATE outgoing_code SET claimed_until = clock_timestamp()"))
        await house.turn()
        first, second = (mail.subject for mail in house.mailer.to(EMAIL))
        assert first == second
        assert (await house.redeem(client, first[:7].replace(" ", ""))).status_code == 201
    async with voting_database.transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM outgoing_code"))).scalar_one() == 0


async def test_mail_server_that_is_away_delays_and_one_that_refuses_is_told(
    voting_database: Database,
) -> None:
    house = await House.build(voting_database)
    faults: list[Exception] = [ConnectionError("away"), MailRefused("550 no such user")]

    async def send(**mail: str) -> str:
        raise faults.pop(0)

    house.mailer.send = send  # type: ignore[assignment,method-assign]
    async with client_for(house.service.http) as client:
        code_id = (await house.ask(client)).json()["code_id"]
        where = f"{API}/contests/{CONTEST_ID}/ballot-codes/{code_id}"
        await house.turn()
        place = (await client.get(where)).json()
        assert (place["sent"], place["refused"], place["seconds"] > 2) == (False, False, True)
        async with voting_database.transaction() as session:
            await session.execute(text("UPDATE outgoing_code SET due_at = clock_timestamp()"))
        await house.turn()
        place = (await client.get(where)).json()
        assert (place["sent"], place["refused"]) == (False, True)
        unknown = await client.get(f"{API}/contests/{CONTEST_ID}/ballot-codes/0-0")
        assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/unknown-code")


async def given_up(house: House) -> None:
    """Let the mail server be away until the courier gives up what waits."""

    async def away(**mail: str) -> str:
        raise ConnectionError("away")

    sends, house.mailer.send = house.mailer.send, away  # type: ignore[method-assign,assignment]
    async with house.database.transaction() as session:
        await session.execute(text("UPDATE outgoing_code SET attempts = 30, due_at = clock_timestamp()"))
    await house.turn()
    house.mailer.send = sends  # type: ignore[method-assign]


async def test_code_that_nobody_took_for_an_hour_is_told_as_such_and_costs_nothing(
    voting_database: Database,
) -> None:
    house = await House.build(voting_database)
    unsent = count_of(channel="email", outcome="unsent", provider="other")
    async with client_for(house.service.http) as client:
        for _ in range(4):  # one more than an hour allows
            asked = await house.ask(client)
            assert asked.status_code == 202, asked.text
            await given_up(house)
        where = f"{API}/contests/{CONTEST_ID}/ballot-codes/{asked.json()['code_id']}"
        place = (await client.get(where)).json()
        assert (place["sent"], place["refused"], place["unsent"]) == (False, False, True)
        assert count_of(channel="email", outcome="unsent", provider="other") == unsent + 4
        assert (await house.redeem(client, await house.code(client))).status_code == 201


async def test_pages_tell_a_refusal_from_an_outage(voting_database: Database) -> None:
    house = await House.build(voting_database)

    async def refuses(**mail: str) -> str:
        raise MailRefused("550 no such user")

    async with client_for(house.service.http) as client:
        await submit(client, "/vote/email", {"email": EMAIL})
        await given_up(house)
        for path in ("/vote/code", "/vote/queue"):
            page = await client.get(path)
            assert (page.status_code, "ไม่ได้เกิดจากอีเมลหรือหมายเลขของคุณ" in page.text) == (410, True)
        house.mailer.send = refuses  # type: ignore[assignment,method-assign]
        await submit(client, "/vote/email", {"email": EMAIL})
        await house.turn()
        page = await client.get("/vote/code")
    assert (page.status_code, "อีเมลปลายทางไม่รับข้อความ" in page.text) == (422, True)


def count_of(name: str = "showcase_ballot_codes_total", **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_queue_is_measured_also_while_nothing_leaves_and_by_known_providers(
    voting_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "_COUNT_EVERY_SECONDS", 0.0)
    house = await House.build(voting_database, friction_seconds="60 61 62 63")
    async with client_for(house.service.http) as client:
        for email in (EMAIL, "one@gmail.com", "two@googlemail.com", "somebody@their-own.example"):
            assert (await house.ask(client, email)).status_code == 202
    await house.turn()
    assert house.mailer.sent == [], "nothing is due"
    gauge = "showcase_ballot_codes_waiting"
    assert [count_of(gauge, provider=name) for name in ("gmail.com", "other", "+66")] == [2, 2, 0]
    async with voting_database.transaction() as session:
        await session.execute(text("UPDATE outgoing_code SET due_at = clock_timestamp()"))
    for _ in range(2):  # the first one only starts a provider's pace
        await house.turn()
    await house.turn()
    assert [count_of(gauge, provider=name) for name in ("gmail.com", "other")] == [0, 0]
    assert count_of(channel="email", outcome="sent", provider="gmail.com") >= 2
    names = {
        sample.labels["provider"] for family in REGISTRY.collect() for sample in family.samples
        if sample.name == gauge
    }  # fmt: skip
    assert "their-own.example" not in names
    assert len(names) < 25


async def test_courier_that_leads_no_longer_tells_of_no_queue(voting_database: Database) -> None:
    """Two that told of it would be read as one, and the old figure of the one would stand for ever."""
    house = await House.build(voting_database, friction_seconds="60 61 62 63")
    async with client_for(house.service.http) as client:
        assert (await house.ask(client)).status_code == 202

    async def told() -> bool:
        return count_of("showcase_ballot_codes_waiting", provider="other") == 1

    codes = [timer for timer in house.service.timers if timer.name == "voting-codes"]
    async with TimerLeader(voting_database, codes):
        await eventually(told)
    assert REGISTRY.get_sample_value("showcase_ballot_codes_waiting", {"provider": "other"}) is None


async def test_fault_at_one_code_sends_no_other_one_twice(voting_database: Database) -> None:
    house = await House.build(voting_database)
    sent = house.mailer.send

    async def send(**mail: str) -> str:
        if mail["to"] == EMAIL:
            raise LookupError("a mistake of ours")
        return await sent(**mail)

    async with client_for(house.service.http) as client:
        await house.turn()  # the first turn only starts the pace
        await house.ask(client)
        await house.ask(client, "other@example.com")
        house.mailer.send = send  # type: ignore[assignment,method-assign]
        await asyncio.sleep(0.3)
        await house.turn()
    async with voting_database.transaction() as session:
        left = await session.execute(text("SELECT claimed_until, attempts FROM outgoing_code"))
        assert left.all() == [(None, 1)], "the faulty one waits for its next turn"
    assert [mail.to for mail in house.mailer.sent] == ["other@example.com"]


async def test_pace_holds_for_all_and_for_one_provider(voting_database: Database) -> None:
    house = await House.build(
        voting_database, codes_per_second=6, codes_per_second_and_provider=2, friction_address="900 901 902"
    )
    async with client_for(house.service.http) as client:
        for number in range(8):
            await house.ask(client, f"voter{number}@gmail.com")
        for number in range(8):
            await house.ask(client, f"voter{number}@town{number}.example")
        await house.turn()  # the first turn only starts the pace
        await asyncio.sleep(1.05)
        await house.turn()
    to_gmail = [mail.to for mail in house.mailer.sent if mail.to.endswith("gmail.com")]
    assert 1 <= len(to_gmail) <= 4
    assert 5 <= len(house.mailer.sent) <= 8
    assert to_gmail == [f"voter{number}@gmail.com" for number in range(len(to_gmail))]


async def test_queue_tells_ones_place_and_how_long(voting_database: Database) -> None:
    house = await House.build(
        voting_database, codes_per_second=2, codes_per_second_and_provider=1, codes_waiting=7
    )
    async with client_for(house.service.http) as client:
        for number in range(6):
            assert (await house.ask(client, f"voter{number}@gmail.com")).status_code == 202
        async with voting_database.transaction() as session:  # everybody else came well before
            await session.execute(text("UPDATE outgoing_code SET due_at = due_at - interval '1 minute'"))
        mine = (await house.ask(client, "last@gmail.com")).json()
        await asyncio.sleep(1.1)  # one look at the queue serves a second
        where = f"{API}/contests/{CONTEST_ID}/ballot-codes/{mine['code_id']}"
        place = (await client.get(where)).json()
        assert (place["ahead"], place["seconds"]) == (6, 6)
        full = await house.ask(client, "more@gmail.com")
        assert (full.status_code, full.json()["type"]) == (503, "/problems/codes-too-busy")
        assert full.headers["retry-after"] == "120"


async def test_database_tells_neither_address_nor_code(voting_database: Database) -> None:
    house = await House.build(voting_database)
    async with client_for(house.service.http) as client:
        code = await house.code(client)
    async with voting_database.transaction() as session:
        tables = await session.execute(
            text("SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname !~ '^(pg_|inf)'")
        )
        names = tables.scalars().all()
        assert "identity.contact" in names
        for table in names:
            if table == "public.known_rulebook":
                continue
            everything = text(f"SELECT t::text FROM {table} t")  # noqa: S608
            rows = (await session.execute(everything)).scalars().all()
            hidden = [EMAIL.encode().hex(), code.encode().hex(), "somchai", code]
            assert not [row for row in rows for secret in hidden if secret in row], table


async def test_vault_opens_for_its_own_role_only(voting_database: Database) -> None:
    house = await House.build(voting_database)
    async with client_for(house.service.http) as client:
        await house.ask(client)
    async with voting_database.transaction() as session:
        owner = "SELECT tableowner FROM pg_tables WHERE schemaname = 'identity'"
        assert (await session.execute(text(owner))).scalars().all() == [vault.ROLE]
        assert await vault.count(session, CONTEST_ID) == 1
        await session.execute(text("CREATE ROLE somebody_else NOLOGIN"))
        await session.execute(text("GRANT ALL ON ALL TABLES IN SCHEMA public TO somebody_else"))
        await session.execute(text("SET LOCAL ROLE somebody_else"))
        with pytest.raises(ProgrammingError, match="permission denied for schema identity"):
            await session.execute(text("SELECT * FROM identity.contact"))
        await session.rollback()


async def test_sealed_address_opens_for_its_own_contest_and_voter_only(voting_database: Database) -> None:
    house = await House.build(voting_database)
    keys = await house.keys()
    sealed = vault.seal(keys, b"subject", EMAIL)
    assert vault.unseal(keys, b"subject", sealed) == EMAIL
    assert vault.seal(keys, b"subject", EMAIL) != sealed
    with pytest.raises(vault.Unreadable):
        vault.unseal(keys, b"another", sealed)
    with pytest.raises(vault.Unreadable):
        vault.unseal(keys, b"subject", sealed[:-1] + bytes([sealed[-1] ^ 1]))
