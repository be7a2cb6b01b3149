"""Letters of the judging and of the results: order, invitations, minutes, winners, and the others."""

from typing import Any

from services.demo.acts.letters import acknowledge_by_link, check_pdf, drafted, issue, until_sent
from services.demo.api import all_of, until
from services.demo.plan import JUDGES
from services.demo.stage import APPROVER, Stage

Letter = dict[str, Any]


async def appoint_judges(stage: Stage) -> None:
    """คำสั่งแต่งตั้งคณะกรรมการ, and หนังสือเชิญเป็นกรรมการ to each, who acknowledges by the link of the mail."""
    with stage.progress.act("Judges: order and letters of invitation", 1 + 2 * JUDGES) as progress:

        async def known() -> bool:
            board = await stage.staff.get(stage.path("notify", "/board"))
            return len(board["judges"]) == JUDGES

        await until(known, f"notify to know {JUDGES} judges")
        await issue(stage, "order-judges", dispatch=False)
        progress.advance()
        each = {"template": "invitation-judge"}
        letters = await stage.staff.post(stage.path("notify", "/letters/each"), each)
        sent = await _issue_together(stage, letters)
        progress.advance(JUDGES)

        async def acknowledge(letter: Letter) -> None:
            (row,) = letter["dispatches"]
            await acknowledge_by_link(stage, letter["letter_id"], row)
            progress.advance()

        await all_of(acknowledge(letter) for letter in sent)


async def minutes(stage: Stage) -> None:
    """รายงานการประชุมคณะกรรมการตัดสิน, with the awards."""
    with stage.progress.act("Minutes of the judging meeting", 1):
        await issue(stage, "minutes-judging", dispatch=False)


async def tell_winners(stage: Stage) -> None:
    """The letters that the results drafted, one to each entry that won."""
    winners = stage.plan.winning_entries
    with stage.progress.act("Letters to the winners", winners) as progress:
        await _issue_together(stage, await drafted(stage, "letter-winner", winners))
        progress.advance(winners)


async def tell_others(stage: Stage) -> None:
    """One circular to the applicants whose entry won nothing."""
    with stage.progress.act("Circular to those without an award", 1):
        await _issue_together(stage, await drafted(stage, "letter-unsuccessful", 1))


async def _issue_together(stage: Stage, letters: list[Letter]) -> list[Letter]:
    """Review and approve each, sign all with one code, send each. Returns them as they were sent."""
    addresses = [f"/api/notify/v1/letters/{letter['letter_id']}" for letter in letters]
    for address in addresses:
        await stage.staff.post(f"{address}/review")
        await stage.approver.post(f"{address}/approval")
    body = {
        "code": await stage.noted[APPROVER].code(stage),
        "letter_ids": [letter["letter_id"] for letter in letters],
    }
    await stage.approver.post(stage.path("notify", "/letters/signing"), body)
    sent = []
    for letter, address in zip(letters, addresses, strict=True):
        await check_pdf(stage, letter["letter_id"])
        await stage.staff.post(f"{address}/dispatch")
        found = await stage.staff.get(address)
        await until_sent(stage, letter["letter_id"], len(found["dispatches"]))
        sent.append(await stage.staff.get(address))
    return sent
