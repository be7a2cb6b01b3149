"""A name that somebody gave is found as a name, and never as a part of other words."""

import pytest

from services.notify.domain.own_names import OwnNames


def _own(*names: str) -> OwnNames:
    return OwnNames.of(("contest", name) for name in names)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("สมศรี", "สมศรี"),
        ("สมศรี", "เรียน สมศรี ใจดี"),
        ("สมศรี", "คุณสมศรี"),
        ("สมศรี", "(นางสาวสมศรี)"),
        ("Somsri", "Dear SOMSRI, welcome"),
        ("สมมติ นามสกุลเดียว", "ด้วยสมมติ นามสกุลเดียวจะมาบรรยาย"),
        ("Assumed O'Name", "(assumed o'name)"),
        ("สมมติ (เล่น) + เดียว", "เรียน สมมติ (เล่น) + เดียว"),
    ],
)
def test_a_name_is_found(name: str, text: str) -> None:
    assert _own(name).are_in([{"post": text}])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("นาย", "นายอำเภอเมือง"),
        ("นาย", "นาย"),
        ("นายอำเภอ", "นายอำเภอเมือง"),
        ("สมศรี", "โรงเรียนสมศรีวิทยา"),
        ("Ann Lee", "Joann Leeds"),
        ("Somsri", "Somsrisuk"),
        ("Ann", "Ann"),
        ("", "ใคร"),
    ],
)
def test_letters_in_other_words_are_no_name(name: str, text: str) -> None:
    assert not _own(name).are_in({"post": text})


def test_the_contests_are_those_that_know_the_person() -> None:
    own = OwnNames.of([("a", " สมมติ หนึ่ง "), ("b", "")])
    assert (own.contests, own.names) == ({"a", "b"}, {"สมมติ หนึ่ง"})
