"""From a checked contest file to the rulebook that is published."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from services.intake.domain.contest_check import check, only_a_rehearsal, open_findings
from services.intake.domain.contest_file import CalendarRow, ContestFile
from services.intake.domain.contest_findings import INSTANTS, endpoint
from services.intake.domain.questions import QUESTIONS
from shared.contracts.event import LocalizedText
from shared.contracts.rulebook import ClosingDay, Document, MilestoneKind, Rulebook
from shared.thai.working_days import next_working_day
from shared.zone import BANGKOK


class NotReadyToSeal(Exception):
    """The file still leaves something open; ``keys`` say what."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        super().__init__(f"not decided yet: {', '.join(keys)}")
        self.keys = keys


def compile_rulebook(
    file: ContestFile, *, number: int, rehearsal: bool, folder: Path | None = None
) -> Rulebook:
    """The rulebook of a file in which everything is decided.

    Args:
        number: 1 at sealing, one more with each amendment.
        rehearsal: whether staff want a rehearsal; an assumed decision makes it one in any case.
        folder: where the contest's documents lie, to record their SHA-256.

    Raises:
        NotReadyToSeal: something is open.
    """
    findings = check(file)
    if still_open := open_findings(findings):
        raise NotReadyToSeal(tuple(finding.key for finding in still_open))
    name = _fact(file, "name")
    return Rulebook.model_validate(
        {
            "contest_id": file.slug,
            "number": number,
            "rehearsal": rehearsal or only_a_rehearsal(findings),
            "name": {"th": name, "en": name},
            "theme": file.contest.theme.model_dump(),
            "purposes": [purpose.model_dump() for purpose in file.purposes],
            "organiser": _organiser(file),
            "categories": [category.published() for category in file.categories],
            "awards": [award.published() for award in file.awards],
            "prizes": [prize.model_dump() for prize in file.prizes],
            "milestones": [_milestone(file, row) for row in file.calendar],
            "rubric": [dimension.model_dump() for dimension in file.rubric],
            "documents": [_document(file, document.path, folder) for document in file.documents],
            **_decisions(file),
        }
    )


def _fact(file: ContestFile, fact_id: str) -> str:
    decision = file.decisions.get(f"facts.{fact_id}")
    if decision is not None:
        return str(decision.value)
    return next((fact.stated[0].text for fact in file.facts if fact.id == fact_id), "")


def _organiser(file: ContestFile) -> dict[str, Any]:
    part = file.organiser
    return {
        "name": part.name.model_dump(),
        "abbreviation": {"th": _fact(file, "abbreviation"), "en": part.abbreviation_en},
        "ministry": part.ministry.model_dump(),
        "address": part.address.model_dump(),
        "email": _fact(file, "email"),
        "phone": _fact(file, "phone"),
        "website": part.website,
    }


def _milestone(file: ContestFile, row: CalendarRow) -> dict[str, Any]:
    starts = endpoint(file, row.kind, "starts")
    ends = starts if row.kind in INSTANTS else endpoint(file, row.kind, "ends")
    if row.kind is MilestoneKind.APPLICATIONS and ends is not None:
        ends = closing_instant(file, ends)
    return {
        "kind": row.kind,
        "name": row.name.model_dump(),
        "starts_at": starts,
        "ends_at": ends,
        "note": row.note.model_dump() if row.note else None,
        "url": row.url,
    }


def closing_instant(file: ContestFile, written: datetime) -> datetime:
    """When applications really close: as written, or at the same hour of the next working day."""
    decision = file.decisions.get("closing_day")
    if decision is None or decision.value != ClosingDay.NEXT_WORKING_DAY:
        return written
    local = written.astimezone(BANGKOK)
    day = (local - timedelta(microseconds=1)).date()
    return local + (next_working_day(day) - day)


def _document(file: ContestFile, path: str, folder: Path | None) -> Document:
    name = next(document.name for document in file.documents if document.path == path)
    content = folder / path if folder else None
    sha256 = hashlib.sha256(content.read_bytes()).hexdigest() if content and content.is_file() else ""
    return Document(name=LocalizedText(**name.model_dump()), path=path, sha256=sha256)


def _decisions(file: ContestFile) -> dict[str, Any]:
    """The rulebook's decisions, nested by the dots of their keys."""
    nested: dict[str, Any] = {
        "eligibility": {
            "applicant_kinds": [kind.published() for kind in file.eligibility.applicant_kinds],
            "operated_months": file.eligibility.operated_months,
        }
    }
    for key in QUESTIONS:
        decision = file.decisions[key]
        group, _, name = key.rpartition(".")
        target = nested.setdefault(group, {}) if group else nested
        target[name] = {
            **decision.model_dump(exclude={"reason_en"}),
            "source": _source(file, key),
        }
    return nested


def _source(file: ContestFile, key: str) -> str:
    silent = [f"{silence.source} {silence.place}" for silence in file.silent if key in silence.keys]
    if key == "closing_day" and not silent:
        row = file.row(MilestoneKind.APPLICATIONS)
        silent = [f"{row.stated[0].source} {row.stated[0].place}"] if row else []
    return "; ".join(silent)


def changed_paths(before: Rulebook, after: Rulebook) -> tuple[str, ...]:
    """Dotted paths at which two rulebooks differ, e.g. ``milestones.briefing.ends_at``; their number
    and the rehearsal mark aside."""
    ignored = {"number", "rehearsal"}
    old, new = (book.model_dump(mode="json", exclude=ignored) for book in (before, after))
    return tuple(sorted(set(_differences("", old, new))))


def _differences(path: str, old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            yield from _differences(f"{path}.{key}" if path else str(key), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and (named := _by_name(old, new)):
        yield from _differences(path, *named)
    else:
        yield path


def _by_name(old: list[Any], new: list[Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Lists whose elements have an id or a kind, as mappings; None for other lists."""
    for name in ("id", "kind"):
        if all(isinstance(item, dict) and name in item for item in (*old, *new)):
            return {item[name]: item for item in old}, {item[name]: item for item in new}
    return None
