"""Which province codes people may give."""

from shared.errors import Invalid
from shared.thai.provinces import known_province


def check_province(code: str) -> None:
    """A code is a province's, or empty where somebody gives none.

    Raises:
        Invalid: no province has it.
    """
    if code and known_province(code) is None:
        raise Invalid(
            "ไม่มีจังหวัดที่ใช้รหัสนี้ เลือกจังหวัดจากรายการ",
            "No province has this code. Choose one from the list.",
            field="province_code",
        )
