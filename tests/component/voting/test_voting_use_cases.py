"""Opening, identity, closing and what may be seen, through the API and the use cases."""

import re
from datetime import UTC, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.voting import handlers, repository
from services.voting.app import build
from services.voting.certification import Certifier
from services.voting.closing import Closer
from services.voting.domain.disclosure import VoteState
from services.voting.durability import LogDurability
from services.voting.tables import Certification
from services.voting.tally import fold_votes
from shared.clock import FixedClock
from shared.contracts.intake import EntryWithdrawn, Role
from shared.contracts.rulebook import VotesShown
from shared.contracts.voting import VotingClosed, VotingOpened
from shared.db import Database
from shared.errors import Conflict
from shared.mail import MemoryMailer
from shared.messaging.tables import OUTBOX
from shared.service import Resources
from shared.testing.rulebooks import VOTE_CLOSES, VOTE_OPENS, a_rulebook, assumed
from shared.testing.web import CONTEST_ID, client_for, resources_for, sign_in, submit
from shared.web.sessions import Account
from tests.component.voting.scenario import (
    SIGNER,
    STRONG,
    TITLES,
    WEAK,
    a_shortlist,
    a_vote,
    entry_id,
    open_vote,
    ready_to_vote,
)

API = "/api/voting/v1"


def house(database: Database, **settings: Any) -> tuple[Resources, MemoryMailer, FixedClock]:
    mailer, clock = MemoryMailer(), FixedClock(VOTE_OPENS.astimezone(UTC))
    return resources_for(database, mailer=mailer, clock=clock, **settings), mailer, clock


async def events(database: Database) -> list[dict[str, Any]]:
    async with database.transaction() as session:
        rows = await session.execute(select(OUTBOX.c.headers, OUTBOX.c.value).order_by(OUTBOX.c.sequence))
        return [dict(row._mapping) for row in rows]


async def withdraw(database: Database, contest_id: str, entry: str) -> None:
    event = EntryWithdrawn.model_validate(
        {
            "contest_id": contest_id,
            "entry_id": entry,
            "revision": 5,
            "contact_id": "x",
            "withdrawn_at": VOTE_OPENS,
        }
    )
    async with database.transaction() as session:
        await handlers.keep_withdrawal(session, event)


async def test_vote_opens_once_on_the_finalists_that_stayed(voting_database: Database) -> None:
    contest_id = (await ready_to_vote(voting_database)).contest_id
    await withdraw(voting_database, contest_id, entry_id(1))
    for _ in range(2):
        window = await open_vote(voting_database, contest_id)
    assert window.ballot == [entry_id(0), entry_id(2), entry_id(3)]
    told = [VotingOpened.model_validate_json(row["value"]) for row in await events(voting_database)]
    assert [(event.ballot, event.scope, event.closes_at) for event in told] == [
        ((entry_id(0), entry_id(2), entry_id(3)), "contest", VOTE_CLOSES)
    ]


@pytest.mark.parametrize(
    ("changes", "log", "accepted_by", "later", "reason"),
    [
        ({"rehearsal": False}, WEAK, "", timedelta(0), "it needs 3 and 2"),
        ({"rehearsal": False}, handlers.LogDurability(True, 1, 1), "someone", timedelta(0), "in memory only"),
        ({}, STRONG, "", timedelta(days=6), "By the calendar the vote is over"),
        ({"milestones": a_rulebook().milestones[:4]}, STRONG, "", timedelta(0), "no public vote"),
    ],
)
async def test_vote_refuses_to_open(
    voting_database: Database, changes, log, accepted_by, later, reason
) -> None:
    await ready_to_vote(voting_database, a_rulebook(**changes))
    with pytest.raises(Conflict, match=reason):
        async with voting_database.transaction() as session:
            await handlers.open_voting(
                session, FixedClock(VOTE_OPENS + later), handlers.OpenVoting(CONTEST_ID, log, "", accepted_by)
            )
    assert await events(voting_database) == []


async def test_weak_log_is_accepted_by_name_and_told(voting_database: Database) -> None:
    await ready_to_vote(voting_database, a_rulebook(rehearsal=False))
    async with voting_database.transaction() as session:
        command = handlers.OpenVoting(CONTEST_ID, WEAK, "", "ผู้อำนวยการฝ่าย")
        window = await handlers.open_voting(session, FixedClock(VOTE_OPENS), command)
    assert window.weak_durability_accepted_by == "ผู้อำนวยการฝ่าย"
    (told,) = [VotingOpened.model_validate_json(row["value"]) for row in await events(voting_database)]
    assert list(told.waived) == window.waived == ["replication-factor", "min-insync-replicas"]


@pytest.mark.parametrize(
    ("log", "missing"),
    [
        (STRONG, ()),
        (LogDurability(memory_only=False, replication=3, min_in_sync=1), ("min-insync-replicas",)),
        (LogDurability(memory_only=False, replication=2, min_in_sync=2), ("replication-factor",)),
        (
            LogDurability(memory_only=True, replication=1, min_in_sync=1),
            ("durable-storage", "replication-factor", "min-insync-replicas"),
        ),
    ],
)
def test_what_a_log_lacks_has_a_name(log: LogDurability, missing: tuple[str, ...]) -> None:
    assert (log.missing, log.strong) == (missing, not missing)


async def test_every_way_to_open_names_the_key_of_the_heads(voting_database: Database) -> None:
    resources, _, clock = house(voting_database)
    service = build(resources)
    slugs = [f"opened-{number}" for number in range(3)]
    for slug in slugs:
        await ready_to_vote(voting_database, a_rulebook(slug))
    board = f"/staff/vote?contest={slugs[0]}"
    async with client_for(service.http) as client:
        sign_in(client, [Role.STAFF], contest_id=slugs[0])
        page = f"/staff/vote/opening?contest={slugs[0]}"
        answer = await submit(client, page, {"confirm": "OPEN"}, form_page=board)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/staff/vote")
        sign_in(client, [Role.STAFF], contest_id=slugs[1])
        assert (await client.post(f"{API}/contests/{slugs[1]}/opening")).status_code == 200
    await Closer(resources.settings, voting_database, clock).run(voting_database)
    told = [VotingOpened.model_validate_json(row["value"]) for row in await events(voting_database)]
    assert {event.contest_id: event.head_key for event in told} == {
        slug: SIGNER.public_key(slug) for slug in slugs
    }


async def test_certified_winner_stays_when_the_entry_withdraws_afterwards(voting_database: Database) -> None:
    resources, _, _ = house(voting_database)
    await ready_to_vote(voting_database, a_rulebook())
    await open_vote(voting_database, CONTEST_ID)
    async with voting_database.transaction() as session:
        votes = [a_vote(CONTEST_ID, f"v{n}", entry=entry_id(min(n, 3)), offset=n) for n in range(6)]
        await fold_votes(session, votes)
        window = await repository.window(session, CONTEST_ID)
        assert window
        window.state = VoteState.CERTIFIED
        session.add(
            Certification(
                contest_id=CONTEST_ID,
                report={"winner_entry_id": entry_id(3)},
                report_sha256="ab" * 32,
                proposed_by="one",
                proposed_at=VOTE_CLOSES,
                certified_by="two",
                certified_at=VOTE_CLOSES,
            )
        )
    tally, data = f"{API}/contests/{CONTEST_ID}/tally", f"{API}/contests/{CONTEST_ID}/open-data"
    for left in (False, True):
        if left:
            await withdraw(voting_database, CONTEST_ID, entry_id(3))
        async with client_for(build(resources).http) as client:
            for address in (tally, data):
                said = (await client.get(address)).json()
                assert (said["winner_entry_id"], said["winner_withdrawn"]) == (entry_id(3), left)
            page = (await client.get(f"/vote?contest={CONTEST_ID}")).text
        assert "อันดับหนึ่งมีคะแนนเท่ากัน" not in page
        assert f'<h2 class="card-title">{TITLES[3][0]}</h2>' in page
        assert ("ถอนตัวหลังรับรองผล" in page) == left


async def test_older_shortlist_does_not_replace_a_newer_one(voting_database: Database) -> None:
    contest_id = (await ready_to_vote(voting_database)).contest_id
    for revision, finalists in ((3, 2), (2, 4)):
        async with voting_database.transaction() as session:
            await handlers.keep_shortlist(session, a_shortlist(contest_id, finalists, revision))
    async with voting_database.transaction() as session:
        found = [finalist.entry_id for finalist in await repository.finalists(session, contest_id)]
    assert found == [entry_id(0), entry_id(1)]


async def test_calendar_opens_and_closes(voting_database: Database) -> None:
    contest_id = (await ready_to_vote(voting_database)).contest_id
    clock = FixedClock(VOTE_OPENS - timedelta(seconds=1))

    async def due() -> handlers.Due:
        async with voting_database.transaction() as session:
            return await handlers.due_now(session, clock)

    assert await due() == handlers.Due((), ())
    clock.advance(timedelta(seconds=1))
    assert await due() == handlers.Due((contest_id,), ())
    await open_vote(voting_database, contest_id, clock)
    assert await due() == handlers.Due((), ())
    clock.instant = VOTE_CLOSES
    assert await due() == handlers.Due((), (contest_id,))
    async with voting_database.transaction() as session:
        await handlers.record_closing(session, clock, contest_id, {0: 7, 1: 3})
    assert await due() == handlers.Due((), ())
    closed = VotingClosed.model_validate_json((await events(voting_database))[-1]["value"])
    assert [(seal.partition, seal.offset) for seal in closed.seals] == [(0, 7), (1, 3)]
    async with voting_database.transaction() as session:
        await handlers.record_closing(session, clock, contest_id, {0: 9, 1: 9})
    assert len(await events(voting_database)) == 2, "closing twice tells once"


async def test_seals_that_differ_from_the_tallys_stop_the_closing(voting_database: Database) -> None:
    contest_id = (await ready_to_vote(voting_database)).contest_id
    clock = FixedClock(VOTE_OPENS)
    await open_vote(voting_database, contest_id, clock)
    async with voting_database.transaction() as session:
        await repository.keep_seals(session, contest_id, {0: 5})
    with pytest.raises(RuntimeError, match="first seals"):
        async with voting_database.transaction() as session:
            await handlers.record_closing(session, clock, contest_id, {0: 7})


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"{", 400, "unreadable"),
        (b"[]", 422, "invalid"),
        (b'{"ballot": "x", "entry_id": "e", "key": "12345678", "more": 1}', 422, "invalid"),
        (b'{"ballot": "x", "entry_id": "e", "key": "short"}', 422, "invalid"),
        (b'{"ballot": "x", "entry_id": "e", "key": "12345678"}', 403, "ballot-refused"),
        (b'{"ballot": "' + b"x" * 3000 + b'"}', 413, "too-large"),
    ],
)
async def test_unusable_vote_gets_a_problem_document(
    voting_database: Database, body: bytes, status: int, kind: str
) -> None:
    resources, _, _ = house(voting_database)
    async with client_for(build(resources).http) as client:
        answer = await client.post(f"{API}/votes", content=body)
    assert (answer.status_code, answer.json()["type"], answer.headers["content-type"]) == (
        status,
        f"/problems/{kind}",
        "application/problem+json",
    )


async def test_vote_without_a_broker_is_refused_at_once_and_not_taken(voting_database: Database) -> None:
    resources, _, _ = house(voting_database, bootstrap_servers="127.0.0.1:1", broker="kafka")
    contest_id = (await ready_to_vote(voting_database, a_rulebook())).contest_id
    await open_vote(voting_database, contest_id)
    async with client_for(build(resources)) as client:
        sign_in(client, [Role.ADMIN])
        answer = await client.post(f"{API}/contests/{contest_id}/rehearsal-ballots", json={"count": 1})
        (ballot,) = answer.json()["ballots"]
        cast = {"ballot": ballot, "entry_id": entry_id(0), "key": "my-own-key"}
        answer = await client.post(f"{API}/votes", json=cast)
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/too-busy")
        assert answer.headers["retry-after"] == "1"
        stranger = await client.post(f"{API}/votes", json=cast | {"entry_id": "unknown"})
        assert (stranger.status_code, stranger.json()["type"]) == (422, "/problems/not-on-ballot")
        ready = await client.get("/readyz")
        never = ["votes: no broker was reached yet", "votes: no broker answers"]
        assert (ready.status_code, ready.json()["reasons"]) == (503, never)


async def test_withdrawn_entry_takes_no_vote(voting_database: Database) -> None:
    resources, _, _ = house(voting_database, bootstrap_servers="127.0.0.1:1", broker="kafka")
    contest_id = (await ready_to_vote(voting_database, a_rulebook())).contest_id
    await open_vote(voting_database, contest_id)
    await withdraw(voting_database, contest_id, entry_id(2))
    async with client_for(build(resources)) as client:
        sign_in(client, [Role.ADMIN])
        answer = await client.post(f"{API}/contests/{contest_id}/rehearsal-ballots", json={"count": 1})
        cast = {"ballot": answer.json()["ballots"][0], "entry_id": entry_id(2), "key": "my-own-key"}
        refused = await client.post(f"{API}/votes", json=cast)
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/entry-withdrawn")
        ballot = (await client.get(f"{API}/contests/{contest_id}/ballot")).json()
        assert [entry["entry_id"] for entry in ballot["entries"] if entry["withdrawn"]] == [entry_id(2)]


async def test_rehearsal_ballots_exist_in_a_rehearsal_only(voting_database: Database) -> None:
    resources, _, _ = house(voting_database)
    await ready_to_vote(voting_database, a_rulebook(rehearsal=False))
    async with client_for(build(resources).http, [Role.ADMIN]) as client:
        answer = await client.post(f"{API}/contests/{CONTEST_ID}/rehearsal-ballots", json={"count": 1})
        assert answer.status_code == 409
        sign_in(client, [Role.STAFF])
        answer = await client.post(f"{API}/contests/{CONTEST_ID}/rehearsal-ballots", json={"count": 1})
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("shown", "visible"),
    [(VotesShown.STAFF, False), (VotesShown.PUBLIC, True), (VotesShown.PUBLIC_UNTIL, True)],
)
async def test_totals_are_shown_in_every_channel_as_the_rulebook_says(
    voting_database: Database, shown: VotesShown, visible: bool
) -> None:
    resources, _, _ = house(voting_database)
    voting = a_rulebook().voting.model_copy(update={"totals_shown": assumed(shown)})
    await ready_to_vote(voting_database, a_rulebook(voting=voting))
    await open_vote(voting_database, CONTEST_ID)
    async with voting_database.transaction() as session:
        votes = [a_vote(CONTEST_ID, f"v{n}", entry=entry_id(3), offset=n) for n in range(3)]
        await fold_votes(session, votes)
    async with client_for(build(resources).http) as client:
        tally = (await client.get(f"{API}/contests/{CONTEST_ID}/tally")).json()
        audit = (await client.get(f"{API}/contests/{CONTEST_ID}/audit")).json()
        data = await client.get(f"{API}/contests/{CONTEST_ID}/open-data")
        sign_in(client, [Role.AUDITOR])
        seen = (await client.get(f"{API}/contests/{CONTEST_ID}/tally")).json()
    assert (tally["visible"], tally["totals"] is not None, bool(tally["entries"])) == (visible,) * 3
    assert audit["tally"] == tally
    assert data.status_code == 409
    assert (seen["totals"]["counted"], seen["entries"][0]) == (3, {"entry_id": entry_id(3), "counted": 3})


async def test_receipt_answers(voting_database: Database) -> None:
    resources, _, clock = house(voting_database)
    await ready_to_vote(voting_database, a_rulebook())
    async with client_for(build(resources).http) as client:

        async def status(typed: str) -> Any:
            answer = await client.get(f"{API}/votes/{typed}")
            return answer.json()["status"] if answer.status_code == 200 else answer.json()["type"]

        assert await status("7KQ2-M9XD-4TBA") == "/problems/unknown-receipt", "no vote is open"
        await open_vote(voting_database, CONTEST_ID, clock)
        assert await status("7KQ2-M9XD-4TBA") == "pending"
        assert await status("not a receipt") == "/problems/unknown-receipt"
        async with voting_database.transaction() as session:
            await fold_votes(session, [a_vote(CONTEST_ID, "ann", receipt="7KQ2-M9XD-4TBA")])
        assert await status("7kq2 m9xd 4tba") == "counted"


async def test_certification_needs_a_closed_vote(voting_database: Database) -> None:
    resources, _, _ = house(voting_database)
    await ready_to_vote(voting_database, a_rulebook())
    async with client_for(build(resources).http, [Role.STAFF]) as client:
        answer = await client.post(f"{API}/contests/{CONTEST_ID}/certification")
        assert (answer.status_code, "not closed yet" in answer.json()["detail"]) == (409, True)
        answer = await client.post(f"{API}/contests/{CONTEST_ID}/closing")
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/vote-not-open")


async def test_board_takes_the_number_of_unreadable_records_as_it_prints_it(
    voting_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def certify(self: Certifier, contest_id: str, account: Account, *, unreadable: int = 0) -> None:
        raise Conflict("", f"{unreadable} given")

    monkeypatch.setattr(Certifier, "certify", certify)
    resources, _, _ = house(voting_database)
    await ready_to_vote(voting_database, a_rulebook())
    board, act = (f"/staff/vote{end}?contest={CONTEST_ID}" for end in ("", "/certification"))
    said = []
    async with client_for(build(resources).http, [Role.STAFF]) as client:
        for typed in ("", "0", "1,234", " 12 345", "๑๒", "about 5", "-5", "1" * 10, "1" * 5_000):
            answer = await submit(client, act, {"unreadable": typed}, form_page=board)
            assert answer.status_code == 303, typed
            found = re.search(r"\d+ given|must be digits", (await client.get(f"{board}&lang=en")).text)
            said.append(found and found[0])
    taken = ["0 given", "0 given", "1234 given", "12345 given", "12 given"]
    assert said == [*taken, *["must be digits"] * 4]


async def test_openapi_describes_the_vote(voting_database: Database) -> None:
    resources, _, _ = house(voting_database)
    async with client_for(build(resources).http) as client:
        document = (await client.get("/api/voting/openapi.json")).json()
    operation = document["paths"]["/api/voting/v1/votes"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert sorted(schema["properties"]) == ["ballot", "entry_id", "key"]
    assert {"202", "403", "410", "413", "422", "503"} <= set(operation["responses"])
    (unsure,) = operation["responses"]["503"]["content"].values()
    assert unsure["schema"]["allOf"] == [{"$ref": "#/components/schemas/Problem"}]
    assert set(unsure["schema"]["properties"]) == {"receipt"}
