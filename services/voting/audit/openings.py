"""The salts by which an auditor opens the commitments: one line of JSON for each record.

They come as a file, ``{"partition": 3, "offset": 17, "salt": "…"}`` a line. Whoever has them sees every
choice, so they are a permission of their own.
"""

import hashlib
import json
from pathlib import Path


class OpeningsUnreadable(ValueError):
    """The file is none of openings; the message names the line."""


class Openings:
    """Salts by the place of their record."""

    def __init__(self, salts: dict[tuple[int, int], bytes]) -> None:
        self._salts = salts

    @classmethod
    def read(cls, path: Path) -> "Openings":
        """The openings in a file.

        Raises:
            OpeningsUnreadable: a line is not as it should be.
        """
        salts: dict[tuple[int, int], bytes] = {}
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    found = json.loads(line)
                    salts[int(found["partition"]), int(found["offset"])] = bytes.fromhex(found["salt"])
                except (ValueError, KeyError, TypeError) as error:
                    raise OpeningsUnreadable(f"{path}: line {number} is no opening") from error
        return cls(salts)

    def opens(self, partition: int, offset: int, commitment: str, contest_id: str, entry_id: str) -> bool:
        """Whether the record's commitment is one to this entry."""
        salt = self._salts.get((partition, offset))
        if salt is None:
            return False
        return hashlib.sha256(salt + f"{contest_id}\n{entry_id}".encode()).hexdigest() == commitment
