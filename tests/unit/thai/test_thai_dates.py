"""Dates as letters and pages write them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import BANGKOK
from shared.thai import dates
from shared.thai.digits import arabic_digits, thai_digits

BRIEFING = datetime(2022, 7, 1, 6, 30, tzinfo=UTC)
BRIEFING_ENDS = datetime(2022, 7, 1, 8, 0, tzinfo=UTC)
days = st.dates(min_value=date(1900, 1, 1), max_value=date(2400, 12, 31))


def test_letter_instant_is_as_the_source_letter_writes_it() -> None:
    assert dates.letter_instant(BRIEFING, BRIEFING_ENDS) == ("วันศุกร์ที่ ๑ กรกฎาคม ๒๕๖๕ เวลา ๑๓.๓๐ - ๑๕.๐๐ น.")
    assert dates.letter_date(BRIEFING) == "๑ กรกฎาคม ๒๕๖๕"
    assert dates.letter_time(BRIEFING) == "๑๓.๓๐ น."


def test_page_forms_have_arabic_digits_and_the_reader_s_era() -> None:
    found = [
        dates.page_instant(BRIEFING, "th"),
        dates.page_instant(BRIEFING, "en"),
        dates.page_date(BRIEFING, "th", long=True),
        dates.page_date(BRIEFING, "en", long=True),
        dates.page_time(BRIEFING, "th", seconds=True),
    ]
    assert found == [
        "1 ก.ค. 2565 เวลา 13.30 น.",
        "1 Jul 2022, 13:30",
        "วันศุกร์ที่ 1 กรกฎาคม 2565",
        "Friday 1 July 2022",
        "13:30:00 น.",
    ]


def test_an_instant_before_midnight_in_london_is_the_next_day_in_bangkok() -> None:
    assert dates.page_date(datetime(2022, 7, 31, 18, 0, tzinfo=UTC), "th") == "1 ส.ค. 2565"


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        dates.page_date(datetime(2022, 7, 1, 13, 30), "th")  # noqa: DTZ001 - that is the point


def test_page_span_is_as_short_as_it_can_be() -> None:
    at = lambda *parts: datetime(*parts, tzinfo=BANGKOK)  # noqa: E731
    found = [
        dates.page_span(BRIEFING, BRIEFING_ENDS, "th"),
        dates.page_span(at(2022, 8, 5), at(2022, 8, 10), "th"),
        dates.page_span(at(2022, 7, 30), at(2022, 8, 1), "en"),
        dates.page_span(at(2022, 12, 30), at(2023, 1, 2), "th"),
        dates.page_span(BRIEFING, BRIEFING, "en"),
        dates.page_span(BRIEFING, BRIEFING_ENDS, "en"),
    ]
    assert found == [
        "1 ก.ค. 2565 เวลา 13.30–15.00 น.",
        "5–10 ส.ค. 2565",
        "30 Jul – 1 Aug 2022",
        "30 ธ.ค. 2565 – 2 ม.ค. 2566",
        "1 Jul 2022, 13:30",
        "1 Jul 2022, 13:30–15:00",
    ]


@given(days, st.booleans())
def test_parse_date_reads_every_form_that_is_written(day: date, weekday: bool) -> None:
    forms = [
        dates.letter_date(day, weekday=weekday),
        arabic_digits(dates.letter_date(day, weekday=weekday)),
        dates.page_date(day, "th"),
        dates.page_date(day, "th", long=True),
        f"{day.day}/{day.month}/{day.year + 543}",
        thai_digits(f"{day.day}/{day.month}/{day.year}"),
        day.isoformat(),
    ]
    assert [dates.parse_date(form) for form in forms] == [day] * len(forms)


@pytest.mark.parametrize("text", ["", "๓๑ กุมภาพันธ์ ๒๕๖๕", "1 Juli 2565", "32/1/2565", "เมื่อวาน", "2022-13-01"])
def test_parse_date_refuses_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError):
        dates.parse_date(text)


@given(st.integers(0, 23), st.integers(0, 59))
def test_parse_time_reads_both_digit_sets(hour: int, minute: int) -> None:
    text = f"{hour:02}.{minute:02} น."
    assert dates.parse_time(text) == dates.parse_time(thai_digits(text)) == (hour, minute)


@pytest.mark.parametrize("text", ["24.00", "13.60", "13", "1330", ""])
def test_parse_time_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):
        dates.parse_time(text)


@given(st.text())
def test_digits_go_there_and_back(text: str) -> None:
    arabic = arabic_digits(text)
    assert arabic_digits(thai_digits(arabic)) == arabic
    assert not set(thai_digits(text)) & set("0123456789")


@pytest.mark.parametrize(
    ("left", "th", "en"),
    [
        (timedelta(days=2, hours=4, minutes=59), "2 วัน 4 ชั่วโมง", "2 days 4 hours"),
        (timedelta(days=1, minutes=5), "1 วัน", "1 day"),
        (timedelta(hours=1, minutes=1), "1 ชั่วโมง 1 นาที", "1 hour 1 minute"),
        (timedelta(minutes=7, seconds=59), "7 นาที", "7 minutes"),
        (timedelta(seconds=1), "1 นาที", "1 minute"),
        (timedelta(0), "หมดเวลาแล้ว", "time is up"),
        (timedelta(days=-1), "หมดเวลาแล้ว", "time is up"),
    ],
)
def test_time_left_names_the_two_largest_units(left: timedelta, th: str, en: str) -> None:
    now = datetime(2022, 8, 8, 14, 0, tzinfo=BANGKOK)
    assert (dates.time_left(now, now + left, "th"), dates.time_left(now, now + left, "en")) == (th, en)
