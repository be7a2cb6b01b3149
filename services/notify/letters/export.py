"""Certificates as a plain folder of HTML and JSON, which any web server can keep answering for decades.

``verify/<code>/index.html`` answers the address in the printed QR code; ``verify/<code>.json`` says the same
to programs; ``SHA256SUMS`` lists every file. No script, no font, no other host.
"""

import hashlib
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from services.notify.certificate_tables import Certificate
from services.notify.letters.compose import dated
from shared.errors import Conflict

_PAGE = """<!doctype html>
<html lang="th">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body{{font:1.1rem/1.7 sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}}
dt{{color:#555}}dd{{margin:0 0 .6rem}}.bad{{color:#b00020}}</style></head>
<body><h1{css}>{title}</h1>
<dl>{rows}</dl>
<p>{note}</p></body></html>
"""


def export(certificates: Sequence[Certificate], contest: str, folder: Path) -> int:
    """Write the folder; revoked certificates are in it and say so.

    Returns:
        How many certificates it answers for.

    Raises:
        Conflict: the folder has something in it already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"โฟลเดอร์ {folder} ไม่ว่าง ให้เลือกโฟลเดอร์ใหม่", f"{folder} is not empty; choose another.")
    issued = [one for one in certificates if one.sha256]
    files: dict[str, str] = {}
    for one in issued:
        facts = {
            "valid": one.revoked_at is None,
            "serial": one.serial,
            "code": one.code,
            "recipient": one.recipient,
            "award": one.award,
            "title": one.title,
            "contest": contest,
            "issued_at": one.issued_at.isoformat(),
            "revoked_at": one.revoked_at.isoformat() if one.revoked_at else None,
            "pdf_sha256": one.sha256,
        }
        text = json.dumps(facts, ensure_ascii=False, indent=2, sort_keys=True)
        files[f"verify/{one.code}.json"] = text + "\n"
        files[f"verify/{one.code}/index.html"] = _page(one, contest)
    files["index.html"] = _PAGE.format(
        title="ตรวจใบประกาศนียบัตร · Verify a certificate",
        css="",
        rows=f"<dt>โครงการ · Contest</dt><dd>{escape(contest)}</dd>",
        note="เปิดที่อยู่ /verify/ ตามด้วยรหัสที่พิมพ์บนใบประกาศนียบัตร · Open /verify/ and the code printed on it.",
    )
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    sums = (
        f"{hashlib.sha256(content.encode()).hexdigest()}  {name}" for name, content in sorted(files.items())
    )
    (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="utf-8")
    return len(issued)


def _sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _page(one: Certificate, contest: str) -> str:
    valid = one.revoked_at is None
    rows = (
        ("มอบให้ · Given to", one.recipient),
        ("รางวัล · Award", " · ".join(filter(None, (one.award.get("th"), one.award.get("en"))))),
        ("ผลงาน · Entry", " · ".join(filter(None, (one.title.get("th"), one.title.get("en"))))),
        ("โครงการ · Contest", contest),
        ("เลขที่ · Serial", one.serial),
        ("รหัส · Code", one.code),
        ("ให้ไว้ ณ วันที่ · Given on", dated(one.issued_at)),
    )
    return _PAGE.format(
        title="ใบประกาศนียบัตรนี้เป็นของแท้ · This certificate is genuine"
        if valid
        else "ใบประกาศนียบัตรนี้ถูกเพิกถอน · This certificate was revoked",
        css="" if valid else ' class="bad"',
        rows="".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in rows),
        note="เทียบทุกตัวอักษรกับใบที่ถืออยู่ · Compare every letter with the paper in your hand.",
    )
