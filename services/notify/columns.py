"""How notify's tables write instants, JSON and bytes."""

from typing import Any

from sqlalchemy import Column, Date, DateTime, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field


def instant(*, nullable: bool = False) -> Any:
    """An aware instant."""
    column = Column(DateTime(timezone=True), nullable=nullable)
    return Field(default=None, sa_column=column) if nullable else Field(sa_column=column)


def json_value(*, nullable: bool = False) -> Any:
    """A JSON document."""
    column = Column(JSONB(none_as_null=True), nullable=nullable)
    return Field(default=None, sa_column=column) if nullable else Field(sa_column=column)


def day(*, nullable: bool = True) -> Any:
    """A calendar day."""
    column = Column(Date, nullable=nullable)
    return Field(default=None, sa_column=column) if nullable else Field(sa_column=column)


def content() -> Any:
    """The bytes of a file."""
    return Field(sa_column=Column(LargeBinary, nullable=False))
