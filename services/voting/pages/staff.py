"""The staff's board of the vote: how it runs, and the acts that begin, end and certify it."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import curves, handlers, repository
from services.voting.certification import Certifier
from services.voting.domain.disclosure import VoteState
from services.voting.domain.heads import HeadSigner
from services.voting.door import Door
from services.voting.durability import LogDurability, log_durability
from services.voting.fraud import repository as ledger
from services.voting.lag import LogEnds
from services.voting.refusals import refused_by_all, vote_opened
from services.voting.standing import Standing, standing
from shared import known
from shared.contracts.intake import Role
from shared.errors import Conflict, DomainError, Invalid, NotFound
from shared.messaging.broker import BrokerUnavailable
from shared.service import Resources
from shared.web.pages import Pages, language_of, redirect
from shared.web.sessions import Account, require
from shared.web.sse import live

Board = Annotated[Account, Depends(require(Role.STAFF, Role.APPROVER))]
Staff = Annotated[Account, Depends(require(Role.STAFF))]
OPEN_WORDS = ("เปิดโหวต", "OPEN")
CLOSE_WORDS = ("ปิดโหวต", "CLOSE")
_MOST_DIGITS = 9


def router(resources: Resources, door: Door, ends: LogEnds) -> APIRouter:
    """``/staff/vote`` and its acts."""
    routes = APIRouter(include_in_schema=False)
    pages = Pages("services.voting")
    database, clock = resources.database, resources.clock
    certifier = Certifier(resources.settings, database, clock)
    signer = HeadSigner.of(resources.settings.voting_secret.get_secret_value())

    async def contest_of(request: Request) -> str:
        async with database.transaction() as session:
            contest_id = request.query_params.get("contest") or await known.current_contest(session)
        if contest_id is None:
            raise NotFound("ยังไม่มีการประกวด", "There is no contest yet.")
        return contest_id

    async def seen(contest_id: str) -> Standing:
        async with database.transaction() as session:
            return await standing(session, clock, contest_id, sees_totals=True)

    def back(contest_id: str, error: DomainError | None = None, *, th: str = "", en: str = "") -> Response:
        if error is not None:
            return redirect(f"/staff/vote?contest={contest_id}", th=error.th, en=error.en, kind="late")
        return redirect(f"/staff/vote?contest={contest_id}", th=th, en=en)

    @routes.get("/staff/vote")
    async def show_board(request: Request, account: Board) -> Response:
        contest_id = await contest_of(request)
        found = await seen(contest_id)
        async with database.transaction() as session:
            per_minute = await curves.votes_per_minute(session, contest_id)
            over_time = await _over_time(session, found)
            issued = await repository.ballots_issued(session, contest_id)
            seals = await repository.seals(session, contest_id)
            cases = await ledger.open_cases(session, contest_id)
            last = await ledger.last_pass(session, contest_id)
            folded = await repository.folded_up_to(session)
            shed = await refused_by_all(session, await vote_opened(session, contest_id))
        words = 1 if language_of(request) == "en" else 0
        context = {
            "vote": found,
            "rulebook": found.rulebook,
            "now": found.now,
            "per_minute": per_minute,
            "over_time": over_time,
            "issued": issued,
            "seals": seals,
            "cases": cases,
            "looked_at": last.passed_at if last else None,
            "lag": await ends.behind(folded),
            "shed": shed,
            "durability": await _durability(resources),
            "open_word": OPEN_WORDS[words],
            "close_word": CLOSE_WORDS[words],
            "me": account.contact_id,
            "approver": account.may(Role.APPROVER),
            "staff": account.may(Role.STAFF),
        }
        return await pages.render(request, "staff/vote.html", context)

    @routes.get("/staff/vote/events")
    async def follow(request: Request, account: Board) -> Response:
        """The board's numbers, about once a second."""
        contest_id = await contest_of(request)
        before = (await seen(contest_id)).state
        async with database.transaction() as session:
            opened = await vote_opened(session, contest_id)
        last: list[int] = []
        quiet_since = loop_time()

        async def read() -> Mapping[str, Any]:
            found = await seen(contest_id)
            totals = found.totals
            if totals is None:
                return {}
            async with database.transaction() as session:
                folded = await repository.folded_up_to(session)
                cases = await ledger.open_cases(session, contest_id)
                shed = await refused_by_all(session, opened)
            lag = await ends.behind(folded)
            nonlocal quiet_since
            if not lag or (last and totals.received != last[-1]):
                quiet_since = loop_time()
            last.append(totals.received)
            del last[:-6]
            rate = round((last[-1] - last[0]) / max(1, len(last) - 1))
            numbers = {name: getattr(totals, name) for name in ("received", *totals.__dataclass_fields__)}
            entries = {f"entry-{entry.entry_id}": entry.counted for entry in found.entries}
            health = {
                "lag": "–" if lag is None else lag,
                "stale": f"{loop_time() - quiet_since:.1f}",
                "shed": shed.total,
                "shed_rate": shed.per_second,
                "cases": cases,
            }
            return {"rate": rate, **numbers, **entries, **health, "reload": found.state is not before}

        return live(request, read, every=1.0)

    @routes.post("/staff/vote/opening")
    async def open_vote(request: Request, account: Staff) -> Response:
        form = await pages.form(request)
        contest_id = await contest_of(request)
        try:
            _typed(str(form.get("confirm", "")), OPEN_WORDS)
            log = await _durability(resources)
            if log is None:
                raise Conflict("ติดต่อตัวกลางข้อความไม่ได้", "The broker does not answer; start it and try again.")
            accepted_by = str(form.get("accepted_by", ""))[:200]
            command = handlers.OpenVoting(contest_id, log, signer.public_key(contest_id), accepted_by)
            async with database.transaction() as session:
                await handlers.open_voting(session, clock, command)
            await door.window.refresh()
        except DomainError as error:
            return back(contest_id, error)
        return back(contest_id, th="เปิดโหวตแล้ว", en="The vote is open")

    @routes.post("/staff/vote/closing")
    async def close_vote(request: Request, account: Staff) -> Response:
        form = await pages.form(request)
        contest_id = await contest_of(request)
        try:
            _typed(str(form.get("confirm", "")), CLOSE_WORDS)
            async with database.transaction() as session:
                await handlers.request_closing(session, clock, contest_id)
        except DomainError as error:
            return back(contest_id, error)
        return back(contest_id, th="กำลังปิดผนึกบันทึกการโหวต", en="The vote log is being sealed")

    @routes.post("/staff/vote/certification")
    async def certify(request: Request, account: Board) -> Response:
        typed = str((await pages.form(request)).get("unreadable", ""))
        contest_id = await contest_of(request)
        try:
            found = await certifier.certify(contest_id, account, unreadable=_number(typed))
        except DomainError as error:
            return back(contest_id, error)
        if found.certified_by:
            return back(contest_id, th="รับรองผลและประกาศแล้ว", en="The result is certified and published")
        return back(
            contest_id,
            th="นับซ้ำตรงกัน ลงชื่อคนที่หนึ่งแล้ว รอผู้อนุมัติอีกคน",
            en="The recounts agree. First signature taken; an approver has to sign as well.",
        )

    return routes


def loop_time() -> float:
    """The event loop's clock."""
    return asyncio.get_running_loop().time()


async def _over_time(session: AsyncSession, found: Standing) -> list[int]:
    """The curve of a vote that is closed; empty before."""
    if (
        found.state not in (VoteState.CLOSED, VoteState.CERTIFIED)
        or not found.opens_at
        or not found.closes_at
    ):
        return []
    return await curves.votes_over_time(session, found.contest_id, found.opens_at, found.closes_at)


async def _durability(resources: Resources) -> LogDurability | None:
    try:
        return await log_durability(resources.settings)
    except BrokerUnavailable:
        return None


def _number(typed: str) -> int:
    """The number of a field that may stay empty, also as our own pages print it: ``1,234``."""
    digits = "".join(typed.replace(",", "").split())
    if digits and not (digits.isdecimal() and len(digits) <= _MOST_DIGITS):
        raise Invalid(
            "จำนวนรายการที่อ่านไม่ได้ต้องเป็นตัวเลข เช่น 1,234 หรือเว้นว่างไว้ ยังไม่ได้ลงชื่อ",
            "The number of unreadable records must be digits, for example 1,234, or left empty. "
            "Nothing is signed.",
            field="unreadable",
        )
    return int(digits or 0)


def _typed(word: str, wanted: tuple[str, str]) -> None:
    if word.strip() not in wanted:
        raise Invalid(
            f"พิมพ์คำว่า “{wanted[0]}” ให้ตรงเพื่อยืนยัน ยังไม่ได้ทำอะไร",
            f"Type “{wanted[1]}” exactly to confirm. Nothing was done.",
            field="confirm",
        )
