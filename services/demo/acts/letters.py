"""Official letters: drafted by one person, approved and signed by another, sent, and taken in."""

import re
from typing import Any

from services.demo.api import DemoFailed, all_of, until
from services.demo.authenticator import enrol
from services.demo.plan import PROVINCES
from services.demo.stage import APPROVER, CLERK, Stage, bangkok

ASLEEP = 3
"""Provinces that have not acknowledged the circular; the staff board shows them."""
NARATHIWAT = "96"
_NAME_TOKEN = re.compile(r"/verify/name/([A-Za-z0-9_-]{20,})")
_TOKEN = re.compile(r"https?://\S+/letters/\S*?([A-Za-z0-9_-]{20,})")


async def appoint_signers(stage: Stage) -> None:
    """Who signs gets a second factor; Narathiwat, which issues here, has its own."""
    with stage.progress.act("Signers and their codes", 4) as progress:

        async def known() -> Any:
            return await stage.staff.get(stage.path("notify", "/clock"))

        await until(known, "notify to know the staff")
        for email in (APPROVER, CLERK):
            stage.noted[email] = await enrol(stage, stage.accounts[email])
            progress.advance()
        clerk = stage.contact_ids[CLERK]
        for duty in ("signer", "registry"):
            path = stage.path("notify", f"/agencies/narathiwat/officers/{duty}/{clerk}")
            await stage.admin.put(path, {"valid_from": "2022-06-01"})
            progress.advance()


async def circular(stage: Stage) -> None:
    """depa's letter to the 77 governors, and their receive numbers."""
    with stage.progress.act("Circular to 77 governors", 2 * PROVINCES) as progress:
        letter = await issue(stage, "circular-governors")
        await until_sent(stage, letter["letter_id"], PROVINCES)
        stage.noted["circular_sent"] = stage.days[-1]
        progress.advance(PROVINCES)
        await stage.set_clock(bangkok(6, 22, 10))
        letter = await stage.staff.get(f"/api/notify/v1/letters/{letter['letter_id']}")
        by_code = {row["code"]: row for row in letter["dispatches"]}
        await acknowledge_by_link(stage, letter["letter_id"], by_code[NARATHIWAT])
        awake = sorted(set(by_code) - {NARATHIWAT})[: PROVINCES - ASLEEP - 1]

        async def telephone(code: str) -> None:
            body = {
                "receive_number": f"{int(code) * 31 % 9000 + 1000}/2565",
                "dispatch_id": by_code[code]["dispatch_id"],
            }
            await stage.staff.post(f"/api/notify/v1/letters/{letter['letter_id']}/acknowledgements", body)
            progress.advance()

        await all_of(telephone(code) for code in awake)
        stage.noted["circular"] = letter


async def cover_letter(stage: Stage) -> None:
    """Narathiwat passes the letter on under its own cover letter."""
    with stage.progress.act("Narathiwat's cover letter", 3) as progress:
        await stage.set_clock(bangkok(6, 30, 9))
        letter = await issue(stage, "cover-narathiwat", signer=CLERK)
        progress.advance()
        await until_sent(stage, letter["letter_id"], len(letter["dispatches"]))
        stage.noted["cover"], stage.noted["cover_sent"] = letter, stage.days[-1]
        progress.advance()
        circular = stage.noted["circular"]
        dispatch = next(row for row in circular["dispatches"] if row["code"] == NARATHIWAT)
        body = {
            "number": letter["number"],
            "issued_on": "2022-06-30",
            "signer_post": "ผู้ว่าราชการจังหวัดนราธิวาส",
            "recipients": len(letter["dispatches"]),
            "dispatch_id": dispatch["dispatch_id"],
        }
        await stage.staff.post(f"/api/notify/v1/letters/{circular['letter_id']}/passing-on", body)
        progress.advance()


async def memorandum(stage: Stage) -> None:
    """To the director, for approval of the shortlist."""
    with stage.progress.act("Memorandum: the shortlist for approval", 1):
        await issue(stage, "memorandum-shortlist", dispatch=False)


async def announce_shortlist(stage: Stage) -> None:
    """ประกาศรายชื่อผู้ผ่านการคัดเลือกรอบแรก."""
    await _announce(stage, "announcement-shortlist", "Announcement of the shortlist")


async def announce_results(stage: Stage) -> None:
    """ประกาศผลรางวัล."""
    await _announce(stage, "announcement-results", "Announcement of the results")


async def _announce(stage: Stage, template: str, title: str) -> None:
    """An announcement that the event drafted; staff approve, the approver signs."""
    with stage.progress.act(title, 1):
        (letter,) = await drafted(stage, template, 1)
        address = f"/api/notify/v1/letters/{letter['letter_id']}"
        await stage.staff.post(f"{address}/review")
        await stage.approver.post(f"{address}/approval")
        await sign(stage, address, APPROVER)
        await check_pdf(stage, letter["letter_id"])


async def drafted(stage: Stage, template: str, count: int) -> list[dict[str, Any]]:
    """The drafts that an event makes of ``template``, once there are ``count``."""

    async def found() -> Any:
        letters = await stage.staff.get(stage.path("notify", "/letters"))
        own = [letter for letter in letters if letter["template"] == template]
        return own if len(own) == count else None

    letters: list[dict[str, Any]] = await until(found, f"{count} drafts of {template}")
    return letters


async def certificates(stage: Stage) -> None:
    """One for each award and each other finalist, once its name is confirmed; anyone can verify its code."""
    expected = stage.plan.certificates
    with stage.progress.act("Certificates", 2 * expected) as progress:

        async def asked() -> Any:
            rows = await stage.staff.get(stage.path("notify", "/certificates"))
            return rows if len(rows) == expected else None

        for row in await until(asked, f"{expected} winners and finalists to be asked for their names"):
            await _confirm_name(stage, row)
            progress.advance()

        async def ready() -> Any:
            rows = await stage.staff.get(stage.path("notify", "/certificates"))
            return rows if all(row["sha256"] for row in rows) else None

        rows = await until(ready, f"{expected} certificates to be made")
        for row in rows:
            pdf = await stage.staff.get_bytes(
                f"/api/notify/v1/certificates/{row['serial']}.pdf?contest={stage.contest}"
            )
            verified = await stage.api.get(f"/api/notify/v1/verify/{row['code']}")
            if not pdf.startswith(b"%PDF") or not verified["valid"]:
                raise DemoFailed(f"certificate {row['serial']} cannot be verified")
            progress.advance()


async def sign(stage: Stage, address: str, signer: str) -> None:
    """Sign with the code of the signer's telephone."""
    body = {"code": await stage.noted[signer].code(stage)}
    await stage.accounts[signer].post(f"{address}/signing", body)


async def _confirm_name(stage: Stage, row: dict[str, Any]) -> None:
    """Winners confirm by the link of their mail; what finalists say by telephone is written down by staff."""
    by_number = {entry.number: entry.email for entry in stage.plan.entries}
    email = by_number[stage.numbers[row["entry_id"]]]
    if row["award"]["en"] == "Finalist":
        body = {"name": row["recipient"], "reason": "ผู้ประสานงานแจ้งทางโทรศัพท์"}
        await stage.staff.post(stage.path("notify", f"/certificates/{row['serial']}/name"), body)
        return

    async def link() -> str:
        for text in await stage.inbox.texts(email):
            if row["award"]["th"] in text and (found := _NAME_TOKEN.search(text)):
                return found.group(1)
        return ""

    token = await until(link, f"the question for the name on {row['serial']} to arrive")
    body = {"token": token, "name": row["recipient"]}
    await stage.api.post("/api/notify/v1/certificates/confirmations", body)


async def issue(
    stage: Stage, template: str, *, dispatch: bool = True, signer: str = APPROVER
) -> dict[str, Any]:
    """Draft, approve and sign by two people; send."""
    letter = await stage.staff.post(stage.path("notify", "/letters"), {"template": template})
    address = f"/api/notify/v1/letters/{letter['letter_id']}"
    await stage.staff.post(f"{address}/review")
    await stage.approver.post(f"{address}/approval")
    await sign(stage, address, signer)
    await check_pdf(stage, letter["letter_id"])
    if dispatch:
        await stage.staff.post(f"{address}/dispatch")
    issued: dict[str, Any] = await stage.staff.get(address)
    return issued


async def check_pdf(stage: Stage, letter_id: str) -> None:
    """The signed letter is a PDF. Raises DemoFailed."""
    pdf = await stage.staff.get_bytes(f"/api/notify/v1/letters/{letter_id}.pdf")
    if not pdf.startswith(b"%PDF"):
        raise DemoFailed(f"letter {letter_id} is no PDF")


async def until_sent(stage: Stage, letter_id: str, count: int) -> None:
    """Wait until so many addressees of the letter were sent it."""

    async def sent() -> bool:
        letter = await stage.staff.get(f"/api/notify/v1/letters/{letter_id}")
        return sum(row["sent_at"] is not None for row in letter["dispatches"]) == count

    await until(sent, f"{count} offices to be sent the letter")


async def acknowledge_by_link(stage: Stage, letter_id: str, dispatch: dict[str, Any]) -> None:
    """Whoever got the letter needs no account: the one-time link in the mail is enough."""

    async def link() -> str:
        for text in await stage.inbox.texts(dispatch["email"]):
            if found := _TOKEN.search(text):
                return found.group(1)
        return ""

    token = await until(link, f"the letter to arrive at {dispatch['email']}")
    body = {"receive_number": "4512/2565", "token": token}  # a number of the receiver's own book
    await stage.api.post(f"/api/notify/v1/letters/{letter_id}/acknowledgements", body)
