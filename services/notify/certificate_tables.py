"""Certificates, and what was done to each. Every key starts with the contest."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, text
from sqlmodel import Field

from services.notify.columns import instant, json_value
from services.notify.tables import Row

Json = dict[str, Any]


class Certificate(Row, table=True):
    """A certificate: its serial, its code, and what it says."""

    __tablename__ = "certificate"
    __table_args__ = (
        Index(
            "certificate_once",
            "contest_id",
            "award_id",
            "entry_id",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
        Index("certificate_by_token", "token_sha256"),
        Index("certificate_by_code", "code", unique=True),
        Index("certificate_by_serial", "serial"),
    )

    contest_id: str = Field(primary_key=True)
    serial: str = Field(primary_key=True)
    certificate_id: str
    code: str
    award_id: str
    entry_id: str
    recipient: str
    award: Json = json_value()
    title: Json = json_value()
    issued_at: datetime = instant()
    content: Json | None = json_value(nullable=True)
    pdf: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    sha256: str = ""
    template: str = "certificate"
    token_sha256: str = ""
    """Of the link by which the winner confirms the name; empty = not asked yet."""
    proposed: str = ""
    """How the winner spells the name, where that is not how it was entered; staff accept it."""
    confirmed_at: datetime | None = instant(nullable=True)
    """Since when the name is settled: only then is the certificate made."""
    revoked_at: datetime | None = instant(nullable=True)
    revoked_reason: str = ""


class CertificateStep(Row, table=True):
    """Who did what to a certificate, and when."""

    __tablename__ = "certificate_step"

    contest_id: str = Field(primary_key=True)
    serial: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    step: str
    by: str
    at: datetime = instant()
    note: str = ""
