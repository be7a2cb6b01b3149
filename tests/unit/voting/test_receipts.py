"""Receipts, commitments, ballots and codes: what a voter holds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voting.domain.ballots import (
    BadBallot,
    Ballot,
    MailClass,
    domain_of,
    issue_ballot,
    read_ballot,
    subject_of,
    voter_of,
)
from services.voting.domain.codes import (
    LIFETIME,
    MAX_TRIES,
    CodeAnswer,
    SentCode,
    check_code,
    code_digest,
    code_for,
    wait_before_next,
)
from services.voting.domain.keys import derive_keys, keyed_hash, signals_without_pepper
from services.voting.domain.receipts import (
    ALPHABET,
    commitment_of,
    read_receipt,
    receipt_for,
    salt_for,
)
from shared.root_secret import WeakSecret, root_secret

ROOT = bytes(range(32))
KEYS = derive_keys(ROOT, "contest-a", b"pepper")
NOW = datetime(2022, 8, 5, 6, 0, tzinfo=UTC)
words = st.text(min_size=1, max_size=20)


def keys_of(contest_id: str):
    return KEYS if contest_id == "contest-a" else None


@given(words, words, words)
def test_receipt_is_the_same_for_a_retry_and_can_be_typed_badly(voter: str, key: str, entry: str) -> None:
    receipt = receipt_for(KEYS, voter, key, entry)
    assert receipt == receipt_for(KEYS, voter, key, entry)
    assert [len(part) for part in receipt.split("-")] == [4, 4, 4]
    assert set(receipt.replace("-", "")) <= set(ALPHABET)
    typed = f" {receipt.lower().replace('-', ' ')} ".replace("0", "o").replace("1", "l")
    assert read_receipt(typed) == receipt


def test_receipt_depends_on_contest_voter_key_choice_and_secret() -> None:
    other_contest = derive_keys(ROOT, "contest-b", b"pepper")
    other_root = derive_keys(bytes(32), "contest-a", b"pepper")
    receipts = {
        receipt_for(KEYS, "voter", "key", "entry"),
        receipt_for(KEYS, "voter2", "key", "entry"),
        receipt_for(KEYS, "voter", "key2", "entry"),
        receipt_for(KEYS, "voter", "key", "entry2"),
        receipt_for(KEYS, "voterk", "ey", "entry"),
        receipt_for(other_contest, "voter", "key", "entry"),
        receipt_for(other_root, "voter", "key", "entry"),
    }
    assert len(receipts) == 7


def test_receipts_of_many_ballots_differ() -> None:
    assert len({receipt_for(KEYS, f"voter-{n}", "key", "entry") for n in range(20_000)}) == 20_000


@pytest.mark.parametrize("typed", ["", "7KQ2", "7KQ2-M9XD-4TBU", "7KQ2-M9XD-4TBA-0000", "๗KQ2-M9XD-4TBA"])
def test_text_that_is_no_receipt_is_refused(typed: str) -> None:
    assert read_receipt(typed) is None


def test_commitment_hides_and_binds_the_choice() -> None:
    salt = salt_for(KEYS, "voter", "7KQ2-M9XD-4TBA")
    one, two = commitment_of(salt, "contest-a", "entry-1"), commitment_of(salt, "contest-a", "entry-2")
    assert one != two
    assert one != commitment_of(salt_for(KEYS, "voter", "7KQ2-M9XD-4TBB"), "contest-a", "entry-1")
    assert (len(salt), len(bytes.fromhex(one))) == (32, 32)


def test_keys_have_separate_purposes_and_only_people_and_places_hang_on_the_pepper() -> None:
    raw = [KEYS.identity, KEYS.voter, KEYS.token, KEYS.receipt, KEYS.salt, KEYS.signals, KEYS.codes,
           KEYS.cookie, KEYS.contact, KEYS.puzzle, KEYS.signing_seed]  # fmt: skip
    assert len(set(raw)) == len(raw)
    after = derive_keys(ROOT, "contest-a", b"another pepper")
    assert (after.identity, after.voter) != (KEYS.identity, KEYS.voter)
    assert after.identity != KEYS.identity
    assert after.voter != KEYS.voter
    assert after.signals != KEYS.signals
    gone = derive_keys(ROOT, "contest-a", b"")
    assert (gone.identity, gone.voter, gone.contact, gone.signals) == (b"", b"", b"", b"")
    assert signals_without_pepper(ROOT, "contest-a") not in raw
    assert (after.receipt, after.salt, after.signing_seed, after.key_id) == (
        KEYS.receipt, KEYS.salt, KEYS.signing_seed, KEYS.key_id
    )  # fmt: skip


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_keyed_hash_tells_every_list_of_parts_apart(one: list[str], two: list[str]) -> None:
    assert (keyed_hash(ROOT, *one) == keyed_hash(ROOT, *two)) == (one == two)


@pytest.mark.parametrize("text", ["", "00ff", "not hexadecimal" * 8])
def test_weak_secret_is_refused(text: str) -> None:
    with pytest.raises(WeakSecret, match="openssl rand -hex 32"):
        root_secret(text, "SHOWCASE_VOTING_SECRET")


def test_ballot_says_what_was_issued_and_shows_no_voter_id() -> None:
    subject = subject_of(KEYS, "somchai@example.go.th")
    token = issue_ballot(KEYS, subject, 1_659_679_200, MailClass.GOVERNMENT)
    assert read_ballot(token, keys_of) == Ballot("contest-a", subject, 1_659_679_200, MailClass.GOVERNMENT)
    named = issue_ballot(KEYS, subject, 1, MailClass.OTHER, domain_of(KEYS, "somchai@example.go.th"))
    assert read_ballot(named, keys_of).domain == domain_of(KEYS, "other@example.go.th")
    assert voter_of(KEYS, subject) not in token
    assert len(voter_of(KEYS, subject)) == 20


@given(st.integers(min_value=0, max_value=65), st.characters(min_codepoint=33, max_codepoint=126))
def test_altered_ballot_is_refused(position: int, character: str) -> None:
    token = issue_ballot(KEYS, subject_of(KEYS, "a@b.th"), 1_659_679_200, MailClass.OTHER)
    altered = token[:position] + character + token[position + 1 :]
    if altered == token:
        assert read_ballot(altered, keys_of).contest_id == "contest-a"
    else:
        with pytest.raises(BadBallot):
            read_ballot(altered, keys_of)


def test_ballot_has_one_spelling() -> None:
    tokens = (issue_ballot(KEYS, subject_of(KEYS, f"{n}@b.th"), 1, MailClass.OTHER) for n in range(50))
    token = next(token for token in tokens if "-" in token.rpartition(".")[2] and "_" in token)
    contest_id, _, body = token.rpartition(".")
    for altered in (body.replace("-", "+"), body.replace("_", "/")):
        with pytest.raises(BadBallot):
            read_ballot(f"{contest_id}.{altered}", keys_of)


def test_ballot_of_another_contest_is_refused() -> None:
    token = issue_ballot(KEYS, subject_of(KEYS, "a@b.th"), 1, MailClass.OTHER)
    other = derive_keys(ROOT, "contest-b", b"pepper")
    for contest_id, keys in (("contest-b", other), ("contest-a", other)):
        with pytest.raises(BadBallot):
            read_ballot(token.replace("contest-a", contest_id), lambda _, keys=keys: keys)


def sent(code: str, **changes: object) -> SentCode:
    fields = {"digest": code_digest(KEYS, b"subject", code), "sent_at": NOW, "tries": 0, "used": False}
    return SentCode(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "typed", "later", "expected"),
    [
        (sent("123456"), "123456", timedelta(0), CodeAnswer.ACCEPTED),
        (sent("123456"), " 123 456 ", LIFETIME - timedelta(seconds=1), CodeAnswer.ACCEPTED),
        (sent("123456"), "123457", timedelta(0), CodeAnswer.WRONG),
        (sent("123456"), "123456", LIFETIME, CodeAnswer.EXPIRED),
        (sent("123456", used=True), "123456", timedelta(0), CodeAnswer.EXPIRED),
        (sent("123456", tries=MAX_TRIES - 1), "123456", timedelta(0), CodeAnswer.ACCEPTED),
        (sent("123456", tries=MAX_TRIES - 1), "000000", timedelta(0), CodeAnswer.EXHAUSTED),
        (sent("123456", tries=MAX_TRIES), "123456", timedelta(0), CodeAnswer.EXHAUSTED),
        (None, "123456", timedelta(0), CodeAnswer.EXPIRED),
    ],
)
def test_code_is_accepted_once_in_time_and_within_its_tries(
    code: SentCode | None, typed: str, later: timedelta, expected: CodeAnswer
) -> None:
    assert check_code(KEYS, b"subject", code, typed, NOW + later) is expected


def test_code_of_another_address_is_wrong() -> None:
    assert check_code(KEYS, b"another", sent("123456"), "123456", NOW) is CodeAnswer.WRONG


def test_code_that_was_not_sent_is_not_taken() -> None:
    waiting = sent("123456", sent_at=None)
    assert check_code(KEYS, b"subject", waiting, "123456", NOW) is CodeAnswer.EXPIRED


def test_codes_are_six_digits_and_vary_and_can_be_made_again() -> None:
    codes = {code_for(KEYS, b"subject", str(number)) for number in range(200)}
    assert codes == {code_for(KEYS, b"subject", str(number)) for number in range(200)}
    assert code_for(KEYS, b"subject", "1") != code_for(KEYS, b"another", "1")
    others = derive_keys(bytes(32), "contest-a", b"pepper")
    assert code_for(KEYS, b"subject", "1") != code_for(others, b"subject", "1")
    assert all(len(code) == 6 and code.isdecimal() for code in codes)
    assert len(codes) > 190


def test_three_codes_an_hour() -> None:
    at = [NOW + timedelta(minutes=minutes) for minutes in (0, 10, 20)]
    assert wait_before_next(at[:2], at[2]) is None
    assert wait_before_next(at, at[2]) == timedelta(minutes=40)
    assert wait_before_next(at, NOW + timedelta(minutes=60)) is None
