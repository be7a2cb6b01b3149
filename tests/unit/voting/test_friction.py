"""Risk, the queue and puzzles: who pays what for a code, and how long it takes."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import altcha
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voting.domain.errors import BadProof, NotAPhone
from services.voting.domain.keys import derive_keys
from services.voting.domain.phones import masked_phone, normalise_phone
from services.voting.domain.puzzles import check_proof, make_puzzle
from services.voting.domain.risk import LEVELS, Networks, Thresholds, networks_of, risk_of, steps
from services.voting.domain.waiting import Place, Queue, Rates, place_in
from services.voting.identity.courier import Pace

KEYS = derive_keys(bytes(range(32)), "contest-a", b"pepper")
OTHER = derive_keys(bytes(range(32)), "contest-b", b"pepper")
NOW = datetime(2026, 8, 5, 18, 0, tzinfo=UTC)
STEPS = Thresholds((20, 100, 500), (150, 1000, 5000), (3000, 20_000, 100_000))
uses = st.floats(min_value=0, max_value=1e6)


@pytest.mark.parametrize(
    "typed",
    ["0812345678", "081-234-5678", "081 234 5678", "+66812345678", "+66 (0)81 234 5678", "66812345678",
     "0066812345678", "๐๘๑๒๓๔๕๖๗๘", " 081.234.5678 "],
)  # fmt: skip
def test_spellings_of_one_thai_number_are_one_voter(typed: str) -> None:
    assert normalise_phone(typed) == "+66812345678"


@given(st.from_regex(r"0[689][0-9]{8}", fullmatch=True), st.integers(0, 9), st.sampled_from(" -."))
def test_normalising_a_number_twice_changes_nothing(number: str, at: int, mark: str) -> None:
    once = normalise_phone(number[:at] + mark + number[at:])
    assert once == "+66" + number[1:]
    assert normalise_phone(once) == once
    assert number[1:5] not in masked_phone(once)[5:]


@pytest.mark.parametrize(
    "typed", ["", "02 123 4567", "1133", "+6621234567", "081234567", "08123456789", "+0812345678", "abc",
              "+66512345678", "081234567８", "+1", "0812345678;ext=1"],
)  # fmt: skip
def test_number_that_takes_no_message_is_refused(typed: str) -> None:
    with pytest.raises(NotAPhone):
        normalise_phone(typed)


def test_number_of_another_country_stays_as_it_is() -> None:
    assert normalise_phone("+44 7700 900123") == "+447700900123"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("203.0.113.9", Networks("203.0.113.9/32", "203.0.113.0/24", "203.0.0.0/16")),
        ("::ffff:203.0.113.9", Networks("203.0.113.9/32", "203.0.113.0/24", "203.0.0.0/16")),
        ("2001:db8:1:2:3::9", Networks("2001:db8:1:2::/64", "2001:db8:1::/48", "2001:db8::/32")),
        ("127.0.0.1", Networks()),
        ("::1", Networks()),
        ("testclient", Networks()),
        ("", Networks()),
    ],
)
def test_networks_go_from_narrow_to_wide(host: str, expected: Networks) -> None:
    assert networks_of(host) == expected


@given(uses, uses, uses, uses, st.booleans())
def test_risk_only_grows_with_use_and_never_refuses(
    address: float, network: float, prefix: float, more: float, disposable: bool
) -> None:
    before = risk_of(address, network, prefix, STEPS, disposable=disposable)
    after = risk_of(address + more, network + more, prefix + more, STEPS, disposable=disposable)
    assert 0 <= before.level <= after.level < LEVELS
    assert before.shared <= after.shared
    generous = risk_of(address, network, prefix, STEPS.scaled(100), disposable=disposable)
    assert generous.level <= before.level


@pytest.mark.parametrize("text", ["", "5 5", "9 3", "x", "-1 2"])
def test_setting_that_does_not_ascend_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"ascend|float"):
        steps(text)


due = st.lists(
    st.tuples(st.integers(0, 600), st.integers(1, 50)), max_size=30, unique_by=lambda pair: pair[0]
)


@given(due, st.integers(0, 600), st.integers(0, 600), st.floats(0.5, 100), st.floats(0.5, 100))
def test_whoever_is_due_later_waits_no_shorter(
    codes: list[tuple[int, int]], one: int, other: int, total: float, provider: float
) -> None:
    codes.sort()
    instants = tuple(NOW + timedelta(seconds=second) for second, _ in codes)
    queue = Queue(instants, tuple(number for _, number in codes))
    queue = Queue(queue.instants, queue.counts, {"p": queue})
    rates = Rates(total, provider)
    first, second = sorted((one, other))
    sooner = place_in(queue, "p", NOW + timedelta(seconds=first), NOW, rates)
    later = place_in(queue, "p", NOW + timedelta(seconds=second), NOW, rates)
    assert sooner.ahead <= later.ahead <= queue.length
    assert first <= sooner.seconds <= later.seconds
    assert sooner.seconds >= sooner.ahead / total
    assert 3 <= later.refresh <= 30


def test_empty_queue_is_no_wait() -> None:
    assert place_in(Queue(), "p", NOW, NOW, Rates(10, 5)) == Place(0, 0)


@given(st.lists(st.floats(0, 5), min_size=1, max_size=40), st.floats(0.2, 100))
def test_pace_never_lets_more_go_than_its_rate(pauses: list[float], rate: float) -> None:
    pace, now, sent = Pace(rate, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        allowed = pace.allowance(now)
        pace.take(allowed)
        sent += allowed
    assert sent <= 1 + max(1.0, rate) + now * rate


def solved(puzzle: dict) -> str:
    challenge = altcha.Challenge.from_dict(puzzle)
    solution = altcha.solve_challenge(challenge)
    assert solution
    return altcha.Payload(challenge, solution).to_base64()


def puzzle(keys=KEYS, network: str = "203.0.113.0/24", now: datetime | None = None) -> dict:
    return make_puzzle(keys, network=network, level=1, counter=20, cost=10, now=now or datetime.now(UTC))


def test_solved_puzzle_is_believed_for_its_contest_and_network() -> None:
    proof = solved(puzzle())
    found = check_proof(KEYS, proof, network="203.0.113.0/24")
    assert (found.level, len(found.nonce)) == (1, 32)
    assert found.expires_at > datetime.now(UTC)
    for keys, network in ((OTHER, "203.0.113.0/24"), (KEYS, "198.51.100.0/24")):
        with pytest.raises(BadProof):
            check_proof(keys, proof, network=network)


def test_unsolved_old_changed_or_foreign_proof_is_refused() -> None:
    good = json.loads(base64.b64decode(solved(puzzle())))
    easier = json.loads(json.dumps(good))
    easier["challenge"]["parameters"]["data"]["level"] = 3
    wrong = json.loads(json.dumps(good))
    wrong["solution"]["derivedKey"] = "00" * 32
    unsigned = json.loads(json.dumps(good))
    del unsigned["challenge"]["signature"]
    broken = [{}, {"challenge": {}}, {"challenge": good["challenge"]}, [], good["challenge"]]
    bad = [json.dumps(each).encode() for each in (easier, wrong, unsigned, *broken)]
    proofs = [base64.b64encode(each).decode() for each in bad]
    old = solved(puzzle(now=datetime.now(UTC) - timedelta(hours=1)))
    for proof in (*proofs, old, "", "x", "A" * 5000, "é"):
        with pytest.raises(BadProof):
            check_proof(KEYS, proof, network="203.0.113.0/24")


def test_puzzle_names_no_network() -> None:
    assert "203" not in json.dumps(puzzle()["parameters"]["data"])


async def test_pace_is_told_the_loops_time() -> None:
    now = asyncio.get_running_loop().time()
    assert Pace(5, now).allowance(now + 10) == 5
