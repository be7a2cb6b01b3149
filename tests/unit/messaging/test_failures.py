"""What passes by itself, how long to wait, when to stop."""

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError, IntegrityError

from shared.errors import Invalid, NotFound, Unavailable
from shared.messaging.dead_letters import DeadLetterLimit, MostlyBad
from shared.messaging.failures import Backoff, attempts_allowed, is_transient


class DriverError(Exception):
    def __init__(self, sqlstate: str | None) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def wrapped(sqlstate: str | None) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, DriverError(sqlstate))


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (wrapped("40001"), True),  # serialization
        (wrapped("40P01"), True),  # deadlock
        (wrapped("57P01"), True),  # server shut down
        (wrapped("53300"), True),  # too many connections
        (wrapped("25P03"), True),  # ended while idle in a transaction
        (wrapped("42P01"), True),  # not migrated yet
        (wrapped(None), True),  # the wire broke
        (IntegrityError("INSERT", {}, DriverError("23505")), False),
        (wrapped("22P02"), False),  # bad text for the type: the record's fault
        (asyncpg.exceptions.ConnectionDoesNotExistError("gone"), True),
        (asyncpg.exceptions.UniqueViolationError("twice"), False),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (Unavailable("…", "later"), True),
        (Invalid("…", "no"), False),
        (KeyError("bug"), False),
    ],
)
def test_transient_is_what_passes_without_the_record_changing(error: Exception, passes: bool) -> None:
    assert is_transient(error) is passes


@given(st.integers(1, 10_000))
def test_backoff_is_bounded_and_never_nothing(attempt: int) -> None:
    delay = Backoff(first=0.1, longest=5).delay(attempt)
    assert min(5, 0.1 * 2 ** min(attempt - 1, 10)) / 2 <= delay <= 5


def test_what_another_topic_may_still_tell_gets_more_patience() -> None:
    total = {
        attempts: sum(min(5, 0.1 * 2**n) for n in range(attempts - 1))
        for attempts in (attempts_allowed(KeyError("x")), attempts_allowed(NotFound("…", "no rulebook")))
    }
    short, long = sorted(total.values())
    assert 2 < short < 5
    assert 25 < long < 40


def test_single_dead_letters_pass_the_limit() -> None:
    limit = DeadLetterLimit()
    for _ in range(200):
        limit.check("t", dead=1, total=10)
        limit.count("t", dead=1, total=10)


def test_mostly_bad_batch_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(MostlyBad, match="90 of the last 100 records of t"):
        DeadLetterLimit().check("t", dead=90, total=100)


def test_mostly_bad_trickle_is_refused_at_the_twentieth() -> None:
    limit = DeadLetterLimit()
    for _ in range(19):
        limit.check("t", dead=1, total=1)
        limit.count("t", dead=1, total=1)
    with pytest.raises(MostlyBad):
        limit.check("t", dead=1, total=1)


def test_limit_is_per_topic() -> None:
    limit = DeadLetterLimit()
    for _ in range(15):
        limit.count("bad", dead=1, total=1)
    limit.check("good", dead=6, total=6)


def test_good_records_after_the_trouble_are_not_refused() -> None:
    limit = DeadLetterLimit()
    limit.count("t", dead=19, total=19)
    limit.check("t", dead=0, total=50)
