"""Composing: letters that fill themselves, the preview while somebody types, what is pointed out."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.contracts.event import LocalizedText
from shared.contracts.ids import AwardId, CategoryId, ContactId, ContestId, EntryId, SlotId
from shared.contracts.intake import Role
from shared.contracts.rulebook import AwardKind
from shared.contracts.scoring import (
    AwardGiven,
    Finalist,
    PresentationScheduled,
    ResultsPublished,
    ShortlistPublished,
)
from shared.testing.rulebooks import CONTEST_ID, PRESENTATION, RESULTS, SHORTLIST
from shared.testing.web import client_for, csrf_of, sign_in
from shared.web import csrf
from tests.component.notify.notify_kit import Notify, a_contact, a_judge, an_entry

C = ContestId(CONTEST_ID)
API = f"/api/notify/v1/contests/{CONTEST_ID}"


@pytest.fixture
async def judged(notify: Notify) -> Notify:
    """A contest with three accepted entries, two finalists with slots, a judge, and one award."""
    await notify.consume(a_contact("judge-1", roles=(Role.JUDGE,), name="ผู้เชี่ยวชาญตัวอย่าง", position="คณบดี"))
    await notify.consume(a_judge("judge-1"))
    finalists = []
    for number in (1, 2, 3):
        await notify.consume(a_contact(f"applicant-{number}"))
        entry = an_entry(f"entry-{number}", f"applicant-{number}", reference=f"SC65-000{number}")
        await notify.consume(entry)
        finalists.append(
            Finalist(
                entry_id=EntryId(f"entry-{number}"),
                category_id=CategoryId("environment"),
                title=entry.title,
                applicant_name=entry.applicant.name,
                rank=number,
            )
        )
    await notify.consume(
        ShortlistPublished(
            contest_id=C,
            revision=1,
            finalists=tuple(finalists[:2]),
            not_selected=(EntryId("entry-3"),),
            approved_by=(ContactId("approver-1"),),
            published_at=SHORTLIST,
        )
    )
    for number in (1, 2):
        starts_at = PRESENTATION + timedelta(minutes=20 * number)
        await notify.consume(
            PresentationScheduled(
                contest_id=C,
                slot_id=SlotId(f"slot-{number}"),
                revision=1,
                entry_id=EntryId(f"entry-{number}"),
                starts_at=starts_at,
                ends_at=starts_at + timedelta(minutes=15),
                meeting_url=f"https://meet.example/{number}",
                scheduled_at=SHORTLIST,
            )
        )
    return notify


def results(entry_id: str = "entry-1") -> ResultsPublished:
    """One award, to one entry."""
    award = AwardGiven(
        award_id=AwardId("environment"),
        kind=AwardKind.JUDGED,
        name=LocalizedText(th="รางวัลด้านสิ่งแวดล้อมอัจฉริยะ", en="Smart Environment award"),
        entry_id=EntryId(entry_id),
        applicant_name="เทศบาลนครตัวอย่าง",
        title=LocalizedText(th="คลองใส เมืองเย็น"),
    )
    return ResultsPublished(
        contest_id=C,
        revision=1,
        awards=(award,),
        approved_by=(ContactId("approver-1"),),
        published_at=RESULTS,
    )


async def _letters(client: httpx.AsyncClient, template: str) -> list[dict[str, Any]]:
    found = (await client.get(f"{API}/letters")).json()
    return [letter for letter in found if letter["template"] == template]


async def test_each_finalist_gets_a_letter_with_the_slot_and_a_second_start_makes_none(
    judged: Notify,
) -> None:
    async with client_for(judged.service(), [Role.STAFF]) as client:
        for _ in range(2):
            answer = await client.post(f"{API}/letters/each", json={"template": "invitation-presentation"})
            assert answer.status_code == 201, answer.text
        drafted = await _letters(client, "invitation-presentation")
        assert len(drafted) == 2
        texts = [
            (await client.get(f"/api/notify/v1/letters/{letter['letter_id']}")).json() for letter in drafted
        ]
    said = {text["paragraphs"][1].partition(" ผ่านระบบ")[0] for text in texts}
    assert said == {
        "ในการนี้ สำนักงานส่งเสริมเศรษฐกิจดิจิทัล (สศด.) ขอเชิญท่านหรือผู้แทนนำเสนอผลงานต่อคณะกรรมการตัดสิน "
        f"ในวันพฤหัสบดีที่ ๑๑ สิงหาคม ๒๕๖๕ เวลา {hours} น."
        for hours in ("๑๐.๒๐ - ๑๐.๓๕", "๑๐.๔๐ - ๑๐.๕๕")
    }
    assert {text["addressee"] for text in texts} == {"นายกเทศมนตรีนครตัวอย่าง"}
    assert [text["findings"] for text in texts] == [[], []]


async def test_results_draft_the_letters_to_winners_and_to_the_others(judged: Notify) -> None:
    await judged.consume(results())
    async with client_for(judged.service(), [Role.STAFF]) as client:
        won = await _letters(client, "letter-winner")
        lost = await _letters(client, "letter-unsuccessful")
    assert [(letter["state"], letter["recipients"]) for letter in won] == [("draft", 1)]
    assert [(letter["kind"], letter["state"]) for letter in lost] == [("circular", "draft")]


@pytest.mark.parametrize("template", ["order-judges", "minutes-judging", "memorandum-results"])
async def test_papers_of_the_jury_list_whom_notify_knows(judged: Notify, template: str) -> None:
    await judged.consume(results())
    async with client_for(judged.service(), [Role.STAFF]) as client:
        answer = await client.post(f"{API}/letters", json={"template": template})
        assert answer.status_code == 201, answer.text
        assert answer.json()["findings"] == []
        pdf = await client.get(f"/api/notify/v1/letters/{answer.json()['letter_id']}.pdf")
    assert pdf.content.startswith(b"%PDF")


async def test_a_letter_for_each_row_needs_to_know_whose(judged: Notify) -> None:
    async with client_for(judged.service(), [Role.STAFF]) as client:
        answer = await client.post(f"{API}/letters", json={"template": "letter-winner", "about": "entry-9"})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "about")
        answer = await client.post(f"{API}/letters/each", json={"template": "letter-winner"})
        assert answer.status_code == 409


async def test_preview_shows_pages_and_findings_and_keeps_nothing(judged: Notify) -> None:
    async with client_for(judged.service()) as client:
        sign_in(client, [Role.STAFF])
        letter = (await client.post(f"{API}/letters", json={"template": "circular-governors"})).json()
        address = f"/letters/{letter['letter_id']}"
        form = {
            csrf.FIELD: csrf_of(await client.get(address)),
            "subject": "ขอเชิญประชุม",
            "urgency": "",
            "paragraphs": "ด้วย สศต. เชิญประชุม 2 วัน ในวันพุธที่ ๑ กรกฎาคม ๒๕๖๕ 🌿",
            "references": "หนังสือ ที่ สศด. ๐๓๐๑/ว ๙๙๙ ลงวันที่ ๑ มิถุนายน ๒๕๖๕",
        }
        json = {"Accept": "application/json"}
        answer = (await client.post(f"{address}/preview", data=form, headers=json)).json()
        assert answer["pages"] == []
        said = "".join(finding["text"] for finding in answer["findings"])
        for words in ("สศต.", "เลขอารบิก “2”", "วันศุกร์", "U+1F33F", "ไม่อยู่ในทะเบียน", "ย่อหน้าที่ 1: "):
            assert words in said
        form |= {"paragraphs": "เรียน {to.post} โปรดทราบ", "references": ""}
        answer = (await client.post(f"{address}/preview", data=form, headers=json)).json()
        assert [finding["blocking"] for finding in answer["findings"]] == [True]
        assert answer["findings"][0]["text"].startswith("ย่อหน้าที่ 1: หนังสือเวียน")
        form |= {"paragraphs": "\n\n".join(["จึงเรียนมาเพื่อโปรดพิจารณา " * 40] * 2)}
        answer = (await client.post(f"{address}/preview", data=form, headers=json)).json()
        assert (len(answer["pages"]), [finding["field"] for finding in answer["findings"]]) == (
            2,
            ["paragraphs"],
        )
        page = await client.post(f"{address}/preview?lang=en", data=form)
        assert page.text.count("data:image/png;base64,") == 2
        assert "takes 2 pages" in page.text
        assert (await client.get(f"/api/notify/v1{address}")).json() == letter
