"""What a person at the terminal sees: a bar for each act, then the table of figures."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.demo.figures import Figure

_WIDTH = 16
"""A longer text is cut in the table; the summary has all of it."""


class Show:
    """Progress on the terminal; plain lines where it is none."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "Show":
        self._bars.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._bars.stop()

    @contextmanager
    def act(self, title: str, total: int) -> Iterator["Show"]:
        """One act of ``total`` steps."""
        if not self._console.is_terminal:
            self._console.print(title)
        self._task = self._bars.add_task(f"{title:<42}", total=total)
        yield self
        self._bars.update(self._task, completed=total)

    def advance(self, steps: int = 1) -> None:
        """So many steps more are done."""
        if self._task is not None:
            self._bars.advance(self._task, steps)


def print_figures(console: Console, figures: Sequence[Figure]) -> None:
    """Expected and found, from the pages and from the log."""
    table = Table(
        "what", "expected", "pages and API", "from the log", "", show_edge=False, box=box.SIMPLE_HEAD
    )
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[2:]:
        column.justify = "right"
    for figure in figures:
        mark = "[green]✓[/]" if figure.agrees else "[bold red]✗[/]"
        table.add_row(mark, figure.name, _shown(figure.expected), _shown(figure.api), _shown(figure.log))
    console.print(table)


def _shown(value: int | str | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return value if len(value) <= _WIDTH else value[: _WIDTH - 1] + "…"
