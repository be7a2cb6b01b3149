"""The chain over a register, its numbers, one-time codes, a letter's steps: rules without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain import second_factor
from services.notify.domain.letters import LetterState, Step, after, may_confirm
from services.notify.domain.numbering import given_elsewhere, register_year
from services.notify.domain.register import GENESIS, ChainLink, EntryKind, first_broken, first_gap
from services.notify.domain.second_factor import Seal
from shared.errors import Conflict, Forbidden

AT = datetime(2022, 6, 20, 9, tzinfo=UTC)
SEAL = Seal.of(bytes(range(32)))


def chain(numbers: list[int], kind: EntryKind = EntryKind.NUMBERED) -> list[tuple[ChainLink, str]]:
    """A book with an entry for each number."""
    links, previous = [], GENESIS
    for position, number in enumerate(numbers, 1):
        facts = {"series": "circular", "year": 2022, "number": number, "subject": f"เรื่องที่ {number}"}
        link = ChainLink("c", "depa", "out", position, kind, AT, facts, previous)
        previous = link.sha256()
        links.append((link, previous))
    return links


def head_of(links: list[tuple[ChainLink, str]]) -> tuple[int, str]:
    return (len(links), links[-1][1]) if links else (0, GENESIS)


@given(st.integers(0, 30))
def test_an_untouched_book_holds(length: int) -> None:
    links = chain(list(range(1461, 1461 + length)))
    assert first_broken("depa", "out", links, head_of(links)) is None
    assert first_gap("depa", "out", [link for link, _ in links]) is None


@given(st.integers(1, 12), st.data())
def test_the_first_changed_entry_is_named(length: int, data: st.DataObject) -> None:
    links = chain(list(range(1, length + 1)))
    head, at = head_of(links), data.draw(st.integers(0, length - 1))
    changed = replace(links[at][0], facts={**links[at][0].facts, "subject": "แก้ไข"})
    resealed = data.draw(st.booleans())
    links[at] = (changed, changed.sha256() if resealed else links[at][1])
    found = first_broken("depa", "out", links, head)
    assert found is not None
    # a forger who also writes the entry's own hash anew is found at the next entry, or at the head
    assert found.position == at + (2 if resealed else 1)


@given(st.integers(1, 12), st.data())
def test_a_removed_entry_is_named(length: int, data: st.DataObject) -> None:
    links = chain(list(range(1, length + 1)))
    head, at = head_of(links), data.draw(st.integers(0, length - 1))
    del links[at]
    found = first_broken("depa", "out", links, head)
    assert found is not None
    assert found.position == at + 1


def test_a_gap_is_named_and_numbers_given_elsewhere_are_none() -> None:
    links = [link for link, _ in chain([1, 2, 4])]
    found = first_gap("depa", "out", links)
    assert found is not None
    assert (found.position, found.what) == (3, "it has number 4 where 3 should follow")
    facts = {"series": "circular", "year": 2022, "from": 3, "to": 3}
    between = ChainLink("c", "depa", "out", 3, EntryKind.ELSEWHERE, AT, facts, "")
    assert first_gap("depa", "out", [*links[:2], between, links[2]]) is None


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_a_registry_only_counts_up(expected: int, given: int) -> None:
    if given < expected:
        with pytest.raises(Conflict):
            given_elsewhere(expected, given)
    else:
        assert given_elsewhere(expected, given) == ((expected, given - 1) if given > expected else None)


def test_the_book_turns_at_midnight_in_bangkok() -> None:
    last = datetime(2022, 12, 31, 16, 59, 59, 999_999, tzinfo=UTC)
    assert (register_year(last), register_year(last + timedelta(microseconds=1))) == (2022, 2023)


@given(st.integers(1_600_000_000, 1_900_000_000), st.integers(-40, 40))
def test_a_code_is_taken_for_a_step_around_now_and_no_longer(seconds: int, drift: int) -> None:
    now, key = datetime.fromtimestamp(seconds, UTC), second_factor.new_key()
    step = int(now.timestamp()) // 30
    code = pyotp.TOTP(key).generate_otp(step + drift)
    steps = second_factor.matching_steps(key, code, [now])
    assert (step + drift in steps) == (abs(drift) <= 1)


def test_a_key_is_sealed_for_its_owner() -> None:
    key = second_factor.new_key()
    sealed = SEAL.close(key, "somchai")
    assert key.encode() not in sealed
    assert SEAL.open(sealed, "somchai") == key
    for seal, owner in ((SEAL, "another"), (Seal.of(bytes(32)), "somchai")):
        with pytest.raises(InvalidTag):
            seal.open(sealed, owner)


def test_codes_are_read_as_people_type_them() -> None:
    assert second_factor.normal(" ๑๒๓ 456 ") == "123456"
    assert second_factor.normal("K7M2-9xqd") == "k7m29xqd"
    assert len(set(second_factor.new_recovery_codes())) == second_factor.RECOVERY_CODES


def test_the_way_of_a_letter() -> None:
    state = LetterState.DRAFT
    for step in (Step.SUBMIT, Step.RETURN, Step.SUBMIT, Step.APPROVE, Step.SIGN, Step.NUMBER, Step.DISPATCH):
        state = after(state, step)
    assert state is LetterState.DISPATCHED
    assert after(after(state, Step.BOUNCE), Step.DISPATCH) is LetterState.DISPATCHED


@given(st.sampled_from(LetterState), st.sampled_from(Step))
def test_nothing_is_signed_that_was_not_approved_and_nothing_leaves_a_void_letter(
    state: LetterState, step: Step
) -> None:
    try:
        following = after(state, step)
    except Conflict:
        return
    assert state is not LetterState.VOID
    if step is Step.APPROVE:
        assert state is LetterState.REVIEW
    if following is LetterState.SIGNED and state is not LetterState.SIGNED:
        assert state is LetterState.APPROVED


def test_authors_confirm_nothing_of_theirs() -> None:
    may_confirm({"a", "b"}, "c")
    with pytest.raises(Forbidden):
        may_confirm({"a", "b"}, "b")
