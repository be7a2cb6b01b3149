"""Forty-four begin, forty submit in time; the door closes; staff screen what came."""

from typing import Any

from services.demo.api import all_of
from services.demo.paper import report_pdf
from services.demo.stage import Stage, bangkok
from services.demo.story import StoryEntry

_NOTES = {
    "no_public_service": "เป็นกิจการภายในของผู้สมัคร ไม่ใช่บริการที่ให้แก่ประชาชน",
    "duplicate": "เป็นผลงานเดียวกับอีกผลงานหนึ่งของหน่วยงาน",
    "evidence_missing": "ไม่มีหลักฐานว่าประชาชนทั่วไปใช้บริการได้",
}


def _path(stage: Stage, entry: StoryEntry, tail: str = "") -> str:
    return stage.path("intake", f"/entries/{stage.entry_ids[entry.number]}{tail}")


async def apply(stage: Stage) -> None:
    """Drafts on the first days, submissions, corrections, a withdrawal, one entry that is too young."""
    entries = stage.plan.entries
    with stage.progress.act("Entries: drafts and submissions", 2 * len(entries)) as progress:
        await stage.set_clock(bangkok(7, 4, 10))

        async def start(entry: StoryEntry) -> None:
            api = await stage.sign_in(entry.email)
            draft = await api.post(stage.path("intake", "/entries"), _first_words(entry))
            stage.entry_ids[entry.number] = draft["entry_id"]
            progress.advance()

        await all_of(start(entry) for entry in entries)
        await stage.set_clock(bangkok(7, 20, 14))
        for entry in entries:  # one after the other, so that references follow the story
            await _submit(stage, entry)
            progress.advance()
        fates = stage.plan.fates()
        await stage.told("entry-received", fates["accepted"] + fates["refused"] + fates["withdrawn"])
        await stage.told("entry-withdrawn", fates["withdrawn"])
        await stage.set_clock(bangkok(7, 22, 11))
        await all_of(_correct(stage, entry) for entry in entries if entry.step)
        # a returned entry is a draft too: notify has to hear that it was sent again before reminders go out
        await stage.told("staff-entry-amended", sum(stage.plan.steps().values()))
        await stage.set_clock(bangkok(7, 25, 11))


def _first_words(entry: StoryEntry) -> dict[str, Any]:
    """What an applicant writes on the first day."""
    content = entry.content()
    return content | {"summary_en": "", "sections": {"origin": content["sections"]["origin"]}}


async def _submit(stage: Stage, entry: StoryEntry) -> None:
    api = stage.accounts[entry.email]
    await api.put(_path(stage, entry), entry.content())
    if entry.fate == "late":
        return
    if entry.fate == "young":
        await api.refusal("POST", _path(stage, entry, "/submission"), {}, status=422)
        stage.refused("six_months")
        return
    name = f"ผลการดำเนินงาน {entry.number:02d}.pdf"
    files = {"file": (name, report_pdf(entry.number), "application/pdf")}
    await api.send("POST", _path(stage, entry, "/attachments"), files=files)
    sent = await api.post(_path(stage, entry, "/submission"))
    stage.noted.setdefault("references", {})[entry.number] = sent["reference"]
    if entry.fate == "withdrawn":
        await api.post(_path(stage, entry, "/withdrawal"), {"reason": "อยู่ระหว่างปรับปรุงระบบครั้งใหญ่"})


async def _correct(stage: Stage, entry: StoryEntry) -> None:
    """Amend what was sent; where staff returned it, because they asked."""
    if entry.step == "returned":
        reason = {"code": "incomplete", "field": "sections.evidence", "note": "โปรดระบุวิธีเก็บข้อมูล"}
        await stage.staff.post(_path(stage, entry, "/return"), {"reasons": [reason]})
    content = entry.content()
    content["sections"]["evidence"] += " ข้อมูลรายเดือนและวิธีเก็บแนบไว้ในรายงานผลการดำเนินงาน"
    await stage.accounts[entry.email].post(_path(stage, entry, "/amendment"), content)


async def close(stage: Stage) -> None:
    """From the closing instant on nobody submits."""
    late = [entry for entry in stage.plan.entries if entry.fate == "late"]
    with stage.progress.act("Entries: the door closes", len(late)) as progress:
        await stage.set_clock(bangkok(7, 30, 23, 59))
        for entry in late:
            api = stage.accounts[entry.email]
            await api.refusal("POST", _path(stage, entry, "/submission"), {}, status=410)
            stage.refused("late")
            progress.advance()


async def screen(stage: Stage) -> None:
    """Staff accept or refuse, with reasons."""
    waiting = [entry for entry in stage.plan.entries if entry.fate in ("accepted", "refused")]
    with stage.progress.act("Entries: screening", len(waiting)) as progress:
        await stage.set_clock(bangkok(8, 1, 9))

        async def one(entry: StoryEntry) -> None:
            body: dict[str, Any] = {"accepted": entry.fate == "accepted"}
            if entry.fate == "refused":
                body["reasons"] = [{"code": entry.refusal, "note": _NOTES[entry.refusal]}]
            await stage.staff.post(_path(stage, entry, "/screening"), body)
            progress.advance()

        await all_of(one(entry) for entry in waiting)
        await stage.told("entry-accepted", stage.plan.fates()["accepted"])
        await stage.told("entry-refused", stage.plan.fates()["refused"])
