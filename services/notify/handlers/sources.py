"""What letters fill themselves from: rows of finalists, slots, awards, applicants and judges.

Every row has ``about`` (whose letter it is), and for its addressee ``code``, ``place``, ``post`` and
``contact_id``: the contact has the address, and takes it along when erased.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.tables import Contact, Entry, Judge, Recusal, Slot
from shared.thai.dates import letter_date, letter_time

Json = dict[str, Any]


async def rows_of(session: AsyncSession, contest_id: str, source: str) -> list[Json]:
    """The rows of ``source`` in the order in which a letter lists them; none where nothing is known yet."""
    return await _SOURCES[source](session, contest_id)


async def _decided(session: AsyncSession, contest_id: str, kind: str, field: str) -> list[Any]:
    decision = await repository.progress.decision(session, contest_id, kind)
    return list(decision.facts[field]) if decision else []


async def _entry_row(session: AsyncSession, contest_id: str, entry_id: str, applicant: str) -> Json:
    entry = await repository.progress.entry(session, contest_id, entry_id)
    reference = entry.reference if entry and entry.reference else entry_id[:8]
    return {
        "about": entry_id,
        "reference": reference,
        "applicant": applicant,
        "code": reference,
        "place": applicant,
        "post": contest_files(contest_id).post_of(applicant),
        "contact_id": entry.contact_id if entry else "",
    }


async def _finalists(session: AsyncSession, contest_id: str) -> list[Json]:
    rows = []
    for finalist in await _decided(session, contest_id, "shortlist", "finalists"):
        row = await _entry_row(session, contest_id, finalist["entry_id"], finalist["applicant_name"])
        rows.append(row | {"title": finalist["title"]["th"]})
    return sorted(rows, key=lambda row: row["reference"])


async def _slots(session: AsyncSession, contest_id: str) -> list[Json]:
    """Finalists that have a slot, in the order in which they present."""
    finalists = {row["about"]: row for row in await _finalists(session, contest_id)}
    query = select(Slot).where(Slot.contest_id == contest_id).order_by(col(Slot.starts_at))
    return [
        finalists[slot.entry_id]
        | {
            "day": letter_date(slot.starts_at, weekday=True),
            "hours": letter_time(slot.starts_at, slot.ends_at),
            "starts": letter_time(slot.starts_at),
            "url": slot.meeting_url,
        }
        for slot in (await session.exec(query)).all()
        if slot.entry_id in finalists
    ]


async def _awards(session: AsyncSession, contest_id: str) -> list[Json]:
    """Awards that have a winner: as published, before that as certified."""
    awards = await _decided(session, contest_id, "results", "awards") or await _decided(
        session, contest_id, "winners", "awards"
    )
    rows = []
    for award in awards:
        if award["entry_id"] and award["applicant_name"]:
            row = await _entry_row(session, contest_id, award["entry_id"], award["applicant_name"])
            title = award["title"]["th"] if award["title"] else ""
            rows.append(row | {"award": award["name"]["th"], "title": title, "award_id": award["award_id"]})
    return rows


async def _winners(session: AsyncSession, contest_id: str) -> list[Json]:
    """One row for each entry that won, whatever number of awards it won."""
    found: dict[str, Json] = {}
    for row in await _awards(session, contest_id):
        if row["about"] in found:
            found[row["about"]]["award"] += f" และ{row['award']}"
        else:
            found[row["about"]] = row
    return list(found.values())


async def _unsuccessful(session: AsyncSession, contest_id: str) -> list[Json]:
    """Applicants with an accepted entry that won nothing, once the results are published."""
    awards = await _decided(session, contest_id, "results", "awards")
    if not awards:
        return []
    won = {award["entry_id"] for award in awards}
    query = select(Entry).where(Entry.contest_id == contest_id, Entry.state == "accepted")
    entries: Sequence[Entry] = (await session.exec(query.order_by(col(Entry.reference)))).all()
    rows = []
    for entry in entries:
        if entry.entry_id not in won:
            row = await _entry_row(session, contest_id, entry.entry_id, entry.applicant_name)
            rows.append(row | {"title": (entry.title or {}).get("th", "")})
    return rows


async def _judges(session: AsyncSession, contest_id: str) -> list[Json]:
    """Judges by name; a judge who was erased is left out."""
    query = (
        select(Judge, Contact)
        .join(
            Contact,
            (col(Contact.contest_id) == col(Judge.contest_id))
            & (col(Contact.contact_id) == col(Judge.contact_id)),
        )
        .where(Judge.contest_id == contest_id)
        .order_by(col(Contact.name), col(Judge.judge_id))
    )
    recusals = select(Recusal.judge_id, Recusal.entry_id).where(Recusal.contest_id == contest_id)
    recused: dict[str, list[str]] = {}
    for judge_id, entry_id in (await session.exec(recusals)).all():
        recused.setdefault(judge_id, []).append(entry_id)
    return [
        {
            "about": judge.judge_id,
            "code": f"J{position:02}",
            "name": contact.name,
            "place": contact.organisation,
            "post": contact.position or contest_files(contest_id).judge_post,
            "detail": " ".join(part for part in (contact.position, contact.organisation) if part),
            "contact_id": contact.contact_id,
            "accepted": judge.accepted,
            "recused": recused.get(judge.judge_id, []),
        }
        for position, (judge, contact) in enumerate((await session.exec(query)).all(), start=1)
    ]


_SOURCES: dict[str, Callable[[AsyncSession, str], Coroutine[Any, Any, list[Json]]]] = {
    "finalists": _finalists,
    "slots": _slots,
    "awards": _awards,
    "winners": _winners,
    "unsuccessful": _unsuccessful,
    "judges": _judges,
}
