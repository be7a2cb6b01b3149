"""``showcase topics``, ``showcase dlq`` and ``showcase replay``.

Exit codes: 0 done and nothing to complain of; 1 something was found or could not be done, as the
output says; 2 wrong use; 3 no broker or no database answers.
"""

import asyncio
import json
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import asyncpg
import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import DBAPIError

from shared.contracts.catalogue import CATALOGUE, TOPICS
from shared.db import Database
from shared.messaging.broker import BrokerTooOld, BrokerUnavailable
from shared.messaging.dlq import CannotReplay, Letter, groups_with_letters, read_letters, send_back
from shared.messaging.rewind import CannotRewind, Rewound, rewind
from shared.messaging.topics import TopicsDiffer, provision, verify
from shared.settings import SERVICE_NAMES, Settings

T = TypeVar("T")
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Group = Annotated[str, typer.Argument(help="The consumer group, e.g. notify or voting-tally.")]
_FOUND, _NO_SERVER = 1, 3

dlq_app = typer.Typer(help="Dead letters: records that a consumer group could not use.", no_args_is_help=True)
topics_app = typer.Typer(help="Topics, as the catalogue says.", no_args_is_help=True)
app = typer.Typer(no_args_is_help=True)
app.add_typer(dlq_app, name="dlq")
app.add_typer(topics_app, name="topics")
"""What the program's command line takes in: ``topics``, ``dlq`` and ``replay``."""


@topics_app.command("list")
def topics_list(as_json: Json = False) -> None:
    """The catalogue: every topic with its key, partitions, policy, producer and consumers."""
    rows = [
        {
            "topic": topic.name,
            "key": topic.key,
            "partitions": topic.partitions,
            "policy": "compact"
            if topic.compacted
            else f"{topic.retention_days} days"
            if topic.retention_days
            else "keep",
            "producer": topic.producer,
            "consumers": list(topic.consumers),
            "audience": topic.audience.value,
            "events": [event.__name__ for event in topic.events],
        }
        for topic in CATALOGUE
    ]
    _show(rows, as_json)


@topics_app.command("create")
def topics_create(
    group: Annotated[list[str] | None, typer.Option(help="Also the dead letters of this group.")] = None,
    as_json: Json = False,
) -> None:
    """Create the topics that are missing, then verify all of them."""
    settings = Settings()
    created = _run(_provisioned(settings, group or []))
    _show([{"topic": name, "created": True} for name in created], as_json, empty="Every topic is there.")


@topics_app.command("verify")
def topics_verify(as_json: Json = False) -> None:
    """Compare the broker's topics with the catalogue; exit code 1 if they differ."""
    settings = Settings()

    async def differences() -> list[str]:
        return await verify(settings, await groups_with_letters(settings))

    found = _run(differences())
    _show([{"difference": each} for each in found], as_json, empty="The topics are as the catalogue says.")
    if found:
        raise typer.Exit(_FOUND)


@dlq_app.command("list")
def dlq_list(
    group: Annotated[str, typer.Argument(help="One group; all of them if left out.")] = "",
    as_json: Json = False,
) -> None:
    """The dead letters that are still kept; exit code 1 if there are any."""
    settings = Settings()

    async def letters() -> list[Letter]:
        groups = [group] if group else await groups_with_letters(settings)
        return [letter for each in groups for letter in await read_letters(settings, each)]

    found = _run(letters())
    _show([_summary(letter) for letter in found], as_json, empty="No dead letters.")
    if found:
        raise typer.Exit(_FOUND)


@dlq_app.command("show")
def dlq_show(
    group: Group,
    where: Annotated[str, typer.Argument(metavar="PARTITION:OFFSET", help="As `dlq list` names it.")],
    as_json: Json = False,
) -> None:
    """One dead letter with its headers and its value."""
    letter = _pick(_run(read_letters(Settings(), group)), where)
    full = _summary(letter) | {
        "headers": {name: value.decode(errors="backslashreplace") for name, value in letter.headers},
        "value": None if letter.value is None else letter.value.decode(errors="backslashreplace"),
        "whole": letter.whole,
    }
    if as_json:
        typer.echo(json.dumps(full, ensure_ascii=False, indent=2))
        return
    for name, value in full.items():
        shown = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
        typer.echo(f"{name:<10} {shown[:2_000]}")


@dlq_app.command("replay")
def dlq_replay(
    group: Group,
    where: Annotated[
        list[str] | None, typer.Argument(metavar="[PARTITION:OFFSET]...", help="Which ones.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter of the group.")] = False,
    as_json: Json = False,
) -> None:
    """Send dead letters back to the group, after the reader has been mended.

    The originals are appended to their topics, addressed to this group alone.
    """
    if everything == bool(where):
        raise typer.BadParameter("name the letters, or give --all")
    settings = Settings()
    letters = _run(read_letters(settings, group))
    chosen = letters if everything else [_pick(letters, each) for each in where or []]
    try:
        _run(send_back(settings, chosen))
    except CannotReplay as error:
        raise _failed(str(error)) from error
    _show([_summary(letter) for letter in chosen], as_json, empty="No dead letters.")


@app.command("replay")
def replay(
    group: Group,
    topic: Annotated[str, typer.Option(help="The topic to read again.")],
    partition: Annotated[int | None, typer.Option(min=0, help="Only this partition.")] = None,
    to: Annotated[str, typer.Option(help="beginning, end, or an offset.")] = "beginning",
    service: Annotated[str, typer.Option(help="Whose database; read off the group's name.")] = "",
    as_json: Json = False,
) -> None:
    """Let a consumer group read a topic again from its beginning or from an offset.

    Handlers are idempotent: events that had their effect have none a second time. Workers that run
    notice at their next record; restart them to begin at once.
    """
    owner = service or group.partition("-")[0]
    if owner not in SERVICE_NAMES:
        raise typer.BadParameter(f"the group {group} names no service: give --service")
    if topic not in TOPICS:
        raise typer.BadParameter(f"there is no topic {topic} in the catalogue")
    if to not in ("beginning", "end") and not to.isdigit():
        raise typer.BadParameter("--to takes beginning, end, or an offset")
    settings = Settings()

    async def rewound() -> list[Rewound]:
        database = Database(settings.service_dsn(owner))
        try:
            return await rewind(settings, database, group, topic, partition=partition, to=to)
        finally:
            await database.close()

    try:
        moved = _run(rewound())
    except (CannotRewind, ValueError) as error:
        raise _failed(str(error)) from error
    _show([{"partition": each.partition, "from": each.before, "to": each.after} for each in moved], as_json)


async def _provisioned(settings: Settings, groups: list[str]) -> list[str]:
    return await provision(settings, groups)


def _summary(letter: Letter) -> dict[str, Any]:
    return {
        "group": letter.group,
        "letter": letter.where,
        "topic": letter.topic,
        "record": f"{letter.topic_partition}:{letter.topic_offset}",
        "key": (letter.key or b"").decode(errors="backslashreplace"),
        "reason": letter.reason,
        "attempts": letter.attempts,
        "at": letter.at,
    }


def _pick(letters: list[Letter], where: str) -> Letter:
    for letter in letters:
        if letter.where == where:
            return letter
    raise _failed(f"there is no dead letter {where}: `showcase dlq list` names them")


def _run(work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, or one sentence on standard error and the exit code for it."""
    try:
        return asyncio.run(work)
    except (BrokerUnavailable, BrokerTooOld) as error:
        raise _failed(str(error), _NO_SERVER) from error
    except (OSError, DBAPIError, asyncpg.PostgresError) as error:
        raise _failed(f"the database does not answer: {error}".split("\n")[0], _NO_SERVER) from error
    except TopicsDiffer as error:
        raise _failed(str(error)) from error


def _failed(sentence: str, code: int = _FOUND) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(code)


def _show(rows: list[dict[str, Any]], as_json: bool, *, empty: str = "Nothing.") -> None:
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    elif not rows:
        typer.echo(empty)
    else:
        table = Table(*rows[0])
        for row in rows:
            cells = (", ".join(cell) if isinstance(cell, list) else str(cell) for cell in row.values())
            table.add_row(*cells)
        Console().print(table)
