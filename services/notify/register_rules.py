"""The rules of a contest's registers, cascade and links, from ``contests/<slug>/register.toml``."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.notify.contest_files import contest_files, read_text_file

Days = Annotated[int, Field(ge=1, le=60)]


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Level(_Rules):
    """One level of the cascade; the first is the letter's own addressees."""

    name_th: str
    name_en: str
    asleep_after: Days
    """Working days without a receive number after which an office is asleep and is reminded."""
    remind_every: Days
    reminders: Annotated[int, Field(ge=0, le=10)]
    passes_on: bool
    """Whether offices of this level pass letters on to the next."""


class RegisterRules(_Rules):
    """Everything that ``register.toml`` decides."""

    retention_years: Annotated[int, Field(ge=10)]
    """Registers and signed letters are kept at least ten years (the regulation on correspondence)."""
    level: Annotated[tuple[Level, ...], Field(min_length=1)]
    outside_cascade: tuple[str, ...]
    """Codes of addressees that pass nothing on: Bangkok, whose districts are not the provinces'."""
    link_hosts: tuple[str, ...]
    """Hosts besides our own that a short link may lead to."""
    public_kinds: tuple[str, ...]
    """Kinds of letters that are published by themselves when they are dispatched."""

    def level_of(self, number: int) -> Level:
        """The rule of a level, from 1; deeper ones are as the last."""
        return self.level[min(number, len(self.level)) - 1]


def register_rules(contest_id: str) -> RegisterRules:
    """The rules of a contest. Raises Invalid where the file breaks a rule; it names the place."""
    return read_text_file(RegisterRules, contest_files(contest_id).folder / "register.toml")
