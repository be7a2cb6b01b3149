"""Commands of notify: ``letters`` and ``notices``."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from services.notify import repository
from services.notify.delivery_cli import notices
from services.notify.handlers.register_heads import still_holds
from services.notify.handlers.verifying import BookChecked, verify_registers
from services.notify.letters.export import export
from shared import known
from shared.db import Database
from shared.errors import DomainError
from shared.settings import Settings

app = typer.Typer(
    help="Commands of notify.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
letters = typer.Typer(help="Official letters and their registers.", no_args_is_help=True)
app.add_typer(letters, name="letters")
app.add_typer(notices, name="notices")

HOLDS, BROKEN = 0, 3


@app.callback()
def root() -> None:
    """A group, also while it has one command."""


@letters.callback()
def group() -> None:
    """A group, also while it has one command."""


@letters.command()
def verify(
    contest: Annotated[str, typer.Argument(help="Slug of the contest; empty = all.")] = "",
    kept: Annotated[
        list[str] | None,
        typer.Option("--head", help="A head that was kept: AGENCY/BOOK/POSITION/SHA256; may be repeated."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: the books, and the heads that were given.")
    ] = False,
) -> None:
    """Check the chain of every register, its numbers, its letters and files; name the first entry that is
    broken, and every head that was kept and does not hold. Exit code 0 all hold, 3 broken."""
    if kept and not contest:
        typer.echo("--head needs the slug of the contest", err=True)
        raise typer.Exit(2)
    try:
        books, lost = asyncio.run(_verify(contest, kept or []))
    except DomainError as error:
        typer.echo(error.in_language("en"), err=True)
        raise typer.Exit(2) from error
    if as_json:
        heads = [{"head": head, "holds": head not in lost} for head in kept or []]
        found = {"books": [asdict(book) for book in books], "heads": heads}
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        for book in books:
            typer.echo(_sentence(book))
        if not books:
            typer.echo("No register has an entry yet.")
        for head in kept or []:
            typer.echo(f"{head}: {'BROKEN: what is up to it was changed' if head in lost else 'holds'}")
    raise typer.Exit(BROKEN if lost or any(book.broken for book in books) else HOLDS)


@letters.command("export-certificates")
def export_certificates(
    contest: Annotated[str, typer.Argument(help="Slug of the contest.")],
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
) -> None:
    """Write a plain folder of HTML and JSON that answers /verify/<code> without this system."""
    try:
        count = asyncio.run(_export(contest, folder))
    except DomainError as error:
        typer.echo(error.in_language("en"), err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{count} certificates in {folder}; serve it at the address that is printed on them.")


async def _export(contest: str, folder: Path) -> int:
    database = Database(Settings().service_dsn("notify"))
    try:
        async with database.transaction() as session:
            rulebook = await known.rulebook(session, contest)
            rows = await repository.certificates.certificates(session, contest)
        return export(rows, rulebook.name.th, folder)
    finally:
        await database.close()


async def _verify(contest: str, kept: list[str]) -> tuple[list[BookChecked], list[str]]:
    """Every book, and the heads of ``kept`` that do not hold."""
    database = Database(Settings().service_dsn("notify"))
    try:
        books = await verify_registers(database, contest)
        async with database.transaction() as session:
            lost = [one for one in kept if not await still_holds(session, contest, one.split("/"))]
        return books, lost
    finally:
        await database.close()


def _sentence(book: BookChecked) -> str:
    name = f"{book.contest_id} {book.agency} {book.book}"
    if book.broken is None:
        return f"{name}: {book.entries} entries hold, head {book.head_sha256[:16]}"
    return f"{name}: BROKEN at entry {book.broken.position}: {book.broken.what}"
