"""Fields that several routes share, with their bounds."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field, StringConstraints

from shared.contracts.scoring import Round

PREFIX = "/api/scoring/v1"
IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
ContestPath = Annotated[str, Path(pattern=IDENTIFIER, description="the contest's slug")]
JudgePath = Annotated[str, Path(pattern=IDENTIFIER)]
EntryPath = Annotated[str, Path(pattern=IDENTIFIER)]
SlotPath = Annotated[str, Path(pattern=IDENTIFIER)]
RoundQuery = Annotated[Round, Query(alias="round")]
NoNul = StringConstraints(pattern=r"^[^\x00]*$")
Reason = Annotated[str, Field(max_length=2_000), NoNul]
Note = Annotated[str, Field(max_length=2_000), NoNul]
