"""From inputs to PDF: the same inputs give the same bytes, in any process, on any day.

Typst and PyThaiNLP are loaded at the first document, not at start: a process that sets no letter does not pay
for them. Compiling releases the GIL, so callers run it in a thread.
"""

import hashlib
import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from services.notify.fonts import FontsMissing, typeface
from shared.errors import Invalid

TEMPLATES = Path(__file__).with_name("typst")
TemplateName = Literal[
    "external",
    "announcement",
    "memorandum",
    "minutes",
    "certificate",
    "certificates-print",
    "sheet",
    "labels",
    "plaque",
]
SINGLE_PAGES = frozenset({"certificate", "certificates-print", "sheet", "labels", "plaque"})
"""Templates whose pages are fixed: nothing is fitted."""
DENSITIES = (1.0, 0.96, 0.92, 0.88, 0.85)
"""Of the vertical space: the first that brings the text onto one page wins, else it takes its pages."""
STANDARDS = ["a-2a", "ua-1"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished document."""

    pdf: bytes
    pages: int
    density: float

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.pdf).hexdigest()


class _Typesetter:
    """One compiler per template, one set of fonts for the process; a compiler serves one thread at a time."""

    def __init__(self) -> None:
        import typst

        face = typeface()
        self._typst = typst
        self._fonts = typst.Fonts(
            include_system_fonts=False,
            include_embedded_fonts=False,
            font_paths=[face.folder],
        )
        if face.family not in self._fonts.families():
            raise FontsMissing(f"{face.family} is not in {face.folder}; run: python -m services.notify.fonts")
        self._face = {"face": face.family, "scale": str(face.scale)}
        self._free: dict[str, list[Any]] = {}
        self._lock = threading.Lock()

    def run(self, template: TemplateName, data: str, density: float, **options: Any) -> tuple[Any, int]:
        with self._lock:
            spare = self._free.setdefault(template, [])
            compiler = spare.pop() if spare else None
        if compiler is None:
            compiler = self._typst.Compiler(
                TEMPLATES / f"{template}.typ",
                root=TEMPLATES,
                font_paths=self._fonts,
                ignore_system_fonts=True,
            )
        inputs = {**self._face, "data": data, "density": str(density)}
        try:
            made = compiler.compile(sys_inputs=inputs, **options)
            pages = (
                1
                if template in SINGLE_PAGES
                else int(json.loads(compiler.query("<pages>", field="value", one=True, format="json")))
            )
        finally:
            with self._lock:
                spare.append(compiler)
        return made, pages


@lru_cache(maxsize=1)
def _typesetter() -> _Typesetter:
    return _Typesetter()


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    from fontTools.ttLib import TTFont

    face = typeface()
    held = frozenset.intersection(
        *(frozenset(TTFont(path, lazy=True).getBestCmap()) for path in (face.regular, face.bold))
    )
    return frozenset(code for code in held if code >= ord(" "))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            if key != "svg":
                yield from _texts(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _texts(member)


def missing_glyphs(texts: Iterable[str]) -> tuple[str, ...]:
    """The characters in ``texts`` that the face cannot print, each once."""
    printable = _glyphs()
    characters = dict.fromkeys(character for text in texts for character in text)
    return tuple(character for character in characters if ord(character) not in printable)


def printable(text: str) -> str:
    """The text with ``-`` for what the face cannot print: nothing is refused for a character that somebody
    else wrote."""
    missing = set(missing_glyphs([text]))
    return "".join("-" if character in missing else character for character in text)


def refuse_missing_glyphs(data: dict[str, Any]) -> None:
    """Refuse inputs that the face cannot print.

    Raises:
        Invalid: names the characters.
    """
    if missing := missing_glyphs(_texts(data)):
        named = ", ".join(f"“{character}” (U+{ord(character):04X})" for character in missing)
        raise Invalid(
            f"แบบอักษร {typeface().family} ไม่มีตัวอักษร {named} กรุณาแก้ข้อความ",
            f"{typeface().family} has no glyph for {named}; change the text.",
            field="text",
        )


def canonical(data: dict[str, Any]) -> str:
    """The inputs as one JSON text: what is hashed, and what the template reads."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def inputs_sha256(template: TemplateName, data: dict[str, Any]) -> str:
    """What the bytes follow from: the template's name, the face and the inputs."""
    return hashlib.sha256(f"{template}\0{typeface().family}\0{canonical(data)}".encode()).hexdigest()


def _fitted(template: TemplateName, data: dict[str, Any], **options: Any) -> tuple[Any, int, float]:
    refuse_missing_glyphs(data)
    text = canonical({**data, "continued": False})
    made, pages = _typesetter().run(template, text, 1.0, **options)
    if pages == 1:
        return made, 1, 1.0
    if pages == 2:
        for density in DENSITIES[1:]:
            tighter, count = _typesetter().run(template, text, density, **options)
            if count == 1:
                return tighter, 1, density
    # More than one page: the foot of each announces the first word of the next.
    made, pages = _typesetter().run(template, canonical({**data, "continued": True}), 1.0, **options)
    return made, pages, 1.0


def render_pdf(template: TemplateName, data: dict[str, Any], instant: datetime) -> Rendered:
    """The document as PDF/A-2a and PDF/UA-1, stamped with ``instant`` and nothing of today.

    Raises:
        Invalid: a character that the face does not have.
    """
    made, pages, density = _fitted(
        template,
        data,
        format="pdf",
        pdf_standards=STANDARDS,
        timestamp=instant.astimezone(UTC).replace(microsecond=0),
    )
    return Rendered(pdf=bytes(made), pages=pages, density=density)


def render_png(template: TemplateName, data: dict[str, Any], *, ppi: float = 96) -> list[bytes]:
    """Every page as a picture, for the composer's preview and for sharing."""
    return list(_png(template, canonical(data), ppi))


@lru_cache(maxsize=16)
def _png(template: TemplateName, data: str, ppi: float) -> tuple[bytes, ...]:
    # A browser asks for the pages of a letter one by one: the same inputs are not typeset for each.
    made, _, _ = _fitted(template, json.loads(data), format="png", ppi=ppi)
    return tuple(bytes(page) for page in made) if isinstance(made, list) else (bytes(made),)
