"""The folder of an embedded system: locked, private, never half-written."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shared.embedded.client import adopt_running
from shared.embedded.keys import load_or_make
from shared.embedded.var import Addresses, Var
from shared.settings import DatabaseUnnamed, Settings
from shared.startup import CannotStart, in_one_sentence

ADDRESSES = Addresses(
    pid=os.getpid(),
    started_at="2022-07-01T00:00:00+00:00",
    http="http://127.0.0.1:8080",
    mode="one process",
    broker="memory",
    bootstrap_servers="127.0.0.1:9092",
    database_url="postgresql://postgres@127.0.0.1/postgres",
    databases={"intake": "postgresql://showcase_intake@127.0.0.1/showcase_intake"},
    mail={"smtp": "127.0.0.1:1025", "pages": "http://127.0.0.1:8080/mail"},
    processes={"postgres": 1},
)


def test_addresses_are_kept_for_the_owner_only(tmp_path: Path) -> None:
    var = Var(tmp_path)
    assert var.read_addresses() is None
    var.write_addresses(ADDRESSES)
    assert var.read_addresses() == ADDRESSES
    assert var.addresses_file.stat().st_mode & 0o777 == 0o600
    var.addresses_file.write_text("{half")
    assert var.read_addresses() is None


def test_only_one_holds_the_folder(tmp_path: Path) -> None:
    first, second = Var(tmp_path), Var(tmp_path)
    first.take()
    assert second.is_taken()
    with pytest.raises(CannotStart, match="already runs on"):
        second.take()
    first.release()
    assert not second.is_taken()
    second.take()
    second.release()


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        total: int
        used: int
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10, 10, 12 * 2**20))
    with pytest.raises(CannotStart, match=r"has 12 MB free and 300 MB are needed: make room"):
        Var(tmp_path / "var").take()
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["lock"]
    assert not Var(tmp_path / "var").is_taken()


def test_keys_are_made_once_and_kept(tmp_path: Path) -> None:
    first = load_or_make(tmp_path / "keys")
    assert load_or_make(tmp_path / "keys") == first
    assert [len(bytes.fromhex(key)) for key in (first.voting_secret, first.notify_secret)] == [32, 32]
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}


@pytest.mark.parametrize(("content", "says"), [("", "is empty"), ("no key at all", "is not a private key")])
def test_a_damaged_key_is_named(tmp_path: Path, content: str, says: str) -> None:
    load_or_make(tmp_path)
    (tmp_path / "session.pem").write_text(content)
    with pytest.raises(CannotStart, match=rf"session\.pem {says}"):
        load_or_make(tmp_path)


def test_a_disk_that_fills_up_leaves_no_half_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        load_or_make(tmp_path)
    assert (
        in_one_sentence(caught.value)
        == "The disk is full: make room and start again; nothing was half-written."
    )
    assert not (tmp_path / "session.pem").exists()
    monkeypatch.undo()
    load_or_make(tmp_path)


def test_a_database_that_nobody_named_is_told_in_one_sentence() -> None:
    with pytest.raises(DatabaseUnnamed) as caught:
        Settings(notify_database_url="", database_url="").service_dsn("notify")
    assert in_one_sentence(caught.value) == (
        "There is no database for notify: set SHOWCASE_NOTIFY_DATABASE_URL or SHOWCASE_DATABASE_URL, "
        "or start the system with `make up` first."
    )


def test_commands_beside_a_running_system_find_its_servers(tmp_path: Path) -> None:
    var = Var(tmp_path)
    environment: dict[str, Any] = {"KAFKA_BOOTSTRAP_SERVERS": "elsewhere:9092"}
    var.write_addresses(ADDRESSES)
    assert adopt_running(tmp_path, environment) is None
    assert environment == {"KAFKA_BOOTSTRAP_SERVERS": "elsewhere:9092"}
    var.take()
    assert adopt_running(tmp_path, environment) == ADDRESSES
    var.release()
    assert environment == {
        "KAFKA_BOOTSTRAP_SERVERS": "elsewhere:9092",
        "SHOWCASE_VAR": str(tmp_path),
        "SHOWCASE_PUBLIC_URL": "http://127.0.0.1:8080",
        "SHOWCASE_SMTP_HOST": "127.0.0.1",
        "SHOWCASE_SMTP_PORT": "1025",
        "SHOWCASE_SECURE_COOKIES": "false",
        "SHOWCASE_DATABASE_URL": "postgresql://postgres@127.0.0.1/postgres",
        "SHOWCASE_INTAKE_DATABASE_URL": "postgresql://showcase_intake@127.0.0.1/showcase_intake",
    }
