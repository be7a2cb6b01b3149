"""The detectors' reasons as people read them: what was looked at and from what point on, never whose
votes they were nor how many an entry has."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from services.voting.domain.detectors import ANY_ENTRY, Detector, Thresholds
from shared.contracts.event import LocalizedText

NAMES: Mapping[Detector, LocalizedText] = {
    Detector.AGENT: LocalizedText(th="โปรแกรมเดียวกัน", en="One program"),
    Detector.DOMAIN: LocalizedText(th="โดเมนอีเมลเดียวกัน", en="One mail domain"),
    Detector.LOOK_ALIKE: LocalizedText(th="อีเมลเรียงเลข", en="Numbered addresses"),
    Detector.NETWORK: LocalizedText(th="เครือข่ายเดียวกัน", en="One network"),
    Detector.RATE: LocalizedText(th="พุ่งผิดปกติ", en="Sudden rate"),
    Detector.ROW: LocalizedText(th="กล่องจดหมายที่สร้างเรียงเลข", en="Mailboxes made in a row"),
    Detector.TIMING: LocalizedText(th="เร็วเกินอ่าน", en="Too fast to read"),
}
_REASONS: Mapping[Detector, tuple[str, str]] = {
    Detector.AGENT: (
        "ส่งจากโปรแกรมเดียวกันตั้งแต่ {agent_votes} เสียง ซึ่งเป็นสคริปต์ หรือพบบ่อยกว่าในเสียงของผลงานอื่นอย่างน้อย {lift} เท่า",
        "{agent_votes} votes or more by one program that is a script, or is at least {lift} times as common "
        "as among votes for other entries",
    ),
    Detector.DOMAIN: (
        "มาจากโดเมนอีเมลเดียวกันตั้งแต่ {domain_votes} เสียง ซึ่งเป็นกล่องจดหมายใช้แล้วทิ้ง พบบ่อยกว่าที่อื่นอย่างน้อย {lift} เท่า "
        "หรือได้รหัสตั้งแต่ร้อยละ {domain_percent} ของชั่วโมง{people_th}",
        "{domain_votes} votes or more from one mail domain that is disposable, is at least {lift} times as "
        "common as elsewhere, or took {domain_percent}% or more of an hour's codes{people_en}",
    ),
    Detector.LOOK_ALIKE: (
        "อีเมลตั้งแต่ {look_alike_addresses} รายการต่างกันเพียงเลขท้าย "
        "และเลือกผลงานเดียวกันอย่างน้อยร้อยละ {look_alike_percent}",
        "{look_alike_addresses} addresses or more that differ in their last digits only, at least "
        "{look_alike_percent}% of them for one entry",
    ),
    Detector.NETWORK: (
        "ตั้งแต่ {network_votes} เสียงจากเครือข่ายเดียวกัน โดยโปรแกรมแทบไม่ต่างกัน (เอนโทรปีต่ำกว่า {entropy} บิต)",
        "{network_votes} votes or more from one network with hardly any difference between programs "
        "(entropy below {entropy} bits)",
    ),
    Detector.RATE: (
        "ตั้งแต่ {rate_votes} เสียงในสิบนาที อย่างน้อย {rate_factor} เท่าของค่ากลางของผลงานนั้นเองในหนึ่งวันก่อนหน้า",
        "{rate_votes} votes or more in ten minutes, at least {rate_factor} times the entry's own median of "
        "the day before",
    ),
    Detector.ROW: (
        "กล่องจดหมายของผู้ให้บริการทั่วไปที่ต่างกันเพียงเลขท้าย เลือกผลงานเดียวกันมากกว่าที่คนไม่รู้จักกันจะบังเอิญตรงกัน "
        "(โอกาสต่ำกว่า 1 ใน 10 ยกกำลัง {row_odds})",
        "mailboxes of public providers that differ in their last digits only chose one entry more often than "
        "strangers would by chance (less than 1 in 10 to the power of {row_odds})",
    ),
    Detector.TIMING: (
        "ตั้งแต่ {fast_votes} เสียงในกลุ่มเดียวกันส่งภายในไม่ถึง {fast_seconds} วินาทีหลังได้บัตร และเป็นอย่างน้อยครึ่งหนึ่งของกลุ่ม",
        "{fast_votes} votes or more of one group sent less than {fast_seconds} seconds after the ballot, at "
        "least half of the group",
    ),
}


_MEASURED: Mapping[Detector, tuple[str, str]] = {
    Detector.AGENT: ("{} เท่าของเสียงผลงานอื่น", "{} times as common as for other entries"),
    Detector.DOMAIN: ("{} เท่าของเสียงผลงานอื่น", "{} times as common as for other entries"),
    Detector.LOOK_ALIKE: ("{}% เลือกผลงานนี้", "{}% of them chose this entry"),
    Detector.NETWORK: ("โปรแกรมต่างกัน {} บิต", "programs differ by {} bits"),
    Detector.RATE: ("{} เท่าของค่ากลาง", "{} times the median"),
    Detector.ROW: ("บังเอิญไม่ถึง 1 ใน 10 ยกกำลัง {}", "by chance less than 1 in 10 to the power of {}"),
    Detector.TIMING: ("{}% ของกลุ่มเร็วเกินอ่าน", "{}% of the group too fast to read"),
}


def measured(detector: Detector, entry_id: str, value: float) -> LocalizedText:
    """What a finding measured, with its unit."""
    th, en = _MEASURED[detector]
    if detector is Detector.DOMAIN and entry_id == ANY_ENTRY:
        th, en = "{}% ของรหัสในชั่วโมงนั้น", "{}% of that hour's codes"
    number = f"{value:,.0f}" if value >= 100 else f"{value:.2f}".rstrip("0").rstrip(".")
    return LocalizedText(th=th.format(number), en=en.format(number))


def reason(detector: Detector, rules: Thresholds) -> LocalizedText:
    """Why a detector speaks up, with its thresholds."""
    values = asdict(rules) | {"entropy": f"{rules.network_entropy / 100:.2f}"}
    people = _people(rules)
    th, en = _REASONS[detector]
    return LocalizedText(
        th=th.format(**values, people_th=people.th if people else ""),
        en=en.format(**values, people_en=people.en if people else ""),
    )


def _people(rules: Thresholds) -> LocalizedText | None:
    """Who is left alone although one mail domain has many votes: nobody by a rulebook that does not say."""
    if rules.people_programs is None or rules.people_pace is None or rules.people_gaps is None:
        return None
    programs, gaps = f"{rules.people_programs / 100:.2f}", f"{rules.people_gaps / 100:.2f}"
    pace = f"{rules.people_pace / 10:.1f}"
    return LocalizedText(
        th=f" ยกเว้นกลุ่มที่ต่างกันอย่างคนจริง คือโปรแกรมต่างกันตั้งแต่ {programs} บิต คนช้าใช้เวลาตั้งแต่ {pace} เท่าของคนเร็ว "
        f"และช่วงห่างระหว่างเสียงแปรผันตั้งแต่ {gaps} ของค่าเฉลี่ย",
        en=f", unless they differ as people do: programs by {programs} bits or more, the slow taking {pace} "
        f"times as long as the quick or more, gaps between votes varying by {gaps} of their mean or more",
    )


def names(detectors: Iterable[Detector]) -> LocalizedText:
    """The detectors' names in one line."""
    found = [NAMES[detector] for detector in detectors]
    return LocalizedText(th=" + ".join(n.th for n in found), en=" + ".join(n.en for n in found))


def reasons(detectors: Iterable[Detector], rules: Thresholds) -> LocalizedText:
    """Why a vote is held: the reasons of all detectors that agreed."""
    found = [reason(detector, rules) for detector in detectors]
    return LocalizedText(th="; ".join(r.th for r in found), en="; ".join(r.en for r in found))
