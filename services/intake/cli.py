"""Commands of intake: ``admin EMAIL``, ``contest check PATH``, ``contest seal PATH``."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.domain.contest_check import check as findings_of
from services.intake.domain.contest_check import only_a_rehearsal, open_findings
from services.intake.domain.contest_file import ContestFile, ContestFileUnreadable, read
from services.intake.domain.contest_findings import Finding, FindingStatus
from services.intake.handlers import contests
from services.intake.handlers.contacts import DEPLOYMENT, Person, add_person
from shared import known
from shared.clock import DatabaseClock
from shared.contracts.ids import ContactId
from shared.contracts.intake import Role
from shared.contracts.rulebook import Rulebook
from shared.db import Database
from shared.errors import DomainError
from shared.settings import Settings

app = typer.Typer(
    help="Commands of intake.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
contest = typer.Typer(help="Check a contest file, or seal it.", no_args_is_help=True)
app.add_typer(contest, name="contest")

READY, NOT_READY, UNREADABLE, UNREACHABLE = 0, 1, 2, 3
_MARKS = {
    FindingStatus.OPEN: ("open", "bold red"),
    FindingStatus.ASSUMED: ("assumed", "yellow"),
    FindingStatus.DECIDED: ("decided", "green"),
}
T = TypeVar("T")
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PathArgument = Annotated[Path, typer.Argument(help="A contest.toml, or the folder that holds it.")]


@app.command()
def admin(
    email: Annotated[str, typer.Argument(help="E-mail address, to which sign-in codes are sent.")],
    name: Annotated[str, typer.Option(help="Name of the person.")] = "",
) -> None:
    """Make someone an administrator; the first one of a deployment is made so."""
    if email.count("@") != 1 or email.startswith("@") or email.endswith("@") or any(map(str.isspace, email)):
        _fail(f"{email!r} is no e-mail address.", UNREADABLE)

    async def add(session: AsyncSession) -> str:
        contest_id = await known.current_contest(session) or DEPLOYMENT
        person = Person(email=email, name=name, roles=frozenset({Role.ADMIN, Role.STAFF}))
        return (await add_person(session, contest_id, person)).contact_id

    contact_id = _in_transaction(add)
    typer.echo(f"{email} is an administrator (contact {contact_id}). Sign in with a code at /signin.")


@contest.command("check")
def check(path: PathArgument, as_json: JsonOption = False) -> None:
    """List what the sources of a contest contradict, leave blank or do not rule, and who decided it.

    Exit code: 0 nothing is open, 1 something is, 2 the file cannot be read.
    """
    file = _read(path, as_json=as_json)
    found = findings_of(file)
    if as_json:
        typer.echo(json.dumps(_as_json(file, found), ensure_ascii=False, indent=2, default=str))
    else:
        _print(file, found)
    raise typer.Exit(NOT_READY if open_findings(found) else READY)


@contest.command("seal")
def seal(
    path: PathArgument,
    by: Annotated[str, typer.Option("--by", help="Who seals: the contact id of a member of staff.")] = "",
    rehearsal: Annotated[
        bool, typer.Option("--rehearsal", help="Seal as a rehearsal, which assumed decisions need.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Seal a contest file and publish it.

    Exit code: 0 sealed, 1 something is open, 2 the file cannot be read, 3 no database.
    """
    file = _read(path, as_json=as_json)
    text = _file_of(path).read_text(encoding="utf-8")

    async def run(session: AsyncSession) -> Rulebook:
        clock, author = DatabaseClock(), ContactId(by or "operator")
        await contests.draft_contest(session, clock, text, author)
        return await contests.seal_contest(session, clock, file.slug, author, rehearsal=rehearsal)

    contests.checked(text)
    if not rehearsal and only_a_rehearsal(findings_of(file)):
        _fail(
            "Some decisions are only assumed, so this contest can be sealed only as a rehearsal: "
            "add --rehearsal, or let the post that decides confirm them in the file.",
            NOT_READY,
        )
    rulebook = _in_transaction(run)
    if as_json:
        summary = {
            "contest_id": rulebook.contest_id,
            "number": rulebook.number,
            "rehearsal": rulebook.rehearsal,
            "sha256": rulebook.sha256(),
        }
        typer.echo(json.dumps(summary))
    else:
        kind = "rehearsal" if rulebook.rehearsal else "contest"
        typer.echo(f"Sealed: {kind} {rulebook.contest_id}, rulebook 1, SHA-256 {rulebook.sha256()}")


def _file_of(path: Path) -> Path:
    return path / "contest.toml" if path.is_dir() else path


def _read(path: Path, *, as_json: bool) -> ContestFile:
    target = _file_of(path)
    try:
        return read(target.read_text(encoding="utf-8"))[0]
    except OSError as error:
        _fail(f"{target} cannot be read: {error.strerror}.", UNREADABLE)
    except UnicodeDecodeError as error:
        _fail(f"{target} is not UTF-8 (byte {error.start}): save it as UTF-8.", UNREADABLE)
    except ContestFileUnreadable as error:
        if as_json:
            faults = [
                {"line": fault.line, "field": fault.field, "th": fault.th, "en": fault.en}
                for fault in error.faults
            ]
            typer.echo(json.dumps({"readable": False, "faults": faults}, ensure_ascii=False, indent=2))
            raise typer.Exit(UNREADABLE) from error
        lines = "\n".join(f"{target}:{fault.line}: {fault.field}: {fault.en}" for fault in error.faults)
        _fail(lines, UNREADABLE)


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


def _in_transaction(run: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async def whole() -> T:
        database = Database(Settings().service_dsn("intake"), pool_size=1)
        try:
            async with database.transaction() as session:
                return await run(session)
        finally:
            await database.close()

    try:
        return asyncio.run(whole())
    except DomainError as error:
        _fail(error.en, NOT_READY)
    except ValueError as error:
        _fail(
            f"{error}. Start the system with `make up` first; --var names its folder where that is not "
            "./var (the demo's is var/demo).",
            UNREACHABLE,
        )
    except (OSError, SQLAlchemyError) as error:
        reason = getattr(error, "orig", None) or error
        _fail(f"intake's database cannot be used: {reason}", UNREACHABLE)


def _as_json(file: ContestFile, found: tuple[Finding, ...]) -> dict[str, Any]:
    return {
        "readable": True,
        "contest_id": file.slug,
        "ready_to_seal": not open_findings(found),
        "only_a_rehearsal": only_a_rehearsal(found),
        "findings": [
            {
                "key": finding.key,
                "kind": finding.kind.value,
                "status": finding.status.value,
                "title": finding.title.model_dump(),
                "places": [
                    {"source": place.source.model_dump(), "place": place.place, "text": place.text}
                    for place in finding.places
                ],
                "decision": finding.decision.model_dump(mode="json") if finding.decision else None,
            }
            for finding in found
        ],
    }


def _print(file: ContestFile, found: tuple[Finding, ...]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"{file.slug}: {len(found)} matters that the sources contradict or leave open\n"))
    for finding in found:
        mark, style = _MARKS[finding.status]
        console.print(Text(f"{mark:8}", style=style), Text(f"{finding.title.en}", style="bold"))
        console.print(Text(f"         {finding.title.th}  [{finding.key}]", style="dim"))
        for place in finding.places:
            console.print(Text(f"         · {place.source.en}, {place.place}: “{place.text}”"))
        decision = finding.decision
        if decision is not None:
            why = decision.reason_en or decision.reason
            console.print(Text(f"         → {decision.value}  ({decision.decided_by}: {why})"))
    still_open = len(open_findings(found))
    if still_open:
        console.print(
            Text(f"\nNot ready to seal: {still_open} to decide under [decisions].", style="bold red")
        )
    elif only_a_rehearsal(found):
        console.print(Text("\nCan be sealed as a rehearsal: some decisions are assumed.", style="yellow"))
    else:
        console.print(Text("\nReady to seal.", style="green"))
