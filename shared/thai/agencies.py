"""Abbreviations that letters and pages use for public bodies, and what they stand for."""

ABBREVIATIONS: dict[str, tuple[str, str]] = {
    "สศด.": ("สำนักงานส่งเสริมเศรษฐกิจดิจิทัล", "Digital Economy Promotion Agency"),
    "ดศ.": ("กระทรวงดิจิทัลเพื่อเศรษฐกิจและสังคม", "Ministry of Digital Economy and Society"),
    "มท.": ("กระทรวงมหาดไทย", "Ministry of Interior"),
    "สถ.": ("กรมส่งเสริมการปกครองท้องถิ่น", "Department of Local Administration"),
    "ปค.": ("กรมการปกครอง", "Department of Provincial Administration"),
    "อปท.": ("องค์กรปกครองส่วนท้องถิ่น", "local administrative organisation"),
    "อบจ.": ("องค์การบริหารส่วนจังหวัด", "provincial administrative organisation"),
    "อบต.": ("องค์การบริหารส่วนตำบล", "subdistrict administrative organisation"),
    "ทน.": ("เทศบาลนคร", "city municipality"),
    "ทม.": ("เทศบาลเมือง", "town municipality"),
    "ทต.": ("เทศบาลตำบล", "subdistrict municipality"),
    "กทม.": ("กรุงเทพมหานคร", "Bangkok Metropolitan Administration"),
}
"""Abbreviation → (Thai, English). The source document also writes สศต. and สศค. for สศด.: scanning errors."""


def expand(name: str) -> str:
    """``อบต. บางนาค`` → ``องค์การบริหารส่วนตำบลบางนาค``; other names stay as they are."""
    for short, (full, _) in ABBREVIATIONS.items():
        if name.startswith(short):
            return full + name.removeprefix(short).lstrip()
    return name


def shorten(name: str) -> str:
    """``องค์การบริหารส่วนตำบลบางนาค`` → ``อบต. บางนาค``; other names stay as they are."""
    for short, (full, _) in ABBREVIATIONS.items():
        if name.startswith(full):
            rest = name.removeprefix(full).strip()
            return f"{short} {rest}" if rest else short
    return name
