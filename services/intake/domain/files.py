"""Which files an entry may carry: size, kind, and that the bytes are what the name says."""

import copy
import io
import re
import struct
import unicodedata
import zipfile
import zlib
from pathlib import PurePath

from shared.errors import Invalid

MAXIMUM_SIZE = 10 * 1024 * 1024
MAXIMUM_FILES = 10
MAXIMUM_TOTAL = 50 * 1024 * 1024
MAXIMUM_UNPACKED = 200 * 1024 * 1024
"""Of an office file, which is a zip: whoever opens it has to hold that much."""

_OFFICE = "application/vnd.openxmlformats-officedocument."
MEDIA_TYPES = {
    ".pdf": "application/pdf",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".docx": _OFFICE + "wordprocessingml.document",
    ".xlsx": _OFFICE + "spreadsheetml.sheet",
    ".pptx": _OFFICE + "presentationml.presentation",
}
_OFFICE_FOLDERS = {".docx": "word/", ".xlsx": "xl/", ".pptx": "ppt/"}
ACCEPT = ",".join(MEDIA_TYPES)
_CHUNK = 2**20
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How office files pack their members (ISO/IEC 29500-2, annex C)."""
_BROKEN = (
    zipfile.BadZipFile,
    ValueError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    zlib.error,
)
"""What a file that is no sound zip, or is one with a password, raises when it is read."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|]")


def clean_name(name: str) -> str:
    """A file name without folders and without characters that a file system or a header minds."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    cleaned = _UNSAFE.sub("_", last).strip(" .")
    stem, suffix = PurePath(cleaned).stem, PurePath(cleaned).suffix
    return f"{stem[:120]}{suffix[:10]}" if cleaned else ""


def media_type(name: str, content: bytes) -> str:
    """The media type of a file, decided by its name and confirmed by its bytes.

    Raises:
        Invalid: it is too large, empty, of another kind, or not what its name says.
    """
    if not content:
        raise Invalid("ไฟล์ว่างเปล่า", "The file is empty.", field="file")
    if len(content) > MAXIMUM_SIZE:
        raise Invalid(
            f"ไฟล์ใหญ่เกิน {MAXIMUM_SIZE // 2**20} MB โปรดลดขนาดแล้วลองใหม่",
            f"The file is larger than {MAXIMUM_SIZE // 2**20} MB: make it smaller and try again.",
            field="file",
        )
    suffix = PurePath(name).suffix.casefold()
    if suffix not in MEDIA_TYPES:
        raise Invalid(
            "รับเฉพาะไฟล์ PDF, JPG, PNG, DOCX, XLSX และ PPTX",
            "Only PDF, JPG, PNG, DOCX, XLSX and PPTX files are taken.",
            field="file",
        )
    if not _is(suffix, content):
        raise Invalid(
            f"เนื้อไฟล์ไม่ใช่ {suffix[1:].upper()} ตามชื่อ โปรดบันทึกใหม่ให้ถูกชนิด",
            f"The file is no {suffix[1:].upper()}, whatever its name says: save it again in that format.",
            field="file",
        )
    return MEDIA_TYPES[suffix]


def _is(suffix: str, content: bytes) -> bool:
    if suffix == ".pdf":
        return b"%PDF-" in content[:1024]
    if suffix == ".png":
        return content.startswith(b"\x89PNG\r\n\x1a\n")
    if suffix in (".jpg", ".jpeg"):
        return content.startswith(b"\xff\xd8\xff")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            small = _unpacks_within(archive, MAXIMUM_UNPACKED)
    except _BROKEN:
        return False
    if not small:
        raise Invalid(
            f"ไฟล์นี้คลายแล้วใหญ่เกิน {MAXIMUM_UNPACKED // 2**20} MB โปรดบันทึกเป็น PDF แล้วส่งใหม่",
            f"Unpacked, the file is larger than {MAXIMUM_UNPACKED // 2**20} MB: save it as PDF instead.",
            field="file",
        )
    return "[Content_Types].xml" in names and any(n.startswith(_OFFICE_FOLDERS[suffix]) for n in names)


def _unpacks_within(archive: zipfile.ZipFile, limit: int) -> bool:
    """Whether all members together unpack to at most ``limit`` bytes. They are read, because the sizes in a
    zip's directory are only what its maker wrote there; reading stops at the limit.

    Raises:
        BadZipFile, or another of ``_BROKEN``: a member cannot be read.
    """
    unpacked = 0
    for member in archive.infolist():
        if member.compress_type not in _PACKED:
            raise zipfile.BadZipFile(f"{member.filename} is packed in a way that office files are not")
        whole = copy.copy(member)
        whole.file_size = limit + 1  # zipfile would stop at the size that the directory declares
        with archive.open(whole) as content:
            while chunk := content.read(_CHUNK):
                unpacked += len(chunk)
                if unpacked > limit:
                    return False
    return True
