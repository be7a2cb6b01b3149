"""One mailbox is one voter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voting.domain.addresses import (
    BadAddress,
    is_disposable,
    mail_class,
    masked,
    normalise,
    provider_of,
)
from services.voting.domain.ballots import MailClass

SAME = [
    ["name@gmail.com", "N.A.M.E@gmail.com", "na.me+vote2@googlemail.com", " name@GMAIL.com "],
    ["name@proton.me", "n.ame+x@protonmail.com", "name@pm.me"],
    ["name@icloud.com", "name+a@me.com"],
    ["name@yahoo.com", "name-shop@yahoo.com", "NAME@yahoo.com"],
    ["clerk@city.go.th", "CLERK+1@City.GO.TH", "clerk+@city.go.th."],
    ["a.b@example.com", "A.B+c@example.com"],
    ["x@xn--o3cw4h.xn--o3cw4h", "X@ไทย.ไทย"],
]


@pytest.mark.parametrize("spellings", SAME)
def test_spellings_of_one_mailbox_are_one_voter(spellings: list[str]) -> None:
    assert {normalise(spelling) for spelling in spellings} == {normalise(spellings[0])}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("a.b@example.com", "ab@example.com"),
        ("name-a@example.com", "name@example.com"),
        ("name@hotmail.com", "name@outlook.com"),
        ("name@example.com", "name@example.org"),
    ],
)
def test_different_mailboxes_stay_different(one: str, two: str) -> None:
    assert normalise(one) != normalise(two)


@pytest.mark.parametrize(
    "typed",
    ["", "name", "@example.com", "name@", "name@localhost", "a b@example.com", "a@b@", "a..b@example.com",
     ".a@example.com", "a@-x.com", "a@x..com", "a\n@example.com",
     "x" * 65 + "@example.com", "a@" + "x" * 260 + ".th"],
)  # fmt: skip
def test_text_that_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(BadAddress):
        normalise(typed)


@given(st.emails())
def test_normalising_twice_changes_nothing(address: str) -> None:
    try:
        once = normalise(address)
    except BadAddress:
        return
    assert normalise(once) == once


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("a@city.go.th", MailClass.GOVERNMENT),
        ("a@scp.or.th", MailClass.GOVERNMENT),
        ("a@student.chula.ac.th", MailClass.ACADEMIC),
        ("a@gmail.com", MailClass.WEBMAIL),
        ("a@company.co.th", MailClass.OTHER),
    ],
)
def test_mail_class_is_all_that_the_log_learns(address: str, expected: MailClass) -> None:
    assert mail_class(address) is expected


def test_masked_address_is_recognised_by_its_owner_only() -> None:
    assert masked("somchai@example.go.th") == "so…i@example.go.th"
    assert masked("ab@example.go.th") == "a…@example.go.th"


LOCAL = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)


@given(LOCAL, st.data(), st.sampled_from(["gmail.com", "googlemail.com"]), LOCAL)
def test_case_dots_and_tags_never_make_another_voter_at_gmail(
    name: str, data: st.DataObject, domain: str, tag: str
) -> None:
    places = data.draw(st.sets(st.integers(1, max(1, len(name) - 1))))
    dotted = "".join(f".{letter}" if at in places else letter for at, letter in enumerate(name))
    cased = "".join(letter.upper() if data.draw(st.booleans()) else letter for letter in dotted)
    assert normalise(f" {cased}+{tag}@{domain.upper()}") == f"{name}@gmail.com"


@given(LOCAL, LOCAL, st.sampled_from(["city.go.th", "example.com", "ไทย.ไทย"]))
def test_dots_are_kept_where_they_mean_another_mailbox(one: str, two: str, domain: str) -> None:
    assert normalise(f"{one}.{two}@{domain}") != normalise(f"{one}{two}@{domain}")


@pytest.mark.parametrize(
    ("address", "disposable"),
    [
        ("a@mailinator.com", True),
        ("a@anything.mailinator.com", True),
        ("a@10minutemail.com", True),
        ("a@gmail.com", False),
        ("a@city.go.th", False),
        ("a@mailinator.com.example", False),
    ],
)
def test_disposable_domains_are_known_with_what_lies_under_them(address: str, disposable: bool) -> None:
    assert is_disposable(normalise(address)) is disposable
    assert (mail_class(normalise(address)) is MailClass.DISPOSABLE) is disposable


def test_only_well_known_providers_are_named() -> None:
    assert provider_of("a@gmail.com") == "gmail.com"
    assert provider_of("a@somchai-family.example") == ""
