"""The HTML part of a mail. MJML takes milliseconds, so each shape is compiled once and then filled.

A shape is how many paragraphs and footer lines there are, and whether there is a button and a way to
stop reminders. Its places are filled in one pass over the compiled page: a value is escaped and never
looked at again, so nothing in it can become markup or another place.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

import mjml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.notify.notice_files import NoticeText
from shared.errors import Invalid

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
_PLACE = re.compile(r"(?:https://place\.invalid/)?zz([a-z]+[0-9]*)zz")
_LINK = "https://place.invalid/"


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the words of every mail."""

    contest: str
    footer: Sequence[str]
    language: str
    stop_url: str = ""
    """Where the reader stops reminders; empty for what cannot be stopped."""

    @property
    def stop_text(self) -> str:
        if self.language == "en":
            return "Stop reminders (decisions and official letters still reach you)"
        return "ไม่รับการเตือนอีก (ยังได้รับผลการพิจารณาและหนังสือราชการตามปกติ)"


@lru_cache(maxsize=1)
def _page() -> Any:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("mail.mjml")


@lru_cache(maxsize=256)
def _compiled(language: str, paragraphs: int, footer: int, action: bool, stop: bool) -> str:
    """The page of one shape, with its places still open."""
    places = {
        "subject": "zzsubjectzz",
        "preview": "zzpreviewzz",
        "contest": "zzcontestzz",
        "heading": "zzheadingzz",
        "paragraphs": [f"zzp{number}zz" for number in range(paragraphs)],
        "action": "zzactionzz" if action else "",
        "url": f"{_LINK}zzurlzz",
        "footer": [f"zzf{number}zz" for number in range(footer)],
        "stop": f"{_LINK}zzstopzz" if stop else "",
        "stop_text": "zzstoptextzz",
    }
    return str(mjml.mjml2html(_page().render(at=places, language=language)))


def html(words: NoticeText, frame: Frame) -> str:
    """The HTML part; every word is escaped, no picture is fetched from anywhere.

    Raises:
        Invalid: the button leads somewhere else than to http or https.
    """
    button = bool(words.action and words.url)
    values: dict[str, str] = {
        "subject": words.subject,
        "preview": words.paragraphs[1] if len(words.paragraphs) > 1 else words.heading,
        "contest": frame.contest,
        "heading": words.heading,
        "action": words.action,
        "url": link(words.url) if button else "",
        "stop": link(frame.stop_url) if frame.stop_url else "",
        "stoptext": frame.stop_text,
    }
    values |= {f"p{number}": text for number, text in enumerate(words.paragraphs)}
    values |= {f"f{number}": text for number, text in enumerate(frame.footer)}
    page = _compiled(frame.language, len(words.paragraphs), len(frame.footer), button, bool(frame.stop_url))
    return _filled(page, values)


def _filled(page: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda match: escape(values[match[1]]).replace("\n", "<br/>"), page)


def link(url: str) -> str:
    """``url`` if a mail may lead there.

    Raises:
        Invalid: it is neither http nor https.
    """
    if not url.startswith(("https://", "http://")) or any(character in url for character in ' \r\n\t"<>'):
        raise Invalid(
            f"ลิงก์ในข้อความต้องขึ้นต้นด้วย https:// ไม่ใช่ {url[:60]!r}",
            f"A link in a notice must begin with https://, not {url[:60]!r}.",
            field="url",
        )
    return url
