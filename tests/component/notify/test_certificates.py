"""Certificates: the name is confirmed first; corrections, revocation, print sheets, pictures, the export."""

import hashlib
import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pypdf
import pytest
import zxingcpp
from PIL import Image

from services.notify import repository
from services.notify.certificate_tables import Certificate
from services.notify.letters.export import export
from shared.contracts.intake import Role
from shared.errors import Conflict
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import client_for, sign_in, submit
from tests.component.notify.notify_kit import NAME_LINK, Notify, words_of_mail
from tests.component.notify.test_composing import judged, results

__all__ = ["judged"]
API = f"/api/notify/v1/contests/{CONTEST_ID}/certificates"


async def _certificates(notify: Notify) -> list[Certificate]:
    async with notify.database.transaction() as session:
        return list(await repository.certificates.certificates(session, CONTEST_ID))


def _links(notify: Notify) -> dict[str, str]:
    """Address of the mail → path of its one-time link."""
    found = {}
    for to, raw in notify.transport.sent:
        if link := NAME_LINK.search(words_of_mail(raw)):
            found[to] = link.group()
    return found


@pytest.fixture
async def asked(judged: Notify) -> Notify:
    """Results are published: a winner and the other finalist are asked for their names."""
    await judged.consume(results())
    await judged.send()
    return judged


async def test_a_certificate_waits_for_the_winners_word(asked: Notify) -> None:
    before = await _certificates(asked)
    assert [(row.serial, row.template, row.sha256) for row in before] == [
        ("SCSA-2565-0001", "certificate", ""),
        ("SCSA-2565-0002", "certificate-finalist", ""),
    ]
    link = _links(asked)["applicant-1@office.example"]
    assert link.rpartition("/")[2] not in "".join(row.token_sha256 for row in before)
    async with client_for(asked.service()) as client:
        assert (await client.get(f"/verify/{before[0].code}")).status_code == 404
        assert (await client.get(link)).status_code == 200
        answer = await submit(client, link, {"name": "  เทศบาลนครตัวอย่าง "})
        assert answer.status_code == 303
        await asked.send()
        assert (await client.get(f"/api/notify/v1/verify/{before[0].code}")).json()["valid"] is True
        again = await client.get(link)
        assert "ยืนยันชื่อแล้ว" in again.text
        assert '<form method="post" action="/verify' not in again.text
    first, second = await _certificates(asked)
    assert (first.recipient, bool(first.sha256), second.sha256) == ("เทศบาลนครตัวอย่าง", True, "")
    async with asked.database.transaction() as session:
        steps = await repository.certificates.steps(session, first)
    assert [(step.step, step.by) for step in steps] == [
        ("ask", "system"),
        ("confirm", "link"),
        ("issue", "system"),
    ]


async def test_a_correction_waits_for_staff(asked: Notify) -> None:
    link = _links(asked)["applicant-1@office.example"]
    token = link.rpartition("/")[2]
    async with client_for(asked.service()) as client:
        address = "/api/notify/v1/certificates/confirmations"
        for wrong in (" ", "ก" * 201, "เทศบาล 🌿"):
            assert (await client.post(address, json={"token": token, "name": wrong})).status_code == 422
        answer = await client.post(address, json={"token": token, "name": "เทศบาลนครตัวอย่าง ก"})
        assert (answer.json()["proposed"], answer.json()["confirmed_at"]) == ("เทศบาลนครตัวอย่าง ก", None)
        await asked.send()
        assert not (await _certificates(asked))[0].sha256
        sign_in(client, [Role.STAFF], contact_id="staff-1")
        settled = f"{API}/SCSA-2565-0001/name"
        answer = await client.post(settled, json={"name": "เทศบาลอื่น"})
        assert answer.json()["errors"][0]["field"] == "reason"
        answer = await client.post(settled, json={"name": "เทศบาลนครตัวอย่าง ก"})
        assert answer.json()["recipient"] == "เทศบาลนครตัวอย่าง ก"
        assert (await client.post(settled, json={"name": "ใหม่", "reason": "x"})).status_code == 409
        assert (
            await client.post(address, json={"token": token, "name": "เทศบาลนครตัวอย่าง ข"})
        ).status_code == 409
        await asked.send()
        pdf = await client.get(f"/api/notify/v1/certificates/SCSA-2565-0001.pdf?contest={CONTEST_ID}")
    text = pypdf.PdfReader(BytesIO(pdf.content)).pages[0].extract_text()
    assert "SCSA-2565-0001" in text


async def _issued(notify: Notify, client: httpx.AsyncClient) -> list[Certificate]:
    await notify.confirm_names()
    await notify.send()
    return await _certificates(notify)


async def test_the_printed_code_decodes_and_a_revoked_one_says_so(asked: Notify) -> None:
    async with client_for(asked.service()) as client:
        first, _ = await _issued(asked, client)
        picture = await client.get(f"/verify/{first.code}/certificate.png")
        image = Image.open(BytesIO(picture.content))
        assert image.size == (1754, 1240)
        assert [code.text for code in zxingcpp.read_barcodes(image)] == [
            f"{asked.resources.settings.public_url}/verify/{first.code}"
        ]
        sign_in(client, [Role.STAFF], contact_id="staff-1")
        address = f"{API}/{first.serial}"
        assert (await client.post(f"{address}/revocation", json={"reason": "สะกดผิด"})).status_code == 403
        sign_in(client, [Role.APPROVER], contact_id="approver-1")
        assert (await client.post(f"{address}/reissue", json={"name": "ชื่อใหม่"})).status_code == 409
        assert (await client.post(f"{address}/revocation", json={"reason": "สะกดผิด"})).status_code == 200
        assert (await client.get(f"/api/notify/v1/verify/{first.code}")).json()["valid"] is False
        assert (await client.get(f"/verify/{first.code}/certificate.png")).status_code == 404
        another = (await client.post(f"{address}/reissue", json={"name": "ชื่อใหม่"})).json()
        assert (another["serial"], another["recipient"]) == ("SCSA-2565-0003", "ชื่อใหม่")
        assert (await client.post(f"{address}/reissue", json={"name": "ชื่อใหม่"})).status_code == 409
        await asked.send()
        assert (await client.get(f"/api/notify/v1/verify/{another['code']}")).json()["valid"] is True


async def test_print_sheets_have_marks_bleed_and_every_certificate(asked: Notify) -> None:
    async with client_for(asked.service(), [Role.STAFF]) as client:
        assert (await client.get(f"{API}-print.pdf")).status_code == 404
        rows = await _issued(asked, client)
        pdf = (await client.get(f"{API}-print.pdf")).content
    pages = pypdf.PdfReader(BytesIO(pdf)).pages
    assert len(pages) == len(rows) == 2
    width, height = (round(float(side) / 72 * 25.4) for side in pages[0].mediabox[2:])
    assert (width, height) == (317, 230)
    assert [re.search(r"SCSA-2565-\d{4}", page.extract_text())[0] for page in pages] == [
        row.serial for row in rows
    ]


async def test_results_published_again_keep_what_stands(asked: Notify) -> None:
    await asked.consume(results().model_copy(update={"revision": 2}))
    assert [row.revoked_at for row in await _certificates(asked)] == [None, None]
    moved: dict[str, Any] = {"revision": 3}
    await asked.consume(results("entry-2").model_copy(update=moved))
    rows = {row.serial[-4:]: (row.template, bool(row.revoked_at)) for row in await _certificates(asked)}
    assert rows == {
        "0001": ("certificate", True),
        "0002": ("certificate-finalist", True),
        "0003": ("certificate", False),
        "0004": ("certificate-finalist", False),
    }


async def test_the_export_answers_without_the_system(asked: Notify, tmp_path: Path) -> None:
    async with client_for(asked.service()) as client:
        rows = await _issued(asked, client)
    rows[1].revoked_at = rows[1].issued_at
    rows[0].recipient = "<script>x</script>"
    assert export(rows, "The Smart City Showcase Awards 2022", tmp_path / "out") == 2
    pages = [(tmp_path / "out" / "verify" / row.code / "index.html").read_text() for row in rows]
    assert ("genuine" in pages[0], "revoked" in pages[1]) == (True, True)
    assert "&lt;script&gt;" in pages[0]
    facts = json.loads((tmp_path / "out" / "verify" / f"{rows[1].code}.json").read_text())
    assert (facts["valid"], facts["serial"]) == (False, "SCSA-2565-0002")
    for line in (tmp_path / "out" / "SHA256SUMS").read_text().splitlines():
        sha256, _, name = line.partition("  ")
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == sha256
    with pytest.raises(Conflict):
        export(rows, "x", tmp_path / "out")
