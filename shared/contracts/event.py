"""What every event has in common."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.contracts.ids import ContestId

Instant = Annotated[datetime, AwareDatetime]
"""An instant with its offset; naive datetimes are refused."""
Revision = Annotated[
    int, Field(ge=1, description="Counts the states of one aggregate from 1; apply only a higher one.")
]
"""Counts the states of one aggregate from 1; a reader applies only a higher one than it has."""


class LocalizedText(BaseModel):
    """The same words in Thai and in English; Thai is never empty."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    th: Annotated[str, Field(min_length=1)]
    en: str = ""

    def in_language(self, language: str) -> str:
        """The text in ``language`` ("th" or "en"), Thai where English is missing."""
        return self.en if language == "en" and self.en else self.th


class Part(BaseModel):
    """A value inside an event: frozen, and tolerant of fields that a later version adds."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Event(Part):
    """A fact on the log, named in the past tense. Subclasses set the four class variables.

    ``KEY`` names the field whose value is the Kafka record's key. Within ``.v1`` only optional
    fields are added; anything else is a new class with ``VERSION = 2`` beside the old one.
    """

    SERVICE: ClassVar[str]
    TOPIC: ClassVar[str]
    KEY: ClassVar[str]
    VERSION: ClassVar[int] = 1

    contest_id: ContestId
    """Slug of the contest; several live side by side."""

    @classmethod
    def event_type(cls) -> str:
        """The CloudEvents type, ``showcase.voting.VoteCast.v1``."""
        return f"showcase.{cls.SERVICE}.{cls.__name__}.v{cls.VERSION}"

    def key(self) -> str:
        """The Kafka key of this event's record, and its CloudEvents subject."""
        return str(getattr(self, self.KEY))
