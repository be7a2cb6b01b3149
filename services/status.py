"""``showcase status`` at a terminal."""

from rich.console import Console
from rich.table import Table

from shared.embedded.status import Status


def print_status(status: Status) -> None:
    """The status as a table."""
    console = Console(highlight=False)
    console.print(f"[bold]{status.state}[/]" + (": " + "; ".join(status.reasons) if status.reasons else ""))
    if status.addresses is None:
        return
    table = Table("what", "where", "process", "memory", show_edge=False)
    where = {
        "showcase": status.addresses.http,
        "broker": f"{status.addresses.bootstrap_servers} ({status.addresses.broker})",
        "postgres": status.addresses.database_url.rpartition("@")[2],
    }
    pids = {"showcase": status.addresses.pid, **status.addresses.processes}
    for name, pid in pids.items():
        table.add_row(name, where.get(name, ""), str(pid), f"{status.memory_mb.get(name, 0):.0f} MB")
    table.add_row("mail", status.addresses.mail["pages"] or status.addresses.mail["smtp"], "", "")
    table.add_section()
    table.add_row("all", "", "", f"{sum(status.memory_mb.values()):.0f} MB")
    console.print(table)
