"""The detectors' rules: what counts as a sign, what never does."""

from dataclasses import replace
from itertools import combinations
from math import comb, log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voting.domain.detectors import (
    POINTS,
    Detector,
    Fast,
    Network,
    NewCodes,
    Row,
    Share,
    Thresholds,
    agents,
    domains,
    entropy,
    essential,
    holding_sets,
    look_alikes,
    named,
    networks,
    new_codes,
    odds_against,
    points,
    rates,
    read_names,
    rows_made,
    timings,
)
from services.voting.domain.fraud_words import measured, names, reason, reasons
from services.voting.domain.keys import derive_keys
from services.voting.domain.look_alikes import shape, shape_hash
from shared.testing.rulebooks import fraud_rules

RULES = Thresholds.of(fraud_rules())
DETECTORS = st.sets(st.sampled_from(Detector), min_size=1)
COUNTS = st.integers(0, 100_000)


@st.composite
def shares(draw: st.DrawFn) -> Share:
    here, elsewhere = draw(st.integers(1, 10_000)), draw(st.integers(0, 10_000))
    of_here, of_elsewhere = here + draw(COUNTS), elsewhere + draw(COUNTS)
    return Share("e", "v", here, of_here, elsewhere, of_elsewhere, draw(st.sampled_from(("", "desktop"))))


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=60))
def test_entropy_lies_between_one_program_and_all_alike(counts: list[int]) -> None:
    bits = entropy(counts)
    assert -1e-9 <= bits <= entropy([1] * len(counts)) + 1e-9
    assert entropy([*counts, 0]) == pytest.approx(bits)
    assert entropy(sorted(counts)) == pytest.approx(bits)


def test_entropy_of_none_and_of_even_shares() -> None:
    assert (entropy([]), entropy([7]), entropy([5] * 32)) == (0.0, 0.0, pytest.approx(5.0))


@given(shares())
def test_share_is_conspicuous_only_where_it_is_far_more_common_than_elsewhere(share: Share) -> None:
    found = list(agents([share], RULES))
    assert bool(found) == (share.here >= RULES.agent_votes and share.lift >= RULES.lift)
    assert bool(list(domains([share], RULES))) == (
        share.here >= RULES.domain_votes and share.lift >= RULES.lift
    )


@given(shares(), st.integers(1, 1_000))
def test_more_of_a_trait_elsewhere_never_makes_it_more_conspicuous(share: Share, more: int) -> None:
    there = Share("e", "v", share.here, share.of_here, share.elsewhere + more, share.of_elsewhere + more)
    assert there.lift <= share.lift + 1e-9


def test_script_and_disposable_mail_need_no_comparison() -> None:
    everywhere = Share("e", "v", 40, 100, 4_000, 10_000, "script")
    assert [f.votes for f in agents([everywhere], RULES)] == [40]
    assert [f.votes for f in domains([Share("e", "v", 40, 100, 4_000, 10_000, "disposable")], RULES)] == [40]
    few = Share("e", "v", 29, 100, 4_000, 10_000, "script")
    assert list(agents([few], RULES)) == []


def test_network_is_about_its_commonest_program_only() -> None:
    campus = Network("e", "n", "a", (300, 280, 250, 200, 150, 90, 60, 40, 30, 20))
    script = Network("e", "n", "a", (900, 30, 10, 5))
    home = Network("e", "n", "a", (19,))
    assert list(networks([campus, home], RULES)) == []
    assert [(f.value, f.votes) for f in networks([script], RULES)] == [("n|a", 900)]


@given(st.lists(st.integers(1, 500), min_size=8, max_size=60))
def test_network_of_many_programs_is_left_alone_whatever_its_size(counts: list[int]) -> None:
    """At eight programs or more none of which has half, the entropy is at least a bit."""
    ordered = tuple(sorted(counts, reverse=True))
    if 2 * ordered[0] <= sum(ordered):
        assert list(networks([Network("e", "n", "a", ordered)], RULES)) == []


def test_numbered_addresses_count_where_they_agree() -> None:
    together, apart, few = Row("e", "v", 19, 2), Row("e", "v", 12, 8), Row("e", "v", 11, 0)
    assert [f.measured for f in look_alikes([together, apart, few], RULES)] == [90.5]


def test_row_of_public_mailboxes_is_made_where_chance_cannot_explain_it() -> None:
    made = Row("e", "made", 60, 0, "webmail")
    everybody = {"e": 560, "f": 500}
    assert [(f.detector, f.value) for f in rows_made([made], everybody, RULES)] == [(Detector.ROW, "made")]
    pupils = Row("e", "pupils", 60, 0, "academic")
    staff = Row("e", "staff", 60, 0, "other")
    split = Row("e", "split", 50, 10, "webmail")
    few = Row("e", "few", 12, 0, "webmail")
    assert list(rows_made([pupils, staff, split, few], everybody, RULES)) == []


def test_row_that_agrees_with_everybody_is_no_sign_unless_rows_are_everybody() -> None:
    row = Row("e", "v", 60, 0, "webmail")
    assert list(rows_made([row], {"e": 9_060, "f": 500}, RULES)) == []
    rows = [Row("e", f"v{number}", 60, 0, "webmail") for number in range(150)]
    assert len(list(rows_made(rows, {"e": 9_060, "f": 500}, RULES))) == 150


def test_rulebook_without_odds_has_no_rows() -> None:
    older = replace(RULES, row_odds=None)
    assert list(rows_made([Row("e", "v", 60, 0, "webmail")], {"e": 60, "f": 500}, older)) == []
    assert set(Detector) - set(older.detectors) == {Detector.ROW}
    assert set(RULES.detectors) == set(Detector)


@given(st.integers(1, 60), st.integers(0, 60), st.floats(0.01, 0.99))
def test_odds_never_overstate_the_surprise(here: int, others: int, share: float) -> None:
    of = here + others
    chance = sum(comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(here, of + 1))
    assert 0 <= odds_against(here, of, share) <= -log10(min(1.0, chance)) + 1e-6


def test_codes_of_one_domain_within_an_hour() -> None:
    found = new_codes([NewCodes("d|h", 30, 100), NewCodes("d|i", 29, 30), NewCodes("d|j", 300, 2_000)], RULES)
    assert [(f.value, f.entry_id, f.measured) for f in found] == [("d|h", "", 30.0)]


def test_fast_votes_are_half_of_their_group() -> None:
    found = timings([Fast("e", "a", 20, 40), Fast("e", "b", 20, 41), Fast("e", "c", 19, 19)], RULES)
    assert [f.value for f in found] == ["a"]


def test_rate_is_measured_against_the_entrys_own_past() -> None:
    quiet = [(str(n), 4) for n in range(10)]
    assert [f.value for f in rates("e", [*quiet, ("burst", 400), ("after", 300)], RULES)] == [
        "burst",
        "after",
    ]
    assert list(rates("e", [("first", 5_000), ("second", 4_000)], RULES)) == []
    assert list(rates("e", [(str(n), 100 + n) for n in range(50)], RULES)) == []


@given(st.lists(st.integers(0, 59), max_size=300))
def test_rate_below_the_least_is_never_a_sign(counts: list[int]) -> None:
    assert list(rates("e", [(str(n), count) for n, count in enumerate(counts)], RULES)) == []


@given(DETECTORS, st.integers(1, 17))
def test_case_is_named_after_detectors_that_suffice(detectors: set[Detector], hold_at: int) -> None:
    kept = essential(detectors, hold_at)
    assert set(kept) <= detectors
    assert points(kept) >= min(hold_at, points(detectors))
    assert read_names(named(kept)) == kept
    if points(detectors) >= hold_at:
        assert named(kept) in holding_sets(hold_at)
        weakest = min(kept, key=lambda detector: (POINTS[detector], detector))
        assert len(kept) == 1 or points(set(kept) - {weakest}) < hold_at


def test_no_detector_holds_a_vote_alone_by_the_rules_of_2022() -> None:
    sets = holding_sets(RULES.hold_at)
    assert named((Detector.ROW, Detector.TIMING)) not in sets
    assert not any(detector.value in sets for detector in Detector)
    assert named((Detector.RATE, Detector.TIMING)) not in sets
    assert named((Detector.RATE, Detector.DOMAIN)) not in sets
    every = {named(chosen) for size in range(1, 8) for chosen in combinations(Detector, size)}
    assert sets < every


@pytest.mark.parametrize("detector", Detector)
def test_every_detector_says_why_in_two_languages_with_its_threshold(detector: Detector) -> None:
    words, strict = reason(detector, RULES), reason(detector, Thresholds.of(fraud_rules(**dict.fromkeys(
        Thresholds.__dataclass_fields__, 77))))  # fmt: skip
    assert words.th != words.en
    assert ("77" in strict.th and "77" in strict.en) or "0.77" in strict.th
    assert "{" not in words.th + words.en


@pytest.mark.parametrize("detector", Detector)
def test_what_was_measured_is_told_with_its_unit(detector: Detector) -> None:
    words = measured(detector, "e", 1234.5)
    assert "1,234" in words.th
    assert "1,234" in words.in_language("en")
    assert words.th != words.in_language("en")


@pytest.mark.parametrize(
    ("value", "said"),
    [(20_000.0, "20,000"), (1234567.8, "1,234,568"), (12.345, "12.35"), (0.5, "0.5"), (7, "7")],
)
def test_what_was_measured_is_told_without_powers_of_ten(value: float, said: str) -> None:
    assert measured(Detector.AGENT, "e", value).en == f"{said} times as common as for other entries"


def test_share_of_an_hours_codes_is_no_multiple() -> None:
    assert measured(Detector.DOMAIN, "", 42.0).en == "42% of that hour's codes"
    assert measured(Detector.DOMAIN, "e", 42.0).en == "42 times as common as for other entries"


def test_reasons_of_several_detectors_are_told_together() -> None:
    both = (Detector.AGENT, Detector.NETWORK)
    assert names(both).en == "One program + One network"
    assert reasons(both, RULES).en.count("; ") == 1


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("somchai2501@example.com", "somchai25##@example.com"),
        ("somchai2599@example.com", "somchai25##@example.com"),
        ("fan7x@example.com", "fan##x@example.com"),
        ("a1b22c@example.com", "a1b##c@example.com"),
        ("somchai@mail2go.example", ""),
    ],
)
def test_shape_forgets_the_last_digits_only(address: str, expected: str) -> None:
    assert shape(address) == expected


@given(st.integers(0, 99), st.integers(0, 99))
def test_neighbours_in_a_row_have_one_shape_and_the_hash_shows_nothing(one: int, other: int) -> None:
    keys = derive_keys(b"r" * 32, "c", b"pepper")
    left, right = (shape_hash(keys, f"fan.suda5{n:02d}@gmail.com") for n in (one, other))
    assert left == right != shape_hash(derive_keys(b"r" * 32, "c", b"other"), f"fan.suda5{one:02d}@gmail.com")
    assert shape_hash(keys, "suda@gmail.com") == ""
