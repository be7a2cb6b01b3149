"""The 2022 contest file: what the check finds, what sealing refuses, what the rulebook says."""

from datetime import date, datetime, timedelta
from pathlib import Path
from types import UnionType
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.intake.cli import app
from services.intake.domain.contest_check import check, only_a_rehearsal, open_findings
from services.intake.domain.contest_file import ContestFile, ContestFileUnreadable, read
from services.intake.domain.contest_findings import Finding, FindingKind, FindingStatus
from services.intake.domain.contest_rules import NotReadyToSeal, changed_paths, compile_rulebook
from services.intake.domain.questions import QUESTIONS
from shared.contracts.rulebook import Decision, FraudRules, MilestoneKind, Rulebook
from shared.zone import BANGKOK

PATH = Path(__file__).parents[3] / "contests" / "smart-city-2022" / "contest.toml"
TOML = PATH.read_text(encoding="utf-8")
FILE = read(TOML)[0]


def findings(file: ContestFile = FILE) -> dict[str, Finding]:
    return {finding.key: finding for finding in check(file)}


def without(*keys: str) -> ContestFile:
    """The 2022 file with some decisions left out."""
    kept = {key: value for key, value in FILE.decisions.items() if key not in keys}
    return FILE.model_copy(update={"decisions": kept})


def deciding(key: str, value: object, file: ContestFile = FILE) -> ContestFile:
    """The 2022 file with another value of one decision."""
    decision = FILE.decisions[key].model_copy(update={"value": value})
    return file.model_copy(update={"decisions": {**file.decisions, key: decision}})


def test_the_2022_file_decides_everything_and_only_assumes_it() -> None:
    found = check(FILE)
    assert {finding.status for finding in found} == {FindingStatus.ASSUMED}
    assert {finding.key for finding in found} == set(FILE.decisions)
    assert only_a_rehearsal(found)
    assert all(finding.places for finding in found), "every finding names where the source stands"


@pytest.mark.parametrize(
    ("key", "kind", "words"),
    [
        ("facts.name", FindingKind.CONTRADICTION, ["Awards 2022", "Award ๒๐๒๒"]),
        ("facts.abbreviation", FindingKind.CONTRADICTION, ["สศด.", "สสค.", "สศค.", "สศต."]),
        ("facts.letter_number", FindingKind.CONTRADICTION, ["ว. ๐๑๔๖๑", "ว ๐๑๔๖๑"]),
        ("facts.phone", FindingKind.CONTRADICTION, ["0 20 262 333", "0 206 2333"]),
        ("calendar.briefing.ends", FindingKind.CONTRADICTION, ["14.30", "๑๕.๐๐"]),
        ("calendar.applications.starts", FindingKind.BLANK, ["ตั้งแต่วันที่ – 30 กรกฎาคม 2565"]),
        ("calendar.applications.ends", FindingKind.NO_HOUR, ["30 กรกฎาคม 2565"]),
        ("closing_day", FindingKind.CLOSED_DAY, ["30 กรกฎาคม 2565"]),
        ("calendar.gap.applications.shortlist", FindingKind.SHORT_GAP, ["5 สิงหาคม 2565"]),
        ("calendar.gap.presentation.results", FindingKind.SHORT_GAP, ["11 สิงหาคม", "15 สิงหาคม"]),
        ("calendar.voting.starts", FindingKind.BLANK, ["Popular Vote"]),
        ("voting.minimum_age", FindingKind.SILENT, ["Popular Vote"]),
        ("eligibility.operated_until", FindingKind.SILENT, ["6 เดือน"]),
    ],
)
def test_an_undecided_matter_names_its_places_and_keeps_the_seal_off(
    key: str, kind: FindingKind, words: list[str]
) -> None:
    file = without(key)
    finding = findings(file)[key]
    assert (finding.kind, finding.status) == (kind, FindingStatus.OPEN)
    said = " ".join(place.text for place in finding.places)
    assert [word for word in words if word not in said] == []
    with pytest.raises(NotReadyToSeal) as refused:
        compile_rulebook(file, number=1, rehearsal=True)
    assert refused.value.keys == (key,)


def test_the_titles_say_what_is_wrong_with_the_dates() -> None:
    found = findings()
    assert "Saturday" in found["closing_day"].title.en
    assert found["calendar.gap.applications.shortlist"].title.en.startswith("Only 4 working days")
    gap = found["calendar.gap.presentation.results"].title
    assert "No working day" in gap.en
    assert "วันแม่แห่งชาติ" in gap.th


def test_every_decision_of_the_rulebook_is_a_question() -> None:
    keys = {name for name, field in Rulebook.model_fields.items() if _is_decision(field.annotation)}
    groups = {group: Rulebook.model_fields[group].annotation for group in Rulebook.model_fields}
    groups["fraud"] = FraudRules
    for group in ("eligibility", "judging", "voting", "fraud", "certificates"):
        model = groups[group]
        keys |= {f"{group}.{name}" for name, f in model.model_fields.items() if _is_decision(f.annotation)}
    assert set(QUESTIONS) == keys


def _is_decision(annotation: object) -> bool:
    if isinstance(annotation, UnionType):  # added later: optional, so that older rulebooks stay readable
        annotation = get_args(annotation)[0]
    return isinstance(annotation, type) and issubclass(annotation, Decision)


def test_the_rulebook_of_2022() -> None:
    rulebook = compile_rulebook(FILE, number=1, rehearsal=False)
    assert rulebook.rehearsal, "assumed decisions make it a rehearsal whatever is asked for"
    assert [dimension.points for dimension in rulebook.rubric] == [10, 30, 40, 20]
    assert [len(dimension.guidance) for dimension in rulebook.rubric] == [3, 3, 3, 3]
    assert (len(rulebook.categories), len(rulebook.awards)) == (7, 8)
    assert rulebook.organiser.abbreviation.th == "สศด."
    closing = rulebook.milestone(MilestoneKind.APPLICATIONS).ends_at
    assert closing == datetime(2022, 7, 30, 23, 59, tzinfo=BANGKOK)
    assert rulebook.voting.minimum_age.source == "annex §4 (2)"
    for typing_error in ("สศค", "สศต", "สสค"):
        assert typing_error not in rulebook.model_dump_json(exclude={"judging"})


def test_a_confirmed_file_is_no_rehearsal_and_the_closing_day_may_move() -> None:
    confirmed = TOML.replace('status = "assumed"', 'status = "decided"').replace(
        '[decisions."closing_day"]\nvalue = "as_written"',
        '[decisions."closing_day"]\nvalue = "next_working_day"',
    )
    rulebook = compile_rulebook(read(confirmed)[0], number=1, rehearsal=False)
    assert not rulebook.rehearsal
    moved = rulebook.milestone(MilestoneKind.APPLICATIONS).ends_at
    assert moved == datetime(2022, 8, 1, 23, 59, tzinfo=BANGKOK)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("judging.slot_minutes", 60),
        ("judging.tie_break", "coin"),
        ("judging.one_award_per_entry", 1),
        ("voting.minimum_age", -1),
        ("eligibility.categories_per_entry", 2),
        ("calendar.applications.ends", datetime(2022, 8, 2, 12, 0, tzinfo=BANGKOK)),
        ("calendar.applications.ends", date(2022, 7, 30)),
        ("calendar.voting.ends", datetime(2022, 8, 4, 12, 0, tzinfo=BANGKOK)),
        ("calendar.voting.ends", datetime(2022, 8, 20, 12, 0, tzinfo=BANGKOK)),
        ("facts.name", 3),
    ],
)
def test_an_impossible_decision_keeps_the_seal_off(key: str, value: object) -> None:
    kinds = {finding.kind for finding in open_findings(check(deciding(key, value)))}
    assert kinds == {FindingKind.IMPOSSIBLE}


def test_a_misspelt_decision_is_not_silently_ignored() -> None:
    decisions = {**FILE.decisions, "judging.tiebreak": FILE.decisions["judging.tie_break"]}
    found = open_findings(check(FILE.model_copy(update={"decisions": decisions})))
    assert [finding.key for finding in found] == ["judging.tiebreak"]


@given(st.integers(min_value=0, max_value=24 * 60))
def test_a_closing_hour_is_accepted_exactly_within_the_day_the_source_names(minutes: int) -> None:
    """Midnight at the end of 30 July counts as that day; a moment later does not."""
    end = datetime(2022, 7, 30, tzinfo=BANGKOK) + timedelta(minutes=minutes)
    assert not open_findings(check(deciding("calendar.applications.ends", end)))
    late = datetime(2022, 7, 31, tzinfo=BANGKOK) + timedelta(minutes=minutes + 1)
    assert open_findings(check(deciding("calendar.applications.ends", late)))


def test_faults_name_line_and_field() -> None:
    lines = TOML.splitlines()
    broken = TOML.replace('kind = "briefing"', 'kind = "breakfast"').replace("points = 40", 'points = "many"')
    with pytest.raises(ContestFileUnreadable) as unreadable:
        read(broken)
    assert [(fault.line, fault.field) for fault in unreadable.value.faults] == [
        (lines.index('kind = "briefing"') + 1, "calendar[1].kind"),
        (lines.index("points = 40") + 1, "rubric[2].points"),
    ]


@pytest.mark.parametrize("text", ["slug = ", "x = 1", "", '[[calendar]]\nkind = """a\n', "\x00"])
def test_what_is_no_contest_file_is_refused_with_a_line(text: str) -> None:
    with pytest.raises(ContestFileUnreadable) as unreadable:
        read(text)
    assert all(fault.line >= 1 and fault.field for fault in unreadable.value.faults)


def test_an_amendment_lists_what_changed() -> None:
    before = compile_rulebook(FILE, number=1, rehearsal=True)
    later = datetime(2022, 8, 15, 14, 0, tzinfo=BANGKOK)
    after = compile_rulebook(deciding("calendar.results.starts", later), number=2, rehearsal=True)
    assert changed_paths(before, after) == ("milestones.results.ends_at", "milestones.results.starts_at")
    assert changed_paths(before, before) == ()


def test_the_command_has_exit_codes_for_scripts(tmp_path: Path) -> None:
    run = CliRunner().invoke
    good = run(app, ["contest", "check", str(PATH.parent), "--json"])
    assert (good.exit_code, '"only_a_rehearsal": true' in good.output) == (0, True)
    open_file = tmp_path / "open.toml"
    open_file.write_text(TOML.replace('[decisions."judging.tie_break"]', '[decisions."judging.tie"]'))
    assert run(app, ["contest", "check", str(open_file)]).exit_code == 1
    unreadable = tmp_path / "bad.toml"
    unreadable.write_text("slug = 3")
    bad = run(app, ["contest", "check", str(unreadable)])
    assert (bad.exit_code, "bad.toml:1: slug" in bad.output) == (2, True)
    assert "must be given" in bad.output
    assert run(app, ["contest", "check", str(tmp_path / "none.toml")]).exit_code == 2
    assumed = run(app, ["contest", "seal", str(PATH.parent)])
    assert (assumed.exit_code, "add --rehearsal" in assumed.output) == (1, True)
