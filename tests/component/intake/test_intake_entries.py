"""Entries over HTTP on a real database: the rules, the door, the history, what others see."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.intake.handlers.decisions import on_judge_assigned, on_judge_recused
from shared.clock import FixedClock
from shared.contracts.intake import Role
from shared.contracts.scoring import JudgeAssigned, JudgeRecused
from shared.db import Database
from shared.messaging import Envelope
from tests.component.intake.conftest import API, CLOSING, CONTEST, SignedIn, an_entry

PDF = b"%PDF-1.7 sample"
ENVELOPE = Envelope("e", "t", "s", "k", CLOSING, "c")


async def events(database: Database, topic: str = "intake.entry.v1") -> list[str]:
    """The types of the events in the outbox, oldest first."""
    async with database.transaction() as session:
        rows = await session.execute(
            text("SELECT headers->>'ce_type' FROM outbox WHERE topic = :topic ORDER BY sequence"),
            {"topic": topic},
        )
        return [row[0].split(".")[2] for row in rows]


async def started(client: httpx.AsyncClient, **changes: object) -> dict[str, object]:
    answer = await client.post(f"{API}/entries", json=an_entry(**changes))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def submitted(client: httpx.AsyncClient, **changes: object) -> dict[str, object]:
    entry = await started(client, **changes)
    answer = await client.post(f"{API}/entries/{entry['entry_id']}/submission")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_entry_goes_from_draft_to_accepted(
    sealed: str, signed_in: SignedIn, intake_database: Database
) -> None:
    applicant, staff = await signed_in(Role.APPLICANT), await signed_in(Role.STAFF)
    entry = await submitted(applicant)
    assert (entry["state"], entry["reference"], entry["unsent_changes"]) == ("submitted", "SC65-0001", False)
    path = f"{API}/entries/{entry['entry_id']}"

    changed = await applicant.put(path, json=an_entry(title_th="คลองใส 2"))
    assert changed.json()["unsent_changes"] is True
    assert (await staff.get(path)).json()["content"]["title_th"] == "คลองใส เมืองเย็น"
    amended = await applicant.post(f"{path}/amendment")
    assert (amended.json()["state"], amended.json()["reference"]) == ("submitted", "SC65-0001")
    assert (await staff.get(path)).json()["content"]["title_th"] == "คลองใส 2"

    returned = await staff.post(
        f"{path}/return", json={"reasons": [{"code": "incomplete", "field": "summary_th", "note": "สั้นไป"}]}
    )
    assert returned.json()["state"] == "returned"
    assert returned.json()["reasons"] == [
        {
            "code": "incomplete",
            "text": {"th": "ข้อมูลไม่ครบถ้วน: สั้นไป", "en": "Something is missing: สั้นไป"},
            "field": "summary_th",
        }
    ]
    again = await applicant.post(f"{path}/amendment", json=an_entry(summary_th="บทสรุปที่ยาวขึ้น"))
    assert (again.json()["state"], again.json()["reasons"]) == ("submitted", [])
    accepted = await staff.post(f"{path}/screening", json={"accepted": True})
    assert accepted.json()["state"] == "accepted"
    refused_change = await applicant.put(path, json=an_entry())
    assert refused_change.status_code == 409
    assert await events(intake_database) == [
        "EntryStarted",
        "EntrySubmitted",
        "EntryAmended",
        "EntryReturned",
        "EntryAmended",
        "EntryScreened",
    ]


async def test_submission_names_every_field_that_breaks_a_rule(sealed: str, signed_in: SignedIn) -> None:
    applicant = await signed_in(Role.APPLICANT)
    broken = an_entry(
        applicant_kind="ministry",
        province_code="99",
        category_id="space",
        operating_since="2022-02-01",
        sections={"origin": "ก"},
    )
    entry = (await applicant.post(f"{API}/entries", json=broken)).json()
    answer = await applicant.post(f"{API}/entries/{entry['entry_id']}/submission")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [
        "applicant_kind",
        "province_code",
        "category_id",
        "operating_since",
        "sections.solution",
        "sections.evidence",
        "sections.sustainability",
    ]
    assert "30 Jan 2022" in answer.json()["errors"][3]["detail"]


async def test_an_agency_sends_no_more_entries_than_decided(sealed: str, signed_in: SignedIn) -> None:
    applicant, colleague = (
        await signed_in(Role.APPLICANT),
        await signed_in(Role.APPLICANT, email="b@office.example"),
    )
    for number in range(7):
        await submitted(applicant, title_th=f"ผลงาน {number}")
    entry = await started(colleague, applicant_name=" เทศบาลนคร ตัวอย่าง ")
    answer = await colleague.post(f"{API}/entries/{entry['entry_id']}/submission")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "applicant_name")


async def test_a_stale_revision_is_refused(sealed: str, signed_in: SignedIn) -> None:
    applicant = await signed_in(Role.APPLICANT)
    entry = await started(applicant)
    path = f"{API}/entries/{entry['entry_id']}"
    first = await applicant.put(path, json=an_entry(title_th="ก"), headers={"If-Match": '"1"'})
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    second = await applicant.put(path, json=an_entry(title_th="ข"), headers={"If-Match": '"1"'})
    assert second.status_code == 409
    assert (await applicant.get(path)).json()["content"]["title_th"] == "ก"


async def test_the_door_closes_for_everyone_at_one_instant(
    sealed: str, signed_in: SignedIn, clock: FixedClock
) -> None:
    applicant = await signed_in(Role.APPLICANT)
    before, after = await started(applicant), await started(applicant, title_th="สาย")
    clock.instant = CLOSING - timedelta(microseconds=1)
    assert (await applicant.post(f"{API}/entries/{before['entry_id']}/submission")).status_code == 200
    clock.instant = CLOSING
    late = await applicant.post(f"{API}/entries/{after['entry_id']}/submission")
    assert (late.status_code, late.json()["detail"]) == (
        410,
        "Applications closed on 30 Jul 2022, 23:59 (Bangkok).",
    )
    assert (await applicant.put(f"{API}/entries/{after['entry_id']}", json=an_entry())).status_code == 410
    assert (await applicant.post(f"{API}/entries", json=an_entry())).status_code == 410


async def test_a_submission_that_waits_past_the_closing_is_refused(
    sealed: str, signed_in: SignedIn, clock: FixedClock, intake_database: Database
) -> None:
    """The instant at which the contest's row is held decides, not the one at which the request came."""
    applicant = await signed_in(Role.APPLICANT)
    entry = await started(applicant)
    clock.instant = CLOSING - timedelta(seconds=1)
    async with intake_database.transaction() as holder:
        await holder.execute(text("SELECT 1 FROM contest FOR UPDATE"))
        waiting = asyncio.create_task(applicant.post(f"{API}/entries/{entry['entry_id']}/submission"))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        clock.instant = CLOSING
    assert (await waiting).status_code == 410


async def test_references_have_no_gaps_under_concurrency(
    sealed: str, signed_in: SignedIn, clock: FixedClock
) -> None:
    clients = [await signed_in(Role.APPLICANT, email=f"a{number}@office.example") for number in range(6)]
    drafts = [
        await started(client, applicant_name=f"หน่วยงาน {number}") for number, client in enumerate(clients)
    ]
    broken = await started(clients[0], applicant_name="", title_th="ไม่ครบ")
    attempts = [
        client.post(f"{API}/entries/{draft['entry_id']}/submission")
        for client, draft in zip(clients, drafts, strict=True)
    ]
    attempts.insert(2, clients[0].post(f"{API}/entries/{broken['entry_id']}/submission"))
    answers = await asyncio.gather(*attempts)
    references = sorted(answer.json()["reference"] for answer in answers if answer.status_code == 200)
    assert references == [f"SC65-{number:04d}" for number in range(1, 7)]


async def test_withdrawing_frees_the_place_and_ends_the_entry(
    sealed: str, signed_in: SignedIn, intake_database: Database
) -> None:
    applicant = await signed_in(Role.APPLICANT)
    entry = await submitted(applicant)
    path = f"{API}/entries/{entry['entry_id']}"
    gone = await applicant.post(f"{path}/withdrawal", json={"reason": "ยุติโครงการ"})
    assert gone.json()["state"] == "withdrawn"
    assert (await applicant.post(f"{path}/withdrawal", json={})).status_code == 409
    assert (await applicant.post(f"{path}/submission")).status_code == 409
    assert await events(intake_database) == ["EntryStarted", "EntrySubmitted", "EntryWithdrawn"]


async def test_others_neither_read_nor_change_an_entry(sealed: str, signed_in: SignedIn) -> None:
    applicant, other = (
        await signed_in(Role.APPLICANT),
        await signed_in(Role.APPLICANT, email="other@office.example"),
    )
    judge, staff = await signed_in(Role.JUDGE), await signed_in(Role.STAFF)
    entry = await started(applicant)
    path = f"{API}/entries/{entry['entry_id']}"
    codes = [
        (await other.get(path)).status_code,
        (await other.put(path, json=an_entry())).status_code,
        (await other.post(f"{path}/submission")).status_code,
        (await judge.get(path)).status_code,
        (await applicant.post(f"{path}/screening", json={"accepted": True})).status_code,
        (await staff.post(f"{path}/submission")).status_code,
    ]
    assert codes == [403] * 6
    assert (await staff.get(path)).json()["content"]["title_th"] == "", "a draft is its author's alone"


async def test_attachments_are_checked_and_kept_with_what_was_sent(sealed: str, signed_in: SignedIn) -> None:
    applicant, staff = await signed_in(Role.APPLICANT), await signed_in(Role.STAFF)
    entry = await started(applicant)
    path = f"{API}/entries/{entry['entry_id']}"
    added = await applicant.post(f"{path}/attachments", files={"file": ("../แผน.pdf", PDF)})
    assert (added.status_code, added.json()["name"], added.json()["size"]) == (201, "แผน.pdf", len(PDF))
    lie = await applicant.post(f"{path}/attachments", files={"file": ("แผน.png", PDF)})
    assert (lie.status_code, lie.json()["errors"][0]["field"]) == (422, "file")
    await applicant.post(f"{path}/submission")
    await applicant.delete(f"{path}/attachments/{added.json()['attachment_id']}")
    assert (await applicant.get(path)).json()["attachments"] == []
    assert [file["name"] for file in (await staff.get(path)).json()["attachments"]] == ["แผน.pdf"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", f"{API}/entries", {"title_th": "a\x00b"}),
        ("post", f"{API}/entries", {"unknown": 1}),
        ("post", f"{API}/entries", {"operating_since": "yesterday"}),
        ("get", f"{API}/entries/no%00thing", None),
        ("get", f"{API}/entries/missing", None),
        ("get", "/api/intake/v1/contests/no-such-contest/entries", None),
    ],
)
async def test_bad_input_is_answered_not_crashed(
    sealed: str, signed_in: SignedIn, method: str, path: str, body: object
) -> None:
    applicant = await signed_in(Role.APPLICANT)
    answer = await applicant.request(method.upper(), path, json=body)
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def judge_event(kind: type[JudgeAssigned] | type[JudgeRecused], **values: object) -> Any:
    """An event about the judge ``j1``."""
    at = {"assigned_at": CLOSING, "due_at": CLOSING} if kind is JudgeAssigned else {"recused_at": CLOSING}
    return kind.model_validate({"contest_id": CONTEST, "judge_id": "j1", **at, **values})


async def test_evidence_opens_for_the_entry_s_judges_and_for_nobody_else(
    sealed: str, signed_in: SignedIn, intake_database: Database
) -> None:
    applicant, staff = await signed_in(Role.APPLICANT), await signed_in(Role.STAFF)
    judge = await signed_in(Role.JUDGE)
    other = await signed_in(Role.APPLICANT, email="other@office.example")
    entry = await started(applicant)
    path = f"{API}/entries/{entry['entry_id']}"
    file = {"file": ("รายงาน.pdf", PDF, "application/pdf")}
    attachment = (await applicant.post(f"{path}/attachments", files=file)).json()["attachment_id"]
    evidence = f"{path}/attachments/{attachment}"

    async def statuses() -> dict[str, int]:
        clients = {"applicant": applicant, "staff": staff, "judge": judge, "other": other}
        return {name: (await client.get(evidence)).status_code for name, client in clients.items()}

    assert await statuses() == {"applicant": 200, "staff": 404, "judge": 403, "other": 403}, "a draft"
    assert (await applicant.post(f"{path}/submission")).status_code == 200
    assert await statuses() == {"applicant": 200, "staff": 200, "judge": 403, "other": 403}

    async with intake_database.transaction() as session:
        contact_id = await session.scalar(text("SELECT contact_id FROM contact WHERE roles = '{judge}'"))
        here = {"contact_id": contact_id, "round": "first", "entry_ids": [entry["entry_id"]]}
        await on_judge_assigned(session, judge_event(JudgeAssigned, revision=3, **here), ENVELOPE)
        empty = {**here, "entry_ids": []}
        await on_judge_assigned(session, judge_event(JudgeAssigned, revision=2, **empty), ENVELOPE)
    assert await statuses() == {"applicant": 200, "staff": 200, "judge": 200, "other": 403}
    answer = await judge.get(evidence)
    assert (answer.content, answer.headers["content-type"]) == (PDF, "application/pdf")
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%E0%B8%A3")
    assert answer.headers["x-content-type-options"] == "nosniff"

    async with intake_database.transaction() as session:
        recused = {"contact_id": contact_id, "entry_id": entry["entry_id"], "conflict": "agency"}
        await on_judge_recused(session, judge_event(JudgeRecused, revision=4, **recused), ENVELOPE)
        await on_judge_recused(session, judge_event(JudgeRecused, revision=4, **recused), ENVELOPE)
    assert (await judge.get(evidence)).status_code == 403
