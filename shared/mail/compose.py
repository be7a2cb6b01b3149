"""The text and the HTML of a mail, from the same words."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import mjml
from jinja2 import Environment, StrictUndefined, Template

_TEMPLATE = Path(__file__).with_name("templates") / "mail.mjml"
_FOOTERS = {
    "th": "อีเมลนี้ส่งโดยระบบอัตโนมัติ โปรดอย่าตอบกลับ",
    "en": "This mail was sent by a program; please do not reply.",
}


@dataclass(frozen=True, slots=True)
class Body:
    """Both alternatives of one mail."""

    text: str
    html: str


def compose(
    heading: str,
    paragraphs: Sequence[str],
    *,
    code: str = "",
    action: str = "",
    url: str = "",
    footer: str = "",
    language: str = "th",
) -> Body:
    """Write a mail with one heading, some paragraphs, at most one code and one link.

    Every argument is plain text; the HTML escapes it. The HTML loads nothing from anywhere.

    Raises:
        ValueError: ``url`` is not of the web.
    """
    if url and not url.startswith(("https://", "http://")):
        raise ValueError("a mail links to http or https only")
    footer = footer or _FOOTERS[language]
    link = f"{action}: {url}" if url else ""
    text = "\n\n".join(part for part in (heading, *paragraphs, code, link, f"--\n{footer}") if part)
    html = _template().render(
        heading=heading,
        preview=paragraphs[0] if paragraphs else heading,
        paragraphs=paragraphs,
        code=code,
        action=action,
        url=url,
        footer=footer,
        language=language,
    )
    return Body(text + "\n", html)


@cache
def _template() -> Template:
    """The MJML, compiled once to HTML in which only the words are missing."""
    html = str(mjml.mjml2html(_TEMPLATE.read_text(encoding="utf-8")))
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(html)
