"""Migrations run from the program, once per database, and make the shared tables."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from shared.db.migrations import head, upgrade
from shared.testing.postgres import in_database

ENV = "from sqlalchemy import MetaData\nfrom shared.db.alembic_env import run\nrun(MetaData())\n"
FIRST = """
from alembic import op
from shared.db.migrations import create_shared_tables, drop_shared_tables

revision = "0001"
down_revision = None

def upgrade():
    create_shared_tables(op)

def downgrade():
    drop_shared_tables(op)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    versions = tmp_path / "sample_service" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "sample_service" / "__init__.py").touch()
    (versions.parent / "env.py").write_text(ENV)
    (versions / "0001_initial.py").write_text(FIRST)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sample_service", raising=False)
    return "sample_service"


@pytest.fixture
async def empty_dsn(postgres_dsn: str) -> AsyncIterator[str]:
    admin = await asyncpg.connect(postgres_dsn)
    await admin.execute("CREATE DATABASE sample")
    yield in_database(postgres_dsn, "sample")
    await admin.execute("DROP DATABASE sample WITH (FORCE)")
    await admin.close()


async def test_upgrade_makes_the_shared_tables_and_repeats_safely(package: str, empty_dsn: str) -> None:
    await upgrade(empty_dsn, package)
    await upgrade(empty_dsn, package)
    connection = await asyncpg.connect(empty_dsn)
    rows = await connection.fetch(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    )
    version = await connection.fetchval("SELECT version_num FROM alembic_version")
    await connection.close()
    assert {row["tablename"] for row in rows} >= {
        "alembic_version", "consumer_fence", "known_contact", "known_rulebook", "outbox", "rehearsal_clock",
    }  # fmt: skip
    assert version == head(package) == "0001"


async def test_upgrade_that_fails_leaves_nothing(package: str, empty_dsn: str, tmp_path: Path) -> None:
    broken = tmp_path / "sample_service" / "migrations" / "versions" / "0001_initial.py"
    broken.write_text(
        FIRST.replace("    create_shared_tables(op)", "    create_shared_tables(op)\n    1 / 0")
    )
    with pytest.raises(ZeroDivisionError):
        await upgrade(empty_dsn, package)
    connection = await asyncpg.connect(empty_dsn)
    count = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert count == 0


async def test_unknown_package_is_named() -> None:
    with pytest.raises(ValueError, match=r"shared\.nowhere"):
        await upgrade("postgresql://127.0.0.1/none", "shared.nowhere")
