"""The result: accounts that must agree, and two people who say so.

The counters, the rows, the log and the signed heads are accounts of one vote; the log is counted by the
auditor's own code. Nothing is certified while any two differ, while the tally or the trees have not
passed every seal, or before a signed head on the log covers exactly what was counted. Both people sign
for the same result: where what decides it changed in between, the first signature is void. Late votes and
heads may still come.
"""

import logging
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import heads, repository
from services.voting.accounts import Accounts, take_accounts
from services.voting.agreement import differences, recount_for
from services.voting.audit import Recount
from services.voting.domain import certificate
from services.voting.domain.disclosure import VoteState
from services.voting.domain.heads import HeadSigner
from services.voting.domain.outcomes import first_place
from services.voting.fraud import repository as ledger
from services.voting.tables import Certification, VoteWindow
from shared import known
from shared.clock import Clock
from shared.contracts.event import LocalizedText
from shared.contracts.ids import ContactId, ContestId, EntryId
from shared.contracts.intake import Role
from shared.contracts.voting import EntryVotes, PopularVoteCertified
from shared.db import Database
from shared.errors import Conflict, Forbidden
from shared.messaging import publish
from shared.settings import Settings
from shared.web.sessions import Account

log = logging.getLogger(__name__)


class RecountDiffers(Conflict):
    """The accounts of one vote differ: no waiting mends it."""

    code = "recount-differs"


class RecordsUnread(Conflict):
    """The vote topic has records that nobody can read: a person has to look at them."""

    code = "records-unread"


class VotesHeld(Conflict):
    """Two people have to decide on held votes first."""

    code = "votes-held"


class SignatureVoid(Conflict):
    """The result is no longer the one that the first person signed."""

    code = "signature-void"

    def __init__(self, changed: tuple[LocalizedText, ...]) -> None:
        super().__init__(
            "ผลเปลี่ยนไปหลังลายมือชื่อแรก ลายมือชื่อนั้นจึงเป็นโมฆะ ตรวจผลแล้วลงชื่อใหม่ตั้งแต่คนที่หนึ่ง: "
            + "; ".join(change.th for change in changed),
            "The result has changed since the first signature, which is void now. Look at it and sign again, "
            "beginning with the first person: " + "; ".join(change.en for change in changed),
        )


class Certifier:
    """Certifies the popular vote in two acts of two people."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._signer = HeadSigner.of(settings.voting_secret.get_secret_value())

    async def certify(self, contest_id: str, account: Account, *, unreadable: int = 0) -> Certification:
        """Recount everything, then note the first signature or, with the second, publish the result.

        Repeating the first person's act changes nothing, nor does any act after the second.

        Args:
            unreadable: how many records of the vote topic that nobody can read the signer has looked at
                and accepts as no votes; it must be as many as the recount finds.

        Raises:
            Conflict: the vote is not closed, the tally or the trees are still behind the seals, or two
                accounts differ; each difference is named, down to the first row, leaf, counter and head.
            SignatureVoid: what the first person signed is not the result any more; nobody has signed now.
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
        accounts = await take_accounts(self._database, contest_id)
        self._refuse_unready(accounts)
        async with self._database.transaction() as session:
            await _check_ledger(session, contest_id, accounts.seals)
        head_key = self._signer.public_key(contest_id)
        recount = await recount_for(self._settings, accounts, head_key)
        found = await differences(self._settings, self._database, accounts, recount, head_key)
        if unreadable and not recount.unreadable:
            raise Conflict(
                "ไม่มีรายการที่อ่านไม่ได้ในบันทึก ให้เว้นจำนวนว่างไว้",
                "The log has no record that nobody can read; leave the number out.",
            )
        if unreadable == recount.unreadable:
            found = [finding for finding in found if finding != recount.unread]
        if found == [recount.unread]:
            raise _unread(recount)
        if found:
            raise RecountDiffers(
                "ผลนับซ้ำไม่ตรงกัน จึงรับรองไม่ได้: " + "; ".join(found),
                "The recounts differ, so nothing is certified: " + "; ".join(found),
            )
        if not accounts.head_at_close or recount.last_head != accounts.last_head:
            await self._sign_last_head(contest_id)
            raise Conflict(
                "บันทึกที่ลงลายมือชื่อฉบับสุดท้ายยังไม่ถึงบันทึกเหตุการณ์ โปรดรอสักครู่แล้วลองใหม่",
                "The last signed head has not reached the log yet. Wait a moment.",
            )
        signed = await self._sign(contest_id, account, accounts, recount)
        if isinstance(signed, SignatureVoid):
            log.warning("the first signature is void", extra={"contest_id": contest_id, "reason": signed.en})
            raise signed
        return signed

    async def _sign_last_head(self, contest_id: str) -> None:
        """The leader signs within seconds; whoever certifies need not wait for that, once all agree."""
        async with self._database.transaction() as session:
            await heads.sign_head(session, self._clock, self._signer, contest_id)

    @staticmethod
    def _refuse_unready(accounts: Accounts) -> None:
        if accounts.window is None or accounts.window.state not in (VoteState.CLOSED, VoteState.CERTIFIED):
            raise Conflict(
                "ยังไม่ปิดโหวต จึงรับรองผลไม่ได้",
                "The vote is not closed yet, so there is no result to certify.",
            )
        for th, en, reached in (
            ("ยังนับ", "The tally", accounts.counted_up_to),
            ("บันทึกที่ลงลายมือชื่อยัง", "The signed tree", accounts.tree_up_to),
        ):
            behind = [p for p, offset in accounts.seals.items() if reached.get(p, 0) <= offset]
            if behind:
                raise Conflict(
                    f"{th}ไม่ถึงจุดปิดใน {len(behind)} พาร์ทิชัน โปรดรอสักครู่แล้วลองใหม่",
                    f"{en} has not reached the seal in {len(behind)} partitions. Wait a moment.",
                )

    async def _sign(
        self, contest_id: str, account: Account, accounts: Accounts, recount: Recount
    ) -> Certification | SignatureVoid:
        """The signature; or what made the first one void, returned so that its removal is committed."""
        async with self._database.transaction() as session:
            now = await self._clock.now(session, contest_id)
            window = await repository.window(session, contest_id, lock=True)
            found = await repository.certification(session, contest_id, lock=True)
            if window is None or (found is not None and found.certified_by):
                return _certain(found)
            if await repository.totals(session, contest_id) != accounts.totals:
                raise Conflict(
                    "ระหว่างนับซ้ำมีการพัก ปล่อย หรือตัดเสียง จึงยังไม่ลงชื่อ โปรดลองใหม่",
                    "Votes were held, released or struck during the recount; nothing is signed. Try again.",
                )
            report = _report(recount, window, await repository.withdrawn(session, contest_id))
            if found is None:
                found = Certification(
                    contest_id=contest_id,
                    report=report,
                    report_sha256=recount.sha256(),
                    tree_head_revision=recount.last_head,
                    proposed_by=account.contact_id,
                    proposed_at=now,
                )
                session.add(found)
                return found
            titles = {
                finalist.entry_id: LocalizedText(th=finalist.title_th, en=finalist.title_en)
                for finalist in await repository.finalists(session, contest_id)
            }
            if changed := certificate.changes(found.report, report, titles):
                await session.delete(found)
                return SignatureVoid(changed)
            found.report, found.report_sha256 = report, recount.sha256()
            found.tree_head_revision = recount.last_head
            if found.proposed_by == account.contact_id:
                return found
            if not account.may(Role.APPROVER):
                raise Forbidden(
                    "ลายมือชื่อที่สองต้องเป็นผู้อนุมัติ (approver)",
                    "The second signature must be an approver's.",
                )
            found.certified_by, found.certified_at = account.contact_id, now
            window.state, window.revision = VoteState.CERTIFIED, window.revision + 1
            await publish(session, _result(window, found, accounts))
            return found


def _unread(recount: Recount) -> Conflict:
    return RecordsUnread(
        f"มี {recount.unreadable:,} รายการในบันทึกการโหวตที่ไม่มีใครอ่านได้ ({recount.unread}) จึงยังไม่ลงชื่อ "
        "โปรดตรวจดูก่อน หากไม่ใช่เสียงโหวต ให้ระบุจำนวนนี้ตอนลงชื่อ จำนวนจะแสดงในผลที่รับรอง",
        f"Nobody can read {recount.unreadable:,} records of the vote log ({recount.unread}), so nothing is "
        "signed. Look at them; if they are no votes, give this number with your signature. The result "
        "names it.",
    )


async def _check_ledger(session: AsyncSession, contest_id: str, seals: dict[int, int]) -> None:
    """Refuse while votes are held, or while the detectors have not looked at all of them."""
    held = (await repository.totals(session, contest_id)).held
    if held:
        raise VotesHeld(
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


def _report(recount: Recount, window: VoteWindow, gone: frozenset[str]) -> dict[str, Any]:
    """What a signature is given for."""
    return {
        "winner_entry_id": first_place(recount.by_entry, gone),
        "withdrawn": sorted(gone & set(window.ballot)),
        "waived": window.waived,
        "by_entry": recount.by_entry,
        "received": recount.received,
        "counted": recount.counted,
        "duplicate": recount.duplicate,
        "late": recount.late,
        "held": recount.held,
        "struck": recount.struck,
        "tree_head_revision": recount.last_head,
        "heads": recount.heads,
        "voters": recount.voters,
        "unreadable": recount.unreadable,
        "rulebook_sha256": recount.rulebook_sha256,
        "read_up_to": {str(p): offset for p, offset in recount.read_up_to.items()},
    }


def _result(window: VoteWindow, found: Certification, accounts: Accounts) -> PopularVoteCertified:
    by_entry = {entry_id: accounts.by_entry.get(entry_id, 0) for entry_id in window.ballot}
    winner = found.winner
    totals = accounts.totals
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
        tree_head_revision=found.tree_head_revision,
        waived=tuple(window.waived),
        unreadable=found.report["unreadable"],
    )
