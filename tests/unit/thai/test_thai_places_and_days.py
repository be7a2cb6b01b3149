"""Provinces, agencies and working days."""

from collections import Counter
from datetime import date, timedelta

import geothai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.thai.agencies import expand, shorten
from shared.thai.provinces import find_province, province, provinces, region_of
from shared.thai.working_days import (
    add_working_days,
    is_working_day,
    next_working_day,
    why_no_working_day,
    working_days_between,
)

days = st.dates(min_value=date(2018, 1, 1), max_value=date(2027, 12, 31))


def test_provinces_are_those_of_an_independent_list() -> None:
    theirs = sorted((each.code, each.name_th, each.name_en) for each in geothai.provinces())
    assert [(each.code, each.th, each.en) for each in provinces()] == theirs
    assert len(provinces()) == len({each.abbreviation for each in provinces()}) == 77


def test_province_knows_how_letters_address_it() -> None:
    narathiwat, bangkok = province("96"), province("10")
    assert (narathiwat.abbreviation, narathiwat.full, narathiwat.governor) == (
        "นธ",
        "จังหวัดนราธิวาส",
        "ผู้ว่าราชการจังหวัดนราธิวาส",
    )
    assert bangkok.governor == "ผู้ว่าราชการกรุงเทพมหานคร"


def test_every_province_is_in_one_of_the_regions_that_its_code_begins_with() -> None:
    counted = Counter(region_of(each.code).en for each in provinces())
    assert counted == {"North": 17, "Northeast": 20, "Central": 10, "East": 8, "West": 8, "South": 14}
    assert (province("96").region.th, region_of("50").th) == ("ภาคใต้", "ภาคเหนือ")
    assert [region_of(code) for code in ("", "9601", "96-01", "J01", "99")] == [None] * 5


@pytest.mark.parametrize("name", ["นราธิวาส", "จังหวัดนราธิวาส", "จ.นราธิวาส", "narathiwat", " 96 "])
def test_find_province_by_any_of_its_names(name: str) -> None:
    assert find_province(name) == province("96")


def test_find_province_does_not_guess() -> None:
    assert find_province("นรา") is None


def test_agencies_expand_and_shorten() -> None:
    assert expand("อบต. บางนาค") == "องค์การบริหารส่วนตำบลบางนาค"
    assert shorten("องค์การบริหารส่วนตำบลบางนาค") == "อบต. บางนาค"
    assert expand("บริษัท ตัวอย่าง จำกัด") == shorten("บริษัท ตัวอย่าง จำกัด") == "บริษัท ตัวอย่าง จำกัด"


def test_working_days_of_august_2022() -> None:
    """Between the presentations (11 August) and the results (15 August) there is no working day."""
    why = [why_no_working_day(date(2022, 8, day)) for day in (11, 12, 13, 14, 15)]
    assert [reason is None for reason in why] == [True, False, False, False, True]
    assert why[2:4] == [("วันเสาร์", "Saturday"), ("วันอาทิตย์", "Sunday")]
    assert working_days_between(date(2022, 8, 11), date(2022, 8, 15)) == 1
    assert next_working_day(date(2022, 7, 30)) == date(2022, 8, 1)
    assert add_working_days(date(2022, 8, 11), 1) == date(2022, 8, 15)


@given(days, st.integers(0, 40))
def test_add_working_days_lands_on_a_working_day_that_far_away(day: date, count: int) -> None:
    found = add_working_days(day, count)
    assert is_working_day(found)
    assert found >= day
    if count:
        assert working_days_between(day, found) == count


@given(days)
def test_next_working_day_skips_only_days_off(day: date) -> None:
    found = next_working_day(day)
    assert is_working_day(found)
    assert not any(is_working_day(day + timedelta(days=n)) for n in range((found - day).days))
