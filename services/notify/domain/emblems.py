"""Emblems that agencies upload: pictures and nothing else."""

import hashlib
import io
from dataclasses import dataclass
from xml.etree import ElementTree

from PIL import Image, UnidentifiedImageError

from services.notify.domain.uploads import Upload
from shared.errors import Invalid

MAXIMUM_BYTES = 1024 * 1024
SMALLEST, LARGEST = 200, 3000
"""Pixels of the shorter and the longer side of a PNG: sharp at 3 cm, and no bomb."""
_SVG = "{http://www.w3.org/2000/svg}"
_ELEMENTS = frozenset(
    {
        *("svg", "g", "path", "circle", "ellipse", "rect", "line", "polyline", "polygon", "defs", "stop"),
        *("linearGradient", "radialGradient", "clipPath", "title", "desc", "use", "symbol", "mask"),
    }
)
_NEVER = ("<!doctype", "<!entity", "<?xml-stylesheet")


@dataclass(frozen=True, slots=True)
class Emblem:
    """A picture that may be printed."""

    content: bytes
    media_type: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def emblem_of(upload: Upload) -> Emblem:
    """The emblem in an uploaded file: a PNG drawn anew, without what was hidden in it; an SVG as it is, where
    it has nothing but shapes.

    Raises:
        Invalid: it is too large, no PNG or SVG, or an SVG with anything that is no shape.
    """
    if not upload.content:
        raise _refused("โปรดเลือกไฟล์ตรา", "Choose the emblem's file.")
    if len(upload.content) > MAXIMUM_BYTES:
        raise _refused("ไฟล์ตราใหญ่เกิน 1 MB", "The emblem is larger than 1 MB.")
    if upload.content.startswith(b"\x89PNG\r\n\x1a\n"):
        return Emblem(_png(upload.content), "image/png")
    if b"<svg" in upload.content[:2000]:
        return Emblem(_svg(upload.content), "image/svg+xml")
    raise _refused("รับเฉพาะไฟล์ PNG หรือ SVG", "Only PNG and SVG files are taken.")


def _png(content: bytes) -> bytes:
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
            if min(picture.size) < SMALLEST or max(picture.size) > LARGEST:
                raise _refused(
                    f"ภาพต้องมีขนาด {SMALLEST} ถึง {LARGEST} พิกเซล",
                    f"The picture's sides have {SMALLEST} to {LARGEST} pixels.",
                )
            drawn = picture.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise _refused("อ่านไฟล์ PNG ไม่ได้", "The PNG cannot be read.") from error
    out = io.BytesIO()
    drawn.save(out, "PNG", optimize=True)
    return out.getvalue()


def _svg(content: bytes) -> bytes:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused("ไฟล์ SVG ไม่ใช่ UTF-8", "The SVG is not UTF-8.") from error
    if any(word in text.casefold() for word in _NEVER):
        raise _refused("ไฟล์ SVG มี DOCTYPE หรือ ENTITY", "The SVG has a DOCTYPE or an ENTITY.")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  # entities are refused above
    except ElementTree.ParseError as error:
        raise _refused("อ่านไฟล์ SVG ไม่ได้", "The SVG cannot be read.") from error
    if root.tag != f"{_SVG}svg" or "viewBox" not in root.attrib:
        raise _refused("ไฟล์ SVG ต้องมี viewBox", "The SVG needs a viewBox.")
    for element in root.iter():
        name = element.tag.removeprefix(_SVG) if isinstance(element.tag, str) else "?"
        if name not in _ELEMENTS:
            raise _refused(f"ไฟล์ SVG มี <{name}> ที่ไม่ใช่รูปทรง", f"The SVG has <{name}>, which is no shape.")
        for attribute, value in element.attrib.items():
            local = attribute.rpartition("}")[2].casefold()
            outside = local == "href" and not value.startswith("#")
            if local.startswith("on") or local == "style" or outside or _leads_out(value):
                raise _refused(f"ไฟล์ SVG มี {local} ที่ไม่อนุญาต", f"The SVG has {local}, which is not allowed.")
    return text.encode()


def _leads_out(value: str) -> bool:
    plain = value.replace(" ", "").casefold()
    return "javascript:" in plain or ("url(" in plain and "url(#" not in plain)


def _refused(th: str, en: str) -> Invalid:
    return Invalid(th, en, field="emblem")
