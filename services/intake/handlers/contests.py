"""Bringing in a contest file, sealing it, and amending it afterwards."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake import repository
from services.intake.domain.contest_check import check, only_a_rehearsal, open_findings
from services.intake.domain.contest_file import ContestFile, ContestFileUnreadable, FileFault, read
from services.intake.domain.contest_findings import Finding
from services.intake.domain.contest_rules import changed_paths, compile_rulebook
from services.intake.tables import Contest, ContestVersion
from shared import known
from shared.clock import Clock
from shared.contracts.event import LocalizedText
from shared.contracts.ids import ContactId, ContestId
from shared.contracts.intake import ContestAmended, ContestPublished
from shared.contracts.rulebook import Rulebook
from shared.errors import Conflict, Invalid
from shared.messaging import publish

CONTESTS = Path(__file__).parents[3] / "contests"
"""Where contests' folders lie; a contest's documents are read from there."""


class ContestFileInvalid(Invalid):
    """The text is no contest file; every line and field is listed."""


class ContestSealed(Conflict):
    """The contest is sealed: changes are amendments."""


class ContestNotSealed(Conflict):
    """The contest is still a draft."""


class ContestNotReady(Conflict):
    """Something in the file is not decided."""


class OnlyARehearsal(Conflict):
    """A decision is only assumed."""


def folder_of(contest_id: str) -> Path:
    """The folder of the contest's documents."""
    return CONTESTS / contest_id


def parse(toml: str) -> ContestFile:
    """Read a contest file that someone brought.

    Raises:
        ContestFileInvalid: it cannot be read; names every line and field.
    """
    try:
        return read(toml)[0]
    except ContestFileUnreadable as error:
        raise ContestFileInvalid(
            "อ่านไฟล์การประกวดไม่ได้ โปรดแก้ตามบรรทัดที่ระบุ",
            "The contest file cannot be read; mend the lines that are named.",
            field="toml",
            errors=tuple(_line_fault(fault) for fault in error.faults),
        ) from error


@lru_cache(maxsize=8)
def checked(toml: str) -> tuple[ContestFile, tuple[Finding, ...]]:
    """Read and check a contest file; the edge calls this before it opens a transaction, because the
    first look at the holidays takes longer than a lock should be held.

    Raises:
        ContestFileInvalid: it cannot be read.
    """
    file = parse(toml)
    return file, check(file)


def _line_fault(fault: FileFault) -> Invalid:
    return Invalid(
        f"บรรทัด {fault.line} ช่อง {fault.field}: {fault.th}",
        f"line {fault.line}, {fault.field}: {fault.en}",
        field=f"toml:{fault.line}:{fault.field}",
    )


async def draft_contest(
    session: AsyncSession, clock: Clock, toml: str, by: ContactId
) -> tuple[Contest, tuple[Finding, ...]]:
    """Keep a contest file as a draft, replacing the draft of the same contest.

    Raises:
        ContestFileInvalid: the text is no contest file.
        ContestSealed: the contest is sealed already.
    """
    file, findings = checked(toml)
    found = await repository.contest_or_none(session, file.slug, lock=True)
    if found is None:
        found = Contest(
            contest_id=file.slug,
            state="draft",
            toml=toml,
            reference_prefix=file.reference_prefix,
            created_by=by,
            created_at=await clock.now(session, file.slug),
        )
    elif found.state == "sealed":
        raise ContestSealed(
            "การประกวดนี้ปิดผนึกแล้ว โปรดแก้ไขเป็นฉบับแก้ไขพร้อมเหตุผล",
            "This contest is sealed; change it by an amendment with a reason.",
        )
    found.toml = toml
    found.reference_prefix = file.reference_prefix
    session.add(found)
    await session.flush()
    return found, findings


async def seal_contest(
    session: AsyncSession, clock: Clock, contest_id: str, by: ContactId, *, rehearsal: bool
) -> Rulebook:
    """Make the draft binding and publish it.

    Raises:
        NotFound: there is no such contest.
        ContestSealed: it is sealed already.
        ContestNotReady: something is open; every finding is named.
        OnlyARehearsal: a decision is assumed and ``rehearsal`` is not asked for.
    """
    contest = await repository.contest(session, contest_id, lock=True)
    if contest.state == "sealed":
        raise ContestSealed("การประกวดนี้ปิดผนึกแล้ว", "This contest is sealed already.")
    file, findings = checked(contest.toml)
    _refuse_open(findings, rehearsal=rehearsal)
    rulebook = compile_rulebook(file, number=1, rehearsal=rehearsal, folder=folder_of(contest_id))
    now = await clock.now(session, contest_id)
    contest.state, contest.number, contest.revision = "sealed", 1, 1
    contest.rehearsal, contest.sealed_at = rulebook.rehearsal, now
    session.add(contest)
    session.add(
        ContestVersion(
            contest_id=contest_id,
            number=1,
            toml=contest.toml,
            rulebook=rulebook.model_dump(mode="json"),
            sha256=rulebook.sha256(),
            reason_th="ปิดผนึกการประกวด",
            reason_en="Sealing of the contest",
            made_by=by,
            made_at=now,
        )
    )
    await known.keep_rulebook(session, rulebook, now)
    await publish(
        session,
        ContestPublished(
            contest_id=ContestId(contest_id),
            revision=1,
            rulebook=rulebook,
            rulebook_sha256=rulebook.sha256(),
            sealed_at=now,
        ),
    )
    return rulebook


def _refuse_open(findings: tuple[Finding, ...], *, rehearsal: bool) -> None:
    still_open = open_findings(findings)
    if still_open:
        th = "; ".join(_with_places(finding, "th") for finding in still_open)
        en = "; ".join(_with_places(finding, "en") for finding in still_open)
        raise ContestNotReady(
            f"ยังปิดผนึกไม่ได้ มี {len(still_open)} เรื่องที่ต้องตัดสินในไฟล์ พร้อมผู้ตัดสินและเหตุผล: {th}",
            f"Not ready to seal: {len(still_open)} matters must be decided in the file, with who decided "
            f"and why: {en}",
        )
    if only_a_rehearsal(findings) and not rehearsal:
        raise OnlyARehearsal(
            "มีเรื่องที่เป็นเพียงข้อสมมติ จึงปิดผนึกได้เฉพาะเป็นการซ้อม",
            "Some decisions are only assumed, so this contest can be sealed only as a rehearsal.",
            field="rehearsal",
        )


def _with_places(finding: Finding, language: str) -> str:
    places = " / ".join(
        f"{place.source.in_language(language)} {place.place}: “{place.text}”" for place in finding.places
    )
    title = finding.title.in_language(language)
    return f"{finding.key}: {title} [{places}]" if places else f"{finding.key}: {title}"


@dataclass(frozen=True, slots=True)
class AmendContest:
    """The whole new file, and why."""

    contest_id: str
    toml: str
    reason: LocalizedText
    by: ContactId


async def amend_contest(
    session: AsyncSession, clock: Clock, command: AmendContest
) -> tuple[Rulebook, tuple[str, ...]]:
    """Publish a numbered amendment.

    Returns:
        The new rulebook, and the paths that changed.

    Raises:
        ContestFileInvalid: the text is no contest file.
        ContestNotSealed: the contest is a draft: change the draft instead.
        ContestNotReady: something in the new file is open.
        OnlyARehearsal: the new file assumes something, and the contest is no rehearsal.
        Conflict: the file is of another contest, or changes no rule.
    """
    contest = await repository.contest(session, command.contest_id, lock=True)
    if contest.state != "sealed":
        raise ContestNotSealed("ยังไม่ได้ปิดผนึก แก้ไขร่างได้โดยตรง", "The contest is not sealed: change the draft.")
    file, findings = checked(command.toml)
    if file.slug != command.contest_id:
        raise Conflict(
            f"ไฟล์นี้เป็นของการประกวด {file.slug}", f"This file is of the contest {file.slug}.", field="toml"
        )
    _refuse_open(findings, rehearsal=contest.rehearsal)
    before = await known.rulebook(session, command.contest_id)
    after = compile_rulebook(
        file,
        number=contest.number + 1,
        rehearsal=contest.rehearsal,
        folder=folder_of(command.contest_id),
    )
    changed = changed_paths(before, after)
    if not changed:
        raise Conflict("ไฟล์นี้ไม่ได้เปลี่ยนกติกาข้อใด", "This file changes no rule.", field="toml")
    now = await clock.now(session, command.contest_id)
    contest.number, contest.revision, contest.toml = after.number, contest.revision + 1, command.toml
    session.add(contest)
    session.add(
        ContestVersion(
            contest_id=command.contest_id,
            number=after.number,
            toml=command.toml,
            rulebook=after.model_dump(mode="json"),
            sha256=after.sha256(),
            changed=list(changed),
            reason_th=command.reason.th,
            reason_en=command.reason.en,
            made_by=command.by,
            made_at=now,
        )
    )
    await known.keep_rulebook(session, after, now)
    await publish(
        session,
        ContestAmended(
            contest_id=ContestId(command.contest_id),
            revision=contest.revision,
            rulebook=after,
            rulebook_sha256=after.sha256(),
            changed=changed,
            reason=command.reason,
            amended_at=now,
        ),
    )
    return after, changed


async def contest_file(session: AsyncSession, contest_id: str) -> ContestFile:
    """The file that the contest's newest rulebook, or its draft, was made from."""
    return checked((await repository.contest(session, contest_id)).toml)[0]
