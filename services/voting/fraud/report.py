"""What can be told of the fraud ledger: the public report, and a case as its reviewers see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import repository
from services.voting.domain import fraud_words
from services.voting.domain.detectors import POINTS, Detector, Thresholds, read_names
from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import ReportTooEarly
from services.voting.fraud import repository as ledger
from services.voting.fraud.repository import CaseShape, Sample
from services.voting.tables import FraudCase
from shared import known
from shared.contracts.event import LocalizedText
from shared.errors import NotFound

_TOLD = (VoteState.CLOSED, VoteState.CERTIFIED)


@dataclass(frozen=True, slots=True)
class DetectorLine:
    """One detector as the rulebook sets it."""

    detector: Detector
    name: LocalizedText
    points: int
    reason: LocalizedText


@dataclass(frozen=True, slots=True)
class ReportLine:
    """What became of the votes that one set of detectors held."""

    detectors: str
    name: LocalizedText
    reason: LocalizedText
    cases: int
    held: int
    """Still waiting for two people."""
    released: int
    struck: int
    decisions: tuple[str, ...]
    """The approvers' own reasons, as they wrote them."""

    @property
    def votes(self) -> int:
        """All votes that these detectors ever held."""
        return self.held + self.released + self.struck


@dataclass(frozen=True, slots=True)
class FraudReport:
    """Numbers by detector; no entry, no voter and no receipt."""

    contest_id: str
    state: VoteState
    hold_at: int | None
    """Points from which a vote is held; None where the rulebook has no detectors."""
    detectors: tuple[DetectorLine, ...]
    lines: tuple[ReportLine, ...]
    looked_at: datetime | None

    @property
    def held(self) -> int:
        return sum(line.held for line in self.lines)

    @property
    def released(self) -> int:
        return sum(line.released for line in self.lines)

    @property
    def struck(self) -> int:
        return sum(line.struck for line in self.lines)


async def fraud_report(session: AsyncSession, contest_id: str, *, insider: bool = False) -> FraudReport:
    """What the detectors held and what two people decided of it.

    Args:
        insider: staff see it at any time; the public once the vote is closed, because a number of held
            votes while it runs would tell an attacker how well he does.

    Raises:
        ReportTooEarly: the vote is not closed.
        NotFound: there is no such contest.
    """
    rulebook = await known.rulebook(session, contest_id)
    window = await repository.window(session, contest_id)
    state = VoteState(window.state) if window else VoteState.NOT_OPEN
    if state not in _TOLD and not insider:
        raise ReportTooEarly
    rules = Thresholds.of(rulebook.fraud) if rulebook.fraud else None
    last = await ledger.last_pass(session, contest_id)
    return FraudReport(
        contest_id=contest_id,
        state=state,
        hold_at=rules.hold_at if rules else None,
        detectors=detector_lines(rules) if rules else (),
        lines=_lines(await ledger.cases(session, contest_id)),
        looked_at=last.passed_at if last else None,
    )


def detector_lines(rules: Thresholds) -> tuple[DetectorLine, ...]:
    """All detectors with their thresholds in words, the strongest first."""
    ordered = sorted(rules.detectors, key=lambda detector: (-POINTS[detector], detector))
    return tuple(
        DetectorLine(d, fraud_words.NAMES[d], POINTS[d], fraud_words.reason(d, rules)) for d in ordered
    )


def _lines(cases: Sequence[FraudCase]) -> tuple[ReportLine, ...]:
    by_detectors: dict[str, list[FraudCase]] = {}
    for case in cases:
        by_detectors.setdefault(case.detectors, []).append(case)
    lines = [
        ReportLine(
            detectors=detectors,
            name=fraud_words.names(read_names(detectors)),
            reason=LocalizedText(th=group[0].reason_th, en=group[0].reason_en),
            cases=len(group),
            held=_votes(group, "open"),
            released=_votes(group, "released"),
            struck=_votes(group, "struck"),
            decisions=tuple(sorted({case.choice_reason for case in group if case.state != "open"})),
        )
        for detectors, group in by_detectors.items()
    ]
    return tuple(sorted(lines, key=lambda line: (-line.votes, line.detectors)))


def _votes(cases: Sequence[FraudCase], state: str) -> int:
    return sum(case.votes for case in cases if case.state == state)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What a release would change; striking leaves everything as it is shown now."""

    counted: int
    if_released: int
    place: int
    place_if_released: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One of a case's findings in words."""

    name: LocalizedText
    votes: int
    value: LocalizedText


@dataclass(frozen=True, slots=True)
class CaseReview:
    """Everything that a reviewer looks at."""

    case: FraudCase
    entry: LocalizedText
    name: LocalizedText
    reason: LocalizedText
    measured: tuple[Measured, ...]
    shape: CaseShape | None
    samples: tuple[Sample, ...]
    what_if: WhatIf


async def review(session: AsyncSession, contest_id: str, case_id: str) -> CaseReview:
    """One case with its signals and with what its release would change.

    Raises:
        NotFound: there is no such case.
    """
    case = await ledger.case(session, contest_id, case_id)
    if case is None:
        raise NotFound("ไม่มีกลุ่มเสียงที่พักไว้นี้", "There is no such case of held votes.")
    titles = await entry_titles(session, contest_id)
    counted = await repository.counted_by_entry(session, contest_id)
    gone = await repository.withdrawn(session, contest_id)
    standing = {entry_id: counted.get(entry_id, 0) for entry_id in titles if entry_id not in gone}
    return CaseReview(
        case=case,
        entry=titles.get(case.entry_id, LocalizedText(th=case.entry_id, en=case.entry_id)),
        name=fraud_words.names(read_names(case.detectors)),
        reason=LocalizedText(th=case.reason_th, en=case.reason_en),
        measured=tuple(_measured(finding) for finding in case.findings),
        shape=await ledger.case_shape(session, contest_id, case_id),
        samples=tuple(await ledger.samples(session, contest_id, case_id)),
        what_if=what_if(standing, case.entry_id, case.votes if case.state == "open" else 0),
    )


def _measured(finding: Mapping[str, Any]) -> Measured:
    """A finding as the case keeps it."""
    detector = Detector(finding["detector"])
    value = fraud_words.measured(detector, finding["entry_id"], finding["measured"])
    return Measured(fraud_words.NAMES[detector], finding["votes"], value)


def what_if(standing: dict[str, int], entry_id: str, votes: int) -> WhatIf:
    """Where an entry stands, and where it would with ``votes`` more."""
    counted = standing.get(entry_id, 0)
    others = [count for other, count in standing.items() if other != entry_id]
    return WhatIf(
        counted=counted,
        if_released=counted + votes,
        place=1 + sum(count > counted for count in others),
        place_if_released=1 + sum(count > counted + votes for count in others),
    )


async def entry_titles(session: AsyncSession, contest_id: str) -> dict[str, LocalizedText]:
    """The finalists' titles."""
    return {
        finalist.entry_id: LocalizedText(th=finalist.title_th, en=finalist.title_en)
        for finalist in await repository.finalists(session, contest_id)
    }
