"""Conflicts first: a judge names them before anything is read, and whenever one is noticed."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.datastructures import FormData

from services.scoring.handlers.judges import (
    DeclareConflicts,
    DeclaredConflict,
    accept_invitation,
    recuse_judge,
)
from services.scoring.handlers.queue import invited_judge
from services.scoring.pages.common import PAGES, Contest, answer, contest_of, keep_contest, render, text_of
from services.scoring.repository import entries, judges
from services.scoring.tables import Entry, Judge, Person
from shared.contracts.ids import EntryId, JudgeId
from shared.contracts.intake import Role
from shared.contracts.scoring import ConflictKind
from shared.errors import DomainError, Invalid
from shared.service import Resources
from shared.web.pages import redirect
from shared.web.sessions import Account, require

JudgeAccount = Annotated[Account, Depends(require(Role.JUDGE))]


def router(resources: Resources) -> APIRouter:
    """Pages about a judge's conflicts."""
    pages = APIRouter(prefix="/judge")

    @pages.get("/conflicts")
    async def conflicts(request: Request, account: JudgeAccount) -> Response:
        """Every entry in the judge's field, to name conflicts before anything is read."""
        return await _show_conflicts(request, account)

    async def _show_conflicts(
        request: Request, account: Account, problem: DomainError | None = None, given: FormData | None = None
    ) -> Response:
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            judge = await invited_judge(session, contest.id, account.contact_id)
            mine = await field_of(session, contest, judge)
            recused = {
                row.entry_id: row for row in await judges.recusals(session, contest.id, judge.judge_id)
            }
            person = (await entries.people(session, [account.contact_id])).get(account.contact_id)
        rows = [
            {
                "entry": entry,
                "hint": _suspected(entry, person),
                "chosen": text_of(given, f"conflict-{entry.entry_id}") if given else "",
                "reason": text_of(given, f"reason-{entry.entry_id}") if given else "",
                "everywhere": bool(given and text_of(given, f"everywhere-{entry.entry_id}")),
                "new": judge.conflicts_checked_at is not None
                and entry.screened_at is not None
                and entry.screened_at > judge.conflicts_checked_at,
            }
            for entry in mine
            if entry.entry_id not in recused
        ]
        done = [(entry, recused[entry.entry_id]) for entry in mine if entry.entry_id in recused]
        context = {"judge": judge, "rows": rows, "recused": done, "kinds": list(ConflictKind)}
        return await render(request, "judge/conflicts.html", contest, context, problem=problem)

    @pages.post("/conflicts")
    async def declare(request: Request, account: JudgeAccount) -> Response:
        """Name the conflicts; the first time this accepts the invitation."""
        form = await PAGES.form(request)

        async def work() -> None:
            async with resources.database.transaction() as session:
                contest = await contest_of(request, resources, session)
                judge = await invited_judge(session, contest.id, account.contact_id)
                command = DeclareConflicts(
                    contest.id,
                    JudgeId(judge.judge_id),
                    account.contact_id,
                    declared_in(form, [e.entry_id for e in await entries.entries(session, contest.id)]),
                    complete=True,
                )
                await accept_invitation(session, resources.clock, command)

        async def again(error: DomainError) -> Response:
            return await _show_conflicts(request, account, error, form)

        return await answer(
            work(),
            again,
            keep_contest(request, "/judge"),
            ("บันทึกการแจ้งส่วนได้เสียแล้ว ขอบคุณ", "Your conflicts are recorded. Thank you."),
        )

    @pages.post("/entries/{entry_id}/conflict")
    async def recuse(request: Request, entry_id: str, account: JudgeAccount) -> Response:
        """A conflict noticed while reading; the entry goes to another judge."""
        form = await PAGES.form(request)
        async with resources.database.transaction() as session:
            contest = await contest_of(request, resources, session)
            judge = await invited_judge(session, contest.id, account.contact_id)
            declared = declared_in(form, [entry_id])
            if not declared:
                raise Invalid("เลือกประเภทส่วนได้เสีย", "Choose the kind of conflict.", field="conflict")
            command = DeclareConflicts(contest.id, JudgeId(judge.judge_id), account.contact_id, declared)
            await recuse_judge(session, resources.clock, command)
        return redirect(
            keep_contest(request, "/judge"),
            th="บันทึกส่วนได้เสียแล้ว ผลงานนี้จะไปยังกรรมการท่านอื่น",
            en="Recorded; the entry goes to another judge.",
        )

    return pages


def declared_in(form: FormData | Mapping[str, str], entry_ids: list[str]) -> tuple[DeclaredConflict, ...]:
    """The conflicts that the form names.

    Raises:
        Invalid: an unknown kind, or one without a reason.
    """
    found, errors = [], []
    for entry_id in entry_ids:
        kind = text_of(form, f"conflict-{entry_id}")
        if not kind:
            continue
        reason = text_of(form, f"reason-{entry_id}")[:2_000]
        if kind not in {each.value for each in ConflictKind}:
            raise Invalid("ไม่รู้จักประเภทส่วนได้เสียนี้", "There is no such kind of conflict.")
        if not reason:
            errors.append(
                Invalid(
                    "ระบุเหตุผลสั้น ๆ ของส่วนได้เสีย",
                    "Say in a few words what the conflict is.",
                    field=f"reason-{entry_id}",
                )
            )
        everywhere = bool(text_of(form, f"everywhere-{entry_id}"))
        found.append(DeclaredConflict(EntryId(entry_id), ConflictKind(kind), reason, everywhere))
    if errors:
        raise Invalid("ระบุเหตุผลให้ครบ", "Give every reason.", errors=tuple(errors))
    return tuple(found)


async def field_of(session: AsyncSession, contest: Contest, judge: Judge) -> list[Entry]:
    """The accepted entries that could be the judge's to score."""
    return [
        entry
        for entry in await entries.accepted(session, contest.id)
        if not judge.category_ids or entry.category_id in judge.category_ids
    ]


async def unchecked_entries(session: AsyncSession, contest: Contest, judge: Judge) -> int:
    """How many entries were accepted after the judge last named conflicts."""
    since = judge.conflicts_checked_at
    return sum(
        since is None or (entry.screened_at is not None and entry.screened_at > since)
        for entry in await field_of(session, contest, judge)
    )


def _suspected(entry: Entry, person: Person | None) -> str:
    """The kind of conflict that the judge's own agency or province suggests; empty for none."""
    if person is None:
        return ""
    if person.organisation and person.organisation == entry.applicant_name:
        return ConflictKind.AGENCY.value
    if person.province_code and person.province_code == entry.province_code:
        return ConflictKind.PROVINCE.value
    return ""
