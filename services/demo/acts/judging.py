"""Nine judges accept, one stands aside for an entry, all score; two people publish the shortlist."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from services.demo.acts.opening import judge_email
from services.demo.api import Api, DemoFailed, all_of, until
from services.demo.plan import JUDGES, JUDGES_PER_ENTRY, Card
from services.demo.stage import Stage, bangkok

RECUSED = 2
"""Judges whose list a recusal changes: who stands aside, and who takes over."""
_COMMENTS = {
    "origin": "ที่มาชัดเจนและระบุกลุ่มเป้าหมายได้ดี",
    "evidence": "ตัวชี้วัดเหมาะสม ควรเก็บข้อมูลต่อเนื่องอีกอย่างน้อยหนึ่งปี",
}


async def invite(stage: Stage) -> None:
    """Invitations, and acceptances with conflicts named first."""
    with stage.progress.act("Judges: invited and accepted", 2 * JUDGES) as progress:
        accepted = sum(entry.fate == "accepted" for entry in stage.plan.entries)
        await _until_scoring_knows(stage, accepted)
        for number in range(1, JUDGES + 1):
            email = judge_email(number)
            body = {"contact_id": stage.contact_ids[email]}
            judge = await stage.staff.post(stage.path("scoring", "/judges"), body)
            stage.noted.setdefault("judge_ids", {})[number] = judge["judge_id"]
            progress.advance()
            address = stage.path("scoring", f"/judges/{judge['judge_id']}/acceptance")
            await stage.accounts[email].post(address, {"conflicts": []})
            progress.advance()


async def _until_scoring_knows(stage: Stage, accepted: int) -> None:
    async def judges_known() -> bool:
        # every judge's session is accepted once scoring has learnt of the contact
        for number in range(1, JUDGES + 1):
            await stage.accounts[judge_email(number)].get(stage.path("scoring", "/clock"))
        return True

    async def entries_known() -> bool:
        ranking = await stage.staff.get(stage.path("scoring", "/ranking"))
        return sum(len(c["standings"]) + len(c["unscored"]) for c in ranking["categories"]) >= accepted

    await until(judges_known, "scoring to know the judges")
    await until(entries_known, f"scoring to know {accepted} accepted entries")


async def first_round(stage: Stage) -> None:
    """Assignments, a recusal, the scorecards, and one correction of a submitted score."""
    cards = {number: list(three) for number, three in stage.plan.first_round.items()}
    with stage.progress.act("First round: scorecards", len(cards) * JUDGES_PER_ENTRY) as progress:
        await stage.set_clock(bangkok(8, 1, 13))
        order = {"round": "first", "due_at": bangkok(8, 4, 18).isoformat()}
        await stage.staff.post(stage.path("scoring", "/assignments"), order)
        await _recuse(stage)
        await stage.told("judge-assigned", JUDGES + RECUSED)
        await stage.told("judge-recused", 1)
        await stage.set_clock(bangkok(8, 3, 10))
        queues = await _queues(stage, "first", len(cards) * JUDGES_PER_ENTRY)
        turns = _deal(stage, queues, cards)

        async def score(number: int, entry_id: str, card: Card) -> None:
            await _submit(stage.accounts[judge_email(number)], stage, "first", entry_id, card)
            progress.advance()

        await all_of(score(*turn) for turn in turns)
        await _amend_one(stage, turns[0])
        await _counted(stage, "first")


async def _recuse(stage: Stage) -> None:
    """The first judge learns of a conflict with the first entry of the queue."""
    judge = stage.accounts[judge_email(1)]
    queue = await judge.get(stage.path("scoring", "/queue"), round="first")
    entry_id = min(queue["entries"], key=lambda item: item["reference"])["entry_id"]
    body = {"entry_id": entry_id, "conflict": "agency", "reason": "เคยเป็นที่ปรึกษาของหน่วยงานผู้สมัคร"}
    await judge.post(stage.path("scoring", f"/judges/{queue['judge_id']}/recusals"), body)
    after = await judge.get(stage.path("scoring", "/queue"), round="first")
    if entry_id in {item["entry_id"] for item in after["entries"]}:
        raise DemoFailed("a recused judge still has the entry in the queue")


async def _queues(stage: Stage, scoring_round: str, expected: int) -> dict[int, list[dict[str, Any]]]:
    queues = {}
    for number in range(1, JUDGES + 1):
        judge = stage.accounts[judge_email(number)]
        queues[number] = (await judge.get(stage.path("scoring", "/queue"), round=scoring_round))["entries"]
    dealt = sum(len(queue) for queue in queues.values())
    if dealt != expected:
        raise DemoFailed(f"the judges have {dealt} scorecards to fill in, not {expected}")
    return queues


def _deal(
    stage: Stage, queues: dict[int, list[dict[str, Any]]], cards: dict[int, list[Card]]
) -> list[tuple[int, str, Card]]:
    """Which judge gives which of an entry's planned cards: in the judges' order, whoever they are."""
    left = {number: list(three) for number, three in cards.items()}
    turns = []
    for judge, queue in sorted(queues.items()):
        for item in sorted(queue, key=lambda item: item["reference"]):
            turns.append((judge, item["entry_id"], left[stage.numbers[item["entry_id"]]].pop(0)))
    return turns


async def _submit(judge: Api, stage: Stage, scoring_round: str, entry_id: str, card: Card) -> None:
    body = {"round": scoring_round, "scores": dict(card), "comments": _COMMENTS, "submit": True}
    await judge.put(stage.path("scoring", f"/entries/{entry_id}/score"), body)


async def _amend_one(stage: Stage, turn: tuple[int, str, Card]) -> None:
    """A judge moves a point from one dimension to another; the total stays."""
    number, entry_id, card = turn
    judge = stage.accounts[judge_email(number)]
    address = stage.path("scoring", f"/entries/{entry_id}/score")
    moved = dict(card) | {"origin": card["origin"] - 1, "evidence": card["evidence"] + 1}
    body = {
        "round": "first",
        "scores": moved,
        "comments": _COMMENTS,
        "submit": True,
        "reason": "พบหลักฐานผลลัพธ์เพิ่มเติมในเอกสารแนบ",
    }
    saved = await judge.get(address, round="first")
    await judge.send("PUT", address, json=body, headers={"If-Match": f'"{saved["revision"]}"'})


async def _counted(stage: Stage, scoring_round: str) -> None:
    async def counted() -> bool:
        ranking = await stage.staff.get(stage.path("scoring", "/ranking"), round=scoring_round)
        return bool(ranking["awaited"] == 0 and ranking["lagging"] == 0)

    async def heard() -> bool:
        board = await stage.staff.get(stage.path("notify", "/board"))
        return all(judge["done"] == judge["total"] for judge in board["judges"])

    await until(counted, f"every scorecard of the {scoring_round} round to be counted")
    await until(heard, f"notify to know every scorecard of the {scoring_round} round")


async def shortlist(stage: Stage) -> None:
    """Staff propose at noon of the day, the approver publishes."""
    with stage.progress.act("Shortlist, approved by a second person", 2) as progress:
        await stage.set_clock(bangkok(8, 5, 11))
        await stage.staff.post(stage.path("scoring", "/shortlist"), {"note": ""})
        progress.advance()
        await stage.set_clock(bangkok(8, 5, 12))
        published = await stage.approver.post(stage.path("scoring", "/shortlist/approval"))
        stage.noted["finalists"] = [finalist["entry_id"] for finalist in published["finalists"]]
        progress.advance()


async def schedule(stage: Stage) -> None:
    """Every finalist gets a slot, one of them moves, and the judges get the finalists."""
    with stage.progress.act("Presentations: schedule", 3) as progress:
        await stage.set_clock(bangkok(8, 8, 10))
        meeting = {"meeting_url": "https://meet.example.org/showcase"}
        await stage.staff.post(stage.path("scoring", "/presentations"), meeting)
        progress.advance()
        await _move_one(stage)
        progress.advance()
        order = {"round": "second", "due_at": bangkok(8, 11, 16).isoformat()}
        await stage.staff.post(stage.path("scoring", "/assignments"), order)
        await stage.told("judge-assigned", 2 * JUDGES + RECUSED)
        progress.advance()


async def present(stage: Stage) -> None:
    """Every presentation at its time, scored while its slot lasts."""
    cards = {number: list(three) for number, three in stage.plan.second_round.items()}
    with stage.progress.act("Presentations: second round", len(cards) * JUDGES_PER_ENTRY) as progress:
        await stage.set_clock(bangkok(8, 11, 9, 30))
        turns = _deal(stage, await _queues(stage, "second", len(cards) * JUDGES_PER_ENTRY), cards)
        by_entry: dict[str, list[tuple[int, Card]]] = defaultdict(list)
        for judge, entry_id, card in turns:
            by_entry[entry_id].append((judge, card))
        slots = await stage.staff.get(stage.path("scoring", "/presentations"))
        for slot in sorted(slots, key=lambda slot: datetime.fromisoformat(slot["starts_at"])):
            await _set_scoring_clock(stage, slot["starts_at"])
            for judge, card in by_entry[slot["entry_id"]]:
                api = stage.accounts[judge_email(judge)]
                await _submit(api, stage, "second", slot["entry_id"], card)
                progress.advance()
        await _counted(stage, "second")


async def _set_scoring_clock(stage: Stage, starts_at: str) -> None:
    """Presentations concern scoring alone; the other services follow at the end of the day."""
    at = datetime.fromisoformat(starts_at) + timedelta(minutes=8)
    await stage.admin.put(stage.path("scoring", "/clock"), {"now": at.isoformat()})


async def _move_one(stage: Stage) -> None:
    """The last presentation moves into the free time of the afternoon."""
    slots = await stage.staff.get(stage.path("scoring", "/presentations"))
    last = max(slots, key=lambda slot: str(slot["starts_at"]))
    body = {"starts_at": bangkok(8, 11, 14, 40).isoformat(), "reason": "ผู้นำเสนอติดราชการในช่วงเวลาเดิม"}
    await stage.staff.post(stage.path("scoring", f"/presentations/{last['slot_id']}/move"), body)
