"""The order of a Thai dictionary."""

from shared.thai.order import thai_order


def test_thai_order_looks_past_a_vowel_that_is_written_first() -> None:
    right = ["ชุมพร", "เชียงราย", "เชียงใหม่", "ตรัง", "เพชรบุรี", "แพร่", "ภูเก็ต", "แม่ฮ่องสอน", "เลย", "อ่างทอง"]
    assert sorted(sorted(right), key=thai_order) == right


def test_thai_order_asks_tone_marks_last() -> None:
    assert sorted(["ป้าน", "ปาย", "ปาน"], key=thai_order) == ["ปาน", "ป้าน", "ปาย"]


def test_thai_order_puts_latin_words_together_whatever_their_case() -> None:
    assert sorted(["beta", "Alpha", "alpha 2"], key=thai_order) == ["Alpha", "alpha 2", "beta"]
