"""A province that issues here: its clerks sign, number, send and post its letters on the letter's page."""

import httpx
import pytest
from sqlalchemy import text

from services.notify.register_tables import AgencySetting
from shared.contracts.intake import Role
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import client_for, sign_in, submit
from tests.component.notify.notify_kit import Notify, a_code
from tests.component.notify.test_cascade import API, dispatched

ON_PAPER = "code,place,post,email\n9601,จังหวัดนราธิวาส,นายอำเภอเมืองนราธิวาส,\n"


@pytest.fixture
async def province(notify: Notify) -> Notify:
    """Narathiwat has a signer and a registry, which numbers; ``stranger`` keeps the registry of depa."""
    await notify.enrol("signer", "registry", "stranger")
    async with notify.database.transaction() as session:
        for person, duty in (("signer", "signer"), ("registry", "registry"), ("stranger", "registry")):
            gone = text("DELETE FROM officer WHERE contact_id = :person AND duty <> :duty")
            await session.execute(gone, {"person": person, "duty": duty})
        await session.execute(text("UPDATE officer SET agency = 'depa' WHERE contact_id = 'stranger'"))
        await session.execute(text("DELETE FROM officer WHERE contact_id = 'approver'"))
    await number_by_registry(notify)
    return notify


async def number_by_registry(notify: Notify) -> None:
    """Narathiwat's registry numbers after the signature."""
    async with notify.database.transaction() as session:
        session.add(
            AgencySetting(
                contest_id=CONTEST_ID,
                agency="narathiwat",
                number_at="registry",
                changed_by="test",
                changed_at=notify.clock.instant,
            )
        )


async def approved_cover(notify: Notify, client: httpx.AsyncClient) -> str:
    """Narathiwat's cover letter, which waits for its signature."""
    await dispatched(notify, client)
    sign_in(client, [Role.STAFF], contact_id="drafter")
    body = {"template": "cover-narathiwat", "recipients_csv": ON_PAPER}
    made = await client.post(f"{API}/contests/{CONTEST_ID}/letters", json=body)
    letter_id: str = made.json()["letter_id"]
    await client.post(f"{API}/letters/{letter_id}/review")
    sign_in(client, [Role.APPROVER], contact_id="approver")
    assert (await client.post(f"{API}/letters/{letter_id}/approval")).status_code == 200
    return letter_id


def _as_clerk(client: httpx.AsyncClient, name: str) -> None:
    client.cookies.clear()
    sign_in(client, [Role.CLERK], contact_id=name)


async def _state(client: httpx.AsyncClient, letter_id: str) -> tuple[str, str]:
    sign_in(client, [Role.STAFF], contact_id="drafter")
    letter = (await client.get(f"{API}/letters/{letter_id}")).json()
    return letter["state"], letter["number"]


async def test_a_province_signs_numbers_sends_and_posts_its_own_letter(province: Notify) -> None:
    async with client_for(province.service()) as client:
        letter_id = await approved_cover(province, client)
        here = f"/letters/{letter_id}"
        _as_clerk(client, "registry")
        early = await submit(
            client, f"{here}/signing", {"code": a_code()}, form_page="/letters/second-factor"
        )
        assert early.status_code == 403
        assert "ไม่มีคำสั่งให้ลงนาม" in early.text
        _as_clerk(client, "signer")
        listed = (await client.get("/letters")).text
        assert "รอท่านลงนาม" in listed
        assert "ขอความอนุเคราะห์" not in listed, "the letter of another agency"
        assert (
            await submit(client, f"{here}/signing", {"code": "999999"}, form_page=here)
        ).status_code == 422
        assert (
            await submit(client, f"{here}/signing", {"code": "code0001"}, form_page=here)
        ).status_code == 303
        refused = await submit(client, f"{here}/number", {}, form_page="/letters/second-factor")
        assert (refused.status_code, "เฉพาะนายทะเบียน" in refused.text) == (403, True)
        _as_clerk(client, "registry")
        assert "รอท่านออกเลข" in (await client.get("/letters")).text
        assert (await submit(client, f"{here}/number", {}, form_page=here)).status_code == 303
        assert "รอท่านส่งออก" in (await client.get("/letters")).text
        assert (await submit(client, f"{here}/dispatch", {}, form_page=here)).status_code == 303
        queue = await client.get("/letters/print")
        assert "นายอำเภอเมืองนราธิวาส" in queue.text
        dispatch_id = queue.text.split('name="dispatch" value="')[1].split('"')[0]
        assert (await client.get(f"/letters/print/{dispatch_id}.pdf")).content.startswith(b"%PDF")
        assert (await client.get("/letters/print/labels.pdf")).content.startswith(b"%PDF")
        _as_clerk(client, "stranger")
        assert "นายอำเภอเมืองนราธิวาส" not in (await client.get("/letters/print")).text
        assert (await client.get("/letters/print/labels.pdf")).status_code == 409
        assert (await client.get(f"/letters/print/{dispatch_id}.pdf")).status_code == 404
        posting = {"dispatch": dispatch_id}
        foreign = await submit(client, "/letters/print", posting, form_page="/letters/second-factor")
        assert foreign.status_code == 403
        _as_clerk(client, "registry")
        assert (await submit(client, "/letters/print", posting)).status_code == 303
        assert await _state(client, letter_id) == ("dispatched", "นธ 0017.2/ว 2565")


async def test_a_signer_gives_a_letter_back_and_reads_no_draft_forms(province: Notify) -> None:
    async with client_for(province.service()) as client:
        letter_id = await approved_cover(province, client)
        here = f"/letters/{letter_id}"
        _as_clerk(client, "registry")
        body = {"return_reason": "ชื่ออำเภอไม่ครบ"}
        refused = await submit(client, f"{here}/return", body, form_page="/letters/second-factor")
        assert refused.status_code == 403
        _as_clerk(client, "signer")
        assert (await submit(client, f"{here}/return", body, form_page=here)).status_code == 303
        page = (await client.get(here)).text
        assert "เจ้าหน้าที่การประกวดกำลังร่าง" in page
        for step in ("edit", "review", "approval", "void", "publication", "cascade"):
            assert f"{here}/{step}" not in page, step
        review = await submit(client, f"{here}/review", {}, form_page="/letters/second-factor")
        assert review.status_code == 403
        assert (await _state(client, letter_id))[0] == "draft"


async def test_review_stays_with_the_contest_s_staff(province: Notify) -> None:
    """A signer gives back what waits for the signature, not what others still look over."""
    async with client_for(province.service()) as client:
        letter_id = await approved_cover(province, client)
        here, body = f"/letters/{letter_id}", {"return_reason": "ชื่ออำเภอไม่ครบ"}
        async with province.database.transaction() as session:
            await session.execute(text("UPDATE letter SET state = 'review'"))
        _as_clerk(client, "signer")
        refused = await submit(client, f"{here}/return", body, form_page="/letters/second-factor")
        assert refused.status_code == 403
        assert (await _state(client, letter_id))[0] == "review"
        assert (await submit(client, f"{here}/return", body, form_page=here)).status_code == 303
        assert (await _state(client, letter_id))[0] == "draft"


async def test_a_clerk_without_an_agency_sees_no_letter(province: Notify) -> None:
    async with client_for(province.service()) as client:
        letter_id = await approved_cover(province, client)
        _as_clerk(client, "nobody-s-clerk")
        page = await client.get("/letters")
        assert (page.status_code, "ยังไม่มีหน่วยงานแต่งตั้งท่าน" in page.text) == (200, True)
        assert (await client.get(f"/letters/{letter_id}")).status_code == 403
