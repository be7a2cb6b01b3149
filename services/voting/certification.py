"""The result: three counts that must agree, and two people who say so.

The counters, the rows and the log are three accounts of one vote, the last by the auditor's own code.
Nothing is certified while they differ, or while the tally has not passed every seal.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import repository
from services.voting.audit import Recount, recount_from_log
from services.voting.domain.disclosure import VoteState
from services.voting.domain.outcomes import Totals, first_place
from services.voting.fraud import repository as ledger
from services.voting.tables import Certification, VoteWindow
from shared import known
from shared.clock import Clock
from shared.contracts.ids import ContactId, ContestId, EntryId
from shared.contracts.intake import Role
from shared.contracts.voting import EntryVotes, PopularVoteCertified
from shared.db import Database
from shared.errors import Conflict, Forbidden
from shared.messaging import publish
from shared.settings import Settings
from shared.web.sessions import Account

_ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


@dataclass(frozen=True, slots=True)
class Counted:
    """The vote as the database has it at one moment."""

    by_entry: dict[str, int]
    totals: Totals
    up_to: dict[int, int]
    """The tally's next offset in each partition: the log is recounted to there."""


def accounts_differ(counted: Counted, recount: Recount, seals: dict[int, int]) -> list[str]:
    """Every difference between the database and the log, in sentences; empty when they agree."""
    found = list(recount.findings)
    if recount.seals != seals:
        found.append("the log has other seals than the database")
    for name in (*Totals.__dataclass_fields__, "received"):
        ours, theirs = getattr(counted.totals, name), getattr(recount, name)
        if ours != theirs:
            found.append(f"{name}: the database has {ours}, the log has {theirs}")
    for entry_id in sorted({*counted.by_entry, *recount.by_entry}):
        ours, theirs = counted.by_entry.get(entry_id, 0), recount.by_entry.get(entry_id, 0)
        if ours != theirs:
            found.append(f"entry {entry_id}: the database has {ours}, the log has {theirs}")
    return found


class Certifier:
    """Certifies the popular vote in two acts of two people."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock

    async def certify(self, contest_id: str, account: Account) -> Certification:
        """Recount everything, then note the first signature or, with the second, publish the result.

        Repeating the first person's act changes nothing, nor does any act after the second.

        Raises:
            Conflict: the vote is not closed, the tally is still behind the seals, or the counts differ.
            Forbidden: the second person is the first one, or is no approver.
        """
        async with self._database.transaction() as session:
            done = await repository.certification(session, contest_id)
        if done is not None and done.certified_by:
            return done
        if done is not None and done.proposed_by != account.contact_id and not account.may(Role.APPROVER):
            raise Forbidden(
                "ลายมือชื่อที่สองต้องเป็นผู้อนุมัติ (approver)",
                "The second signature must be an approver's.",
            )
        counted, seals = await self._count_rows(contest_id)
        recount = await recount_from_log(self._settings, contest_id, counted.up_to)
        if differences := accounts_differ(counted, recount, seals):
            raise Conflict(
                "ผลนับซ้ำไม่ตรงกัน จึงรับรองไม่ได้: " + "; ".join(differences),
                "The recounts differ, so nothing is certified: " + "; ".join(differences),
            )
        return await self._sign(contest_id, account, counted, recount)

    async def _count_rows(self, contest_id: str) -> tuple[Counted, dict[int, int]]:
        async with self._database.transaction() as session:
            await session.execute(_ONE_MOMENT)
            window = await repository.window(session, contest_id)
            if window is None or window.state not in (VoteState.CLOSED, VoteState.CERTIFIED):
                raise Conflict(
                    "ยังไม่ปิดโหวต จึงรับรองผลไม่ได้",
                    "The vote is not closed yet, so there is no result to certify.",
                )
            seals = await repository.seals(session, contest_id)
            up_to = await repository.folded_up_to(session)
            behind = [p for p, offset in seals.items() if up_to.get(p, 0) <= offset]
            if behind:
                raise Conflict(
                    f"ยังนับไม่ถึงจุดปิดใน {len(behind)} พาร์ทิชัน โปรดรอสักครู่แล้วลองใหม่",
                    f"The tally has not reached the seal in {len(behind)} partitions. Wait a moment.",
                )
            await _check_ledger(session, contest_id, seals)
            rows = await repository.recount(session, contest_id)
            if rows.totals != await repository.totals(session, contest_id):
                raise Conflict(
                    "ตัวนับกับแถวข้อมูลไม่ตรงกัน จึงรับรองไม่ได้",
                    "The counters differ from the rows they count, so nothing is certified.",
                )
            return Counted(rows.by_entry, rows.totals, up_to), seals

    async def _sign(
        self, contest_id: str, account: Account, counted: Counted, recount: Recount
    ) -> Certification:
        async with self._database.transaction() as session:
            now = await self._clock.now(session, contest_id)
            window = await repository.window(session, contest_id, lock=True)
            found = await repository.certification(session, contest_id, lock=True)
            if window is None or (found is not None and found.certified_by):
                return _certain(found)
            if await repository.totals(session, contest_id) != counted.totals:
                raise Conflict(
                    "ระหว่างนับซ้ำมีการพัก ปล่อย หรือตัดเสียง จึงยังไม่ลงชื่อ โปรดลองใหม่",
                    "Votes were held, released or struck during the recount; nothing is signed. Try again.",
                )
            if found is None:
                found = Certification(
                    contest_id=contest_id,
                    report=_report(recount),
                    report_sha256=recount.sha256(),
                    proposed_by=account.contact_id,
                    proposed_at=now,
                )
                session.add(found)
                return found
            found.report, found.report_sha256 = _report(recount), recount.sha256()
            if found.proposed_by == account.contact_id:
                return found
            if not account.may(Role.APPROVER):
                raise Forbidden(
                    "ลายมือชื่อที่สองต้องเป็นผู้อนุมัติ (approver)",
                    "The second signature must be an approver's.",
                )
            found.certified_by, found.certified_at = account.contact_id, now
            window.state, window.revision = VoteState.CERTIFIED, window.revision + 1
            gone = await repository.withdrawn(session, contest_id)
            await publish(session, _result(window, found, counted, gone))
            return found


async def _check_ledger(session: AsyncSession, contest_id: str, seals: dict[int, int]) -> None:
    """Refuse while votes are held, or while the detectors have not looked at all of them."""
    held = (await repository.totals(session, contest_id)).held
    if held:
        raise Conflict(
            f"ยังมีเสียงที่พักไว้ {held:,} เสียง ให้ผู้อนุมัติสองคนปล่อยหรือตัดออกก่อน แล้วจึงรับรองผล",
            f"{held:,} votes are still held. Two approvers must release or strike them first.",
        )
    if (await known.rulebook(session, contest_id)).fraud is None:
        return
    last = await ledger.last_pass(session, contest_id)
    unread = [p for p, offset in seals.items() if last is None or last.read_up_to.get(str(p), 0) <= offset]
    if unread:
        raise Conflict(
            f"เครื่องตรวจความผิดปกติยังดูไม่ถึงจุดปิดใน {len(unread)} พาร์ทิชัน โปรดรอสักครู่แล้วลองใหม่",
            f"The fraud detectors have not looked up to the seal in {len(unread)} partitions. Wait a moment.",
        )


def _certain(found: Certification | None) -> Certification:
    if found is None:
        raise Conflict("การโหวตนี้ไม่มีแล้ว", "There is no such vote any more.")
    return found


def _report(recount: Recount) -> dict[str, Any]:
    return {
        "by_entry": recount.by_entry,
        "received": recount.received,
        "counted": recount.counted,
        "duplicate": recount.duplicate,
        "late": recount.late,
        "held": recount.held,
        "struck": recount.struck,
        "read_up_to": {str(p): offset for p, offset in recount.read_up_to.items()},
    }


def _result(
    window: VoteWindow, found: Certification, counted: Counted, gone: frozenset[str]
) -> PopularVoteCertified:
    by_entry = {entry_id: counted.by_entry.get(entry_id, 0) for entry_id in window.ballot}
    winner = first_place(by_entry, gone)
    totals = counted.totals
    return PopularVoteCertified(
        contest_id=ContestId(window.contest_id),
        revision=window.revision,
        totals=tuple(
            EntryVotes(entry_id=EntryId(entry_id), counted=votes)
            for entry_id, votes in sorted(by_entry.items(), key=lambda item: (-item[1], item[0]))
        ),
        received=totals.received,
        counted=totals.counted,
        duplicate=totals.duplicate,
        late=totals.late,
        held=totals.held,
        struck=totals.struck,
        winner_entry_id=EntryId(winner) if winner else None,
        certified_by=(ContactId(found.proposed_by), ContactId(str(found.certified_by))),
        certified_at=found.certified_at,
    )
