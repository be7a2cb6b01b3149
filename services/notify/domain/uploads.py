"""Files that offices send: a signed letter or a scan, checked by their bytes."""

import unicodedata
from dataclasses import dataclass

from shared.errors import Invalid

MAXIMUM_BYTES = 15 * 1024 * 1024
_STARTS = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
}
_BY_NAME = {"application/pdf": (".pdf",), "image/png": (".png",), "image/jpeg": (".jpg", ".jpeg")}
_RUNS = (b"/JavaScript", b"/JS ", b"/JS(", b"/Launch", b"/EmbeddedFile", b"/OpenAction<</S/JavaScript")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came."""

    name: str
    content: bytes


def clean_name(name: str) -> str:
    """A file's name without folders and control characters, at most 120 characters."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    cleaned = "".join(char for char in last if char.isprintable() and char not in '<>:"|?*')
    return cleaned.strip(" .")[-120:] or "file"


def media_type_of(upload: Upload, *, scans: bool = True) -> str:
    """The media type, told by the bytes.

    Args:
        scans: whether pictures are taken too.

    Raises:
        Invalid: it is empty, too large, another kind, not what its name says, or a PDF that runs something.
    """
    content = upload.content
    if not content:
        raise Invalid("โปรดเลือกไฟล์ ไฟล์ว่างเปล่า", "Choose a file; this one is empty.", field="file")
    if len(content) > MAXIMUM_BYTES:
        limit = MAXIMUM_BYTES // 2**20
        raise Invalid(
            f"ไฟล์ใหญ่เกิน {limit} MB โปรดสแกนใหม่ให้เล็กลง",
            f"The file is larger than {limit} MB; scan it smaller.",
            field="file",
        )
    found = next((kind for start, kind in _STARTS.items() if content.startswith(start)), "")
    if not found or (found != "application/pdf" and not scans):
        allowed = "PDF, PNG, JPG" if scans else "PDF"
        raise Invalid(
            f"รับเฉพาะไฟล์ {allowed} ไฟล์นี้ไม่ใช่", f"Only {allowed} files are taken; this is none.", field="file"
        )
    suffixes = _BY_NAME[found]
    if not clean_name(upload.name).casefold().endswith(suffixes):
        raise Invalid(
            f"นามสกุลไฟล์ไม่ตรงกับเนื้อไฟล์ ควรเป็น {suffixes[0]}",
            f"The file's name does not fit its content; it should end in {suffixes[0]}.",
            field="file",
        )
    if found == "application/pdf":
        _check_pdf(content)
    return found


def _check_pdf(content: bytes) -> None:
    if b"%%EOF" not in content[-2048:]:
        raise Invalid("ไฟล์ PDF ไม่ครบ โปรดส่งใหม่", "The PDF is not complete; send it again.", field="file")
    if b"/Encrypt" in content:
        raise Invalid(
            "ไฟล์ PDF มีรหัสผ่าน โปรดบันทึกใหม่โดยไม่ใส่รหัส",
            "The PDF is encrypted; save it without a password.",
            field="file",
        )
    if any(word in content for word in _RUNS):
        raise Invalid(
            "ไฟล์ PDF มีสคริปต์หรือไฟล์แนบภายใน โปรดพิมพ์เป็น PDF ใหม่",
            "The PDF has a script or attached files; print it to a new PDF.",
            field="file",
        )
