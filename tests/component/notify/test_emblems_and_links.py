"""Emblems, official letters, the public page and short links."""

import io
from datetime import timedelta

import httpx
import pytest
from PIL import Image

from services.notify.domain.emblems import emblem_of
from services.notify.domain.uploads import Upload
from services.notify.tables import Letter
from shared.contracts.intake import Role
from shared.errors import Invalid
from shared.testing.rulebooks import CONTEST_ID
from shared.testing.web import BASE_URL, client_for, sign_in, submit
from tests.component.notify.notify_kit import Notify, a_contact
from tests.component.notify.test_register import API, approved, sign

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">{}</svg>'


def png(width: int = 300, height: int = 300) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(out, "PNG")
    return out.getvalue()


def test_a_picture_is_drawn_anew_and_shapes_stay_as_they_are() -> None:
    hidden = png() + b"<script>alert(1)</script>"
    assert b"script" not in emblem_of(Upload("a.png", hidden)).content
    shapes = SVG.format('<path d="M0 0h9v9z" fill="#123"/>').encode()
    assert emblem_of(Upload("a.svg", shapes)).content == shapes


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        png(10, 10),
        png(3001, 300),
        b"\x89PNG\r\n\x1a\n broken",
        b"\x89PNG\r\n\x1a\n" + b"0" * 1_100_000,
        SVG.format("<script>1</script>").encode(),
        SVG.format('<path onload="x()" d=""/>').encode(),
        SVG.format('<use href="https://a.example/x.svg"/>').encode(),
        SVG.format('<path style="fill:url(https://a.example)"/>').encode(),
        SVG.format('<path fill="url(https://a.example/#a)"/>').encode(),
        SVG.format("<foreignObject/>").encode(),
        b'<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + SVG.format("&a;").encode(),
    ],
)
def test_what_is_no_plain_emblem_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        emblem_of(Upload("a", content))


async def official(notify: Notify, client: httpx.AsyncClient) -> str:
    """A signed letter of an agency that has an emblem and a signer by an order."""
    await notify.consume(a_contact("approver", roles=(Role.APPROVER,), name="สมมติ ผู้อำนวยการ"))
    sign_in(client, [Role.ADMIN], contact_id="admin")
    path = f"{API}/contests/{CONTEST_ID}/agencies/depa/officers/signer/approver"
    order = {"valid_from": "2022-06-01", "authorised_by": "คำสั่ง สศด. ที่ ๑/๒๕๖๕"}
    assert (await client.put(path, json=order)).status_code == 200
    here = "/letters/agencies/depa"
    answer = await submit(client, f"{here}/emblem", {}, form_page=here, files={"emblem": ("e.png", png())})
    assert answer.status_code == 303
    letter_id = await approved(client)
    assert (await sign(client, letter_id)).status_code == 200
    return letter_id


async def test_a_letter_is_real_with_an_emblem_and_an_order_and_keeps_its_emblem(notify: Notify) -> None:
    from services.notify.handlers.agencies import emblem_of as emblem_of_letter
    from services.notify.handlers.rendering import render_letter, typeset

    async with client_for(notify.service()) as client:
        letter_id = await official(notify, client)
        pdf = (await client.get(f"{API}/letters/{letter_id}.pdf")).content
        sign_in(client, [Role.ADMIN], contact_id="admin")
        here = "/letters/agencies/depa"
        other = {"emblem": ("e.png", png(400, 400))}
        await submit(client, f"{here}/emblem", {}, form_page=here, files=other)
    async with notify.database.transaction() as session:
        letter = await session.get(Letter, (CONTEST_ID, letter_id))
        emblem = await emblem_of_letter(session, letter)
    assert typeset(letter, letter.content, None, emblem=emblem)["draft"] is False
    assert (await render_letter(letter, emblem=emblem)).pdf == pdf


async def test_a_circular_is_public_once_it_is_dispatched_until_it_is_withdrawn(notify: Notify) -> None:
    async with client_for(notify.service()) as client:
        letter_id = await approved(client)
        await sign(client, letter_id)
        before = (await client.get("/documents")).text.partition("<main")[2]
        assert before.count('href="/documents/') == before.count('href="/documents/registers"') == 1
        await client.post(f"{API}/letters/{letter_id}/dispatch")
        client.cookies.clear()
        page = (await client.get("/documents")).text.partition("<main")[2]
        code = page.partition('href="/documents/')[2].partition('"')[0]
        assert len(code) == 7
        assert (await client.get(f"/documents/{code}.pdf")).content.startswith(b"%PDF")
        assert (await client.get(f"/documents/{code}.svg")).headers["content-type"] == "image/svg+xml"
        sign_in(client, [Role.STAFF], contact_id="drafter")
        here = f"/letters/{letter_id}"
        await submit(client, f"{here}/publication", {"withdraw": "1"}, form_page=here)
        assert (await client.get(f"/documents/{code}.pdf")).status_code == 410


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("/briefing", "/briefing"),
        (f"{BASE_URL}/vote", "/vote"),
        ("https://www.depa.or.th/th/home", "https://www.depa.or.th/th/home"),
        ("//evil.example", ""),
        ("/\\evil.example", ""),
        ("https://evil.example", ""),
        ("http://www.depa.or.th", ""),
        ("https://www.depa.or.th@evil.example", ""),
        ("https://www.depa.or.th.evil.example", ""),
        ("javascript:alert(1)", ""),
    ],
)
async def test_a_short_link_leads_to_us_or_to_an_allowed_host(
    notify: Notify, target: str, leads_to: str
) -> None:
    async with client_for(notify.service(), [Role.STAFF], contact_id="staff") as client:
        answer = await submit(client, "/letters/links", {"label": "ลงทะเบียน", "target": target})
        assert answer.status_code == (303 if leads_to else 422)
        if leads_to:
            csv = (await client.get("/letters/links?format=csv")).text
            code = csv.splitlines()[1].partition(",")[0].rpartition("/")[2]
            client.cookies.clear()
            for day in range(2):
                notify.clock.advance(timedelta(days=day))
                found = await client.get(f"/s/{code}")
                assert (found.status_code, found.headers["location"]) == (302, leads_to)
            sign_in(client, [Role.STAFF], contact_id="staff")
            counted = (await client.get("/letters/links?format=csv&lang=en")).text.splitlines()[1]
            assert counted.split(",")[3] == "2"
        assert (await client.get("/s/nothing")).status_code == 404
