"""The story of the demo as data: invented organisations and their entries, in Thai and English."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Organisation:
    """An invented organisation in a real province."""

    name: str
    kind: str
    province: str


@dataclass(frozen=True, slots=True)
class StoryEntry:
    """One entry and what becomes of it."""

    number: int
    applicant: Organisation
    category: str
    title_th: str
    title_en: str
    summary_th: str
    summary_en: str
    since: date
    sections: Mapping[str, str]
    fate: str
    """accepted, refused, withdrawn, late or young."""
    refusal: str
    """The code of screening, where it is refused."""
    step: str
    """amended or returned; empty for neither."""

    @property
    def email(self) -> str:
        """Of the person who applies."""
        return f"applicant-{self.number:02d}@demo.example.org"

    def content(self) -> dict[str, Any]:
        """The form as the API takes it."""
        return {
            "applicant_name": self.applicant.name,
            "applicant_kind": self.applicant.kind,
            "province_code": self.applicant.province,
            "category_id": self.category,
            "title_th": self.title_th,
            "title_en": self.title_en,
            "summary_th": self.summary_th,
            "summary_en": self.summary_en,
            "operating_since": self.since.isoformat(),
            "interest_declared": True,
            "sections": dict(self.sections),
        }


def entries() -> tuple[StoryEntry, ...]:
    """All entries in the order of the story."""
    text = files(__package__).joinpath("entries.toml").read_text(encoding="utf-8")
    return tuple(_entry(number, raw) for number, raw in enumerate(tomllib.loads(text)["entries"], start=1))


def _entry(number: int, raw: Mapping[str, Any]) -> StoryEntry:
    fate, _, refusal = raw["fate"].partition(":")
    return StoryEntry(
        number=number,
        applicant=Organisation(**raw["applicant"]),
        category=raw["category"],
        title_th=raw["title"]["th"],
        title_en=raw["title"]["en"],
        summary_th=raw["summary"]["th"],
        summary_en=raw["summary"]["en"],
        since=raw["since"],
        sections=_sections(raw),
        fate=fate,
        refusal=refusal,
        step=raw.get("step", ""),
    )


def _sections(raw: Mapping[str, Any]) -> dict[str, str]:
    """The four sections of the form, one for each dimension of the rubric."""
    name = raw["applicant"]["name"]
    return {
        "origin": (
            f"{raw['problem']} กลุ่มเป้าหมายของโครงการคือ{raw['group']} "
            f"โครงการ “{raw['title']['th']}” จึงมีวัตถุประสงค์เพื่อแก้ปัญหานี้ให้เห็นผลภายในหนึ่งปี"
        ),
        "solution": (
            f"{name}ร่วมคิดและดำเนินการกับ{raw['partner']} โดย{raw['method']} "
            "ความท้าทายสำคัญคือการทำให้ผู้ใช้ทุกวัยเข้าถึงได้โดยไม่ต้องมีอุปกรณ์ราคาแพง"
        ),
        "evidence": (
            f"ตัวชี้วัดหลักคือ{raw['indicator']} ก่อนดำเนินการ {raw['before']} หลังดำเนินการ {raw['after']} "
            "ข้อมูลเก็บจากระบบโดยอัตโนมัติทุกวัน ตรวจสอบโดยผู้ประเมินภายนอกปีละครั้ง "
            "และสำรวจความพึงพอใจของผู้รับบริการทุกไตรมาส"
        ),
        "sustainability": (
            f"{raw['keeper']}รับผิดชอบดูแลระบบและตั้งงบประมาณต่อเนื่องสามปี "
            f"เปิดให้{raw['partner']}ร่วมประชุมทบทวนทุกไตรมาส เผยแพร่คู่มือและรหัสต้นฉบับให้หน่วยงานอื่นนำไปใช้"
        ),
    }
