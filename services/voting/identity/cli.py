"""``destroy-identity-keys``: the end of a contest's personal data, by one command."""

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.voting.identity.destruction import (
    Checked,
    DestroyKeys,
    Report,
    as_tried,
    check,
    destroy_keys,
    read_report,
    shred,
)
from services.voting.identity.tables import IdentityDestruction
from shared.clock import DatabaseClock
from shared.db import Database
from shared.errors import Conflict, DomainError
from shared.root_secret import root_secret
from shared.settings import Settings

DESTROYED, REFUSED, LINKED = 0, 1, 2


def destroy_identity_keys(
    contest: Annotated[str, typer.Option(help="Slug of the contest, such as smart-city-2022.")],
    by: Annotated[str, typer.Option(help="Post of whoever destroys them; kept and published.")] = "",
    confirm: Annotated[
        str, typer.Option(help="The contest's slug again; asked for where it is not given.")
    ] = "",
    only_check: Annotated[
        bool, typer.Option("--check", help="Destroy nothing: put the questions to the data again.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Destroy the keys that tie a contest's voters to people, and show that nothing links any more.

    Refused before the appeal period has ended. Keys of receipts and signatures stay. Exit code 0: done
    (or, with --check, nothing links); 1: refused, nothing was done; 2: something still links, could not
    be tried, or a receipt no longer verifies. Every IPv4 network is tried, which takes a minute; no IPv6 one.
    """
    settings = Settings()
    if not only_check:
        if not by.strip():
            _refuse("Name the post of whoever destroys the keys: --by 'ผู้อำนวยการฝ่าย…'.")
        typed = confirm or typer.prompt(
            f"This cannot be undone. Type {contest} to destroy the identity keys of its voters", err=True
        )
        if typed.strip() != contest:
            _refuse("That is not the contest's slug. Nothing was done.")
    try:
        report = asyncio.run(_run(settings, contest, by.strip(), only_check=only_check))
    except DomainError as error:
        _refuse(f"{error.th}\n{error.en}")
    if as_json:
        typer.echo(json.dumps(asdict(report) | {"holds": report.holds}, ensure_ascii=False, default=str))
    else:
        print_report(report)
    raise typer.Exit(DESTROYED if report.holds else LINKED)


def _refuse(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    raise typer.Exit(REFUSED)


async def _run(settings: Settings, contest_id: str, by: str, *, only_check: bool) -> Report:
    root = root_secret(settings.voting_secret.get_secret_value(), "SHOWCASE_VOTING_SECRET")
    database = Database(settings.service_dsn("voting"))
    try:
        if only_check:
            return await _checked(database, root, contest_id)
        async with database.transaction() as session:
            report = await destroy_keys(session, DatabaseClock(), root, DestroyKeys(contest_id, by))
        await shred(database)
        return report
    finally:
        await database.close()


async def _checked(database: Database, root: bytes, contest_id: str) -> Report:
    async with database.transaction() as session:
        kept = await session.get(IdentityDestruction, contest_id)
        if kept is None:
            raise Conflict(
                "กุญแจตัวตนของการประกวดนี้ยังไม่ถูกทำลาย",
                "The identity keys of this contest have not been destroyed.",
            )
        report = read_report(kept)
        now = as_tried(report.before, await check(session, root, contest_id))
    return Report(contest_id, report.destroyed_by, report.destroyed_at, report.before, now)


def print_report(report: Report) -> None:
    """What was checked, before and after."""
    console = Console(highlight=False)
    console.print(
        f"Identity keys of {report.contest_id}: destroyed at {report.destroyed_at:%Y-%m-%d %H:%M %Z} "
        f"by {report.destroyed_by}"
    )
    table = Table("question", "before", "after")
    for question, before, after in zip(
        _QUESTIONS, _answers(report.before), _answers(report.after), strict=True
    ):
        table.add_row(question, before, after)
    console.print(table)
    if report.holds:
        console.print("[green]Nothing that was tried ties a voter to a person; receipts verify as before.[/]")
    elif report.after.untried and not report.after.linked and report.after.proven:
        what = ", ".join(report.after.untried)
        console.print(f"[bold yellow]Not tried, so nothing is claimed of it: {what}.[/]")
    else:
        console.print("[bold red]The data does not stand as it should: see the table.[/]")
    if report.networks_left:
        console.print(
            f"[yellow]Not tried, so nothing is claimed of them: {report.networks_left:,} networks that the "
            "key did not find before either. Only IPv4 is tried.[/]"
        )
    console.print("Backups and archived write-ahead log of before still hold the key: let them expire.")


_QUESTIONS = (
    "sealed addresses that open, of those tried",
    "voters that follow from what is kept of them, of those tried",
    "networks on the log that are found by trying every IPv4 /24, of those tried",
    "receipts that verify under the signed head, of those tried",
    "signature of the newest head",
)


def _answers(found: Checked) -> tuple[str, str, str, str, str]:
    head = {None: "no head", True: "valid", False: "NOT valid"}[found.head_verified]
    said = {
        "addresses": f"{found.addresses_opened:,} of {found.addresses_tried:,}",
        "voters": f"{found.voters_derived:,} of {found.voters_tried:,}",
        "networks": f"{found.networks_derived:,} of {found.networks_tried:,}",
    } | dict.fromkeys(found.untried, "not tried")
    networks = "not asked" if found.networks is None else f"on the log: {found.networks:,}"
    return (
        f"{said['addresses']} (kept: {found.addresses:,})",
        f"{said['voters']} (people with a ballot: {found.voters:,})",
        f"{said['networks']} ({networks})",
        f"{found.receipts_verified:,} of {found.receipts:,}",
        head,
    )
