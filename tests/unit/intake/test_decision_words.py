"""Decisions in words: what is decided in tenths or hundredths is read as a decimal."""

import pytest

from services.intake.pages.decision_words import spoken_value


@pytest.mark.parametrize(
    ("key", "value", "th", "en"),
    [
        ("fraud.people_pace", 50, "5.0 เท่า", "5.0 times"),
        ("fraud.people_programs", 100, "1.00 บิต", "1.00 bits"),
        ("fraud.network_entropy", 150, "1.50 บิต", "1.50 bits"),
        ("fraud.people_gaps", 60, "0.60 เท่าของค่าเฉลี่ย", "0.60 times the mean"),
        ("fraud.rate_votes", 1500, "1,500 เสียง", "1,500 votes"),
    ],
)
def test_numbers_are_told_in_the_unit_that_people_read(key: str, value: int, th: str, en: str) -> None:
    assert (spoken_value(key, value, "th"), spoken_value(key, value, "en")) == (th, en)
