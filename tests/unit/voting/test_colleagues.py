"""An office is people: what its votes differ in, and what a program's do not."""

import random
from dataclasses import replace
from statistics import fmean, pstdev, quantiles

import pytest

from services.voting.domain.colleagues import Colleagues, differ_as_people, without_people
from services.voting.domain.detectors import Detector, Finding, Thresholds
from services.voting.domain.fraud_words import reason
from shared.testing.rulebooks import fraud_rules

RULES = Thresholds.of(fraud_rules())
OFFICE = Colleagues(
    "e", "d", (200, 20, 20, 15, 10, 10, 10, 8, 7), quick=5, slow=60, mean_gap=9, gap_deviation=11
)
FINDING = Finding(Detector.DOMAIN, "e", "d", 300, 40.0)


def test_people_differ_in_programs_pace_and_gaps() -> None:
    assert differ_as_people(OFFICE, RULES)


@pytest.mark.parametrize(
    "alike",
    [
        replace(OFFICE, by_program=(300,)),
        replace(OFFICE, by_program=(290, 10)),
        replace(OFFICE, quick=4, slow=19),
        replace(OFFICE, quick=0, slow=1),
        replace(OFFICE, gap_deviation=1),
        replace(OFFICE, mean_gap=0, gap_deviation=0),
        replace(OFFICE, by_program=(12, 9, 8)),
    ],
)
def test_whoever_is_alike_in_one_of_them_is_not_left_alone(alike: Colleagues) -> None:
    assert not differ_as_people(alike, RULES)
    assert list(without_people([FINDING], (), [alike], RULES)) == [FINDING]


@pytest.mark.parametrize("missing", ["people_programs", "people_pace", "people_gaps"])
def test_rulebook_that_is_older_leaves_nobody_alone(missing: str) -> None:
    older = replace(RULES, **{missing: None})
    assert not differ_as_people(OFFICE, older)
    assert "unless" not in reason(Detector.DOMAIN, older).in_language("en")
    assert "unless they differ as people do" in reason(Detector.DOMAIN, RULES).in_language("en")


def test_only_the_domain_that_people_explain_is_left_out() -> None:
    other = Finding(Detector.DOMAIN, "e", "other", 300, 40.0)
    elsewhere = Finding(Detector.DOMAIN, "f", "d", 300, 40.0)
    agent = Finding(Detector.AGENT, "e", "d", 300, 40.0)
    assert list(without_people([FINDING, other, elsewhere, agent], (), [OFFICE], RULES)) == [
        other,
        elsewhere,
        agent,
    ]


def test_disposable_mail_is_nobodys_office() -> None:
    hour = replace(OFFICE, entry_id="", value="d|2022-08-01T05")
    found = [FINDING, Finding(Detector.DOMAIN, "", hour.value, 300, 90.0)]
    assert list(without_people(found, {"d"}, [OFFICE, hour], RULES)) == found
    assert list(without_people(found, (), [OFFICE, hour], RULES)) == []


def measured(ages: list[int], times: list[float], programs: tuple[int, ...]) -> Colleagues:
    gaps = [later - earlier for earlier, later in zip(sorted(times), sorted(times)[1:], strict=False)]
    tenths = quantiles(ages, n=10)
    return Colleagues("e", "d", programs, tenths[0], tenths[-1], fmean(gaps), pstdev(gaps))


@pytest.mark.parametrize("seed", range(20))
def test_offices_drawn_by_chance_pass_and_scripts_do_not(seed: int) -> None:
    dice = random.Random(seed)
    ages = [int(dice.lognormvariate(2.9, 0.95)) for _ in range(150)]
    times = [dice.gammavariate(2, 720) for _ in range(150)]
    mixed = (75, 15, 15, 10, 10, 10, 5, 5, 5)
    assert differ_as_people(measured(ages, times, mixed), RULES)
    assert not differ_as_people(measured([dice.randrange(5, 20) for _ in ages], times, mixed), RULES)
    beat = [12.0 * number + dice.random() for number in range(150)]
    assert not differ_as_people(measured(ages, beat, mixed), RULES)
    assert not differ_as_people(measured(ages, times, (150,)), RULES)
