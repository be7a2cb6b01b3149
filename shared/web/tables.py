"""Lists that filter, sort, page and export: one description for the page and its CSV."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi import Request, Response

from shared.clock import BANGKOK
from shared.thai.order import thai_order

PAGE_SIZE = 50
_OWN = ("q", "sort", "page", "format")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. A cell is text, a number, a date, an instant, a bool, None, or
    ``{"badge": text, "kind": …, "sort": …}``."""

    key: str
    th: str
    en: str
    numeric: bool = False
    sortable: bool = True


@dataclass(frozen=True, slots=True)
class Filter:
    """A choice that keeps the rows whose ``key`` (or ``value_of(row)``) equals the chosen value."""

    key: str
    th: str
    en: str
    options: Sequence[tuple[str, str]]
    value_of: Callable[[Row], Any] | None = None


@dataclass(frozen=True, slots=True)
class TableView:
    """What the ``table`` macro shows."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    """Of this page."""
    matching: tuple[Row, ...]
    """Of all pages, for the CSV."""
    total_unfiltered: int
    page: int
    pages: int
    sort: str
    descending: bool
    q: str = ""
    searchable: bool = True
    filters: tuple[Filter, ...] = ()
    chosen: Mapping[str, str] = field(default_factory=dict)
    carried: tuple[tuple[str, str], ...] = ()
    """Other parameters of the address, which the filter form must not lose."""

    @property
    def total(self) -> int:
        """How many rows match."""
        return len(self.matching)


def table_view(
    request: Request,
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    filters: Sequence[Filter] = (),
    search: Sequence[str] = (),
    sort: str = "",
    page_size: int = PAGE_SIZE,
) -> TableView:
    """Apply ``?q= &sort= &page=`` and the filters of the address to ``rows``.

    Args:
        search: keys whose text ``q`` looks into; none = no search box.
        sort: the order without ``?sort=``; a leading ``-`` reverses it; empty keeps the given order.
    """
    query = request.query_params
    chosen = {each.key: query[each.key] for each in filters if query.get(each.key)}
    matching = [
        row
        for row in rows
        if all(
            str(each.value_of(row) if each.value_of else _plain(row.get(each.key))) == chosen[each.key]
            for each in filters
            if each.key in chosen
        )
    ]
    q = query.get("q", "").strip() if search else ""
    if q:
        needle = q.casefold()
        matching = [
            row for row in matching if any(needle in _text(row.get(key)).casefold() for key in search)
        ]
    wanted = query.get("sort") or sort
    descending, key = wanted.startswith("-"), wanted.removeprefix("-")
    if key in {column.key for column in columns if column.sortable}:
        matching.sort(key=lambda row: _order(row.get(key)), reverse=descending)
        # empty cells stay at the end, whichever way
        matching.sort(key=lambda row: _order_value(row.get(key)) in (None, ""))
    else:
        key = ""
    pages = max(1, -(-len(matching) // page_size))
    given = query.get("page", "1")
    page = min(max(int(given) if given.isdecimal() and len(given) < 7 else 1, 1), pages)
    own = {*_OWN, *(each.key for each in filters)}
    return TableView(
        columns=tuple(columns),
        rows=tuple(matching[(page - 1) * page_size : page * page_size]),
        matching=tuple(matching),
        total_unfiltered=len(rows),
        page=page,
        pages=pages,
        sort=key,
        descending=descending,
        q=q,
        searchable=bool(search),
        filters=tuple(filters),
        chosen=chosen,
        carried=tuple((name, value) for name, value in query.multi_items() if name not in own),
    )


def wants_csv(request: Request) -> bool:
    """Whether the address asks for the list as CSV (``?format=csv``)."""
    return request.query_params.get("format") == "csv"


def csv_response(name: str, view: TableView, language: str = "th") -> Response:
    """Every matching row as a CSV file that Excel shows in Thai (UTF-8 with BOM).

    ``name`` is the file's name without ``.csv``, in ASCII.
    """
    header = [column.en if language == "en" else column.th for column in view.columns]
    rows = [[row.get(column.key) for column in view.columns] for row in view.matching]
    return csv_file(name, header, rows)


def csv_file(name: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Response:
    """A CSV file (UTF-8 with BOM); text that a spreadsheet would run as a formula is defused."""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow([_defused(cell) for cell in header])
    writer.writerows([[_defused(cell) for cell in row] for row in rows])
    return Response(
        output.getvalue().encode("utf-8-sig"),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def _plain(cell: Any) -> Any:
    return cell.get("badge") if isinstance(cell, Mapping) else cell


def _text(cell: Any) -> str:
    cell = _plain(cell)
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(BANGKOK).isoformat(timespec="seconds")
    return str(cell)


def _defused(cell: Any) -> Any:
    """A cell for CSV: numbers stay numbers, text never starts like a formula."""
    cell = _plain(cell)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        text = _text(cell)
        return f"'{text}" if text.startswith(_FORMULA) else text
    return cell


def _order_value(cell: Any) -> Any:
    return cell.get("sort", cell.get("badge")) if isinstance(cell, Mapping) else cell


def _order(cell: Any) -> tuple[int, Any]:
    """A key that compares cells of any kind."""
    value = _order_value(cell)
    if isinstance(value, int | float):
        return (0, value)
    if isinstance(value, datetime):
        return (1, value.timestamp())
    return (2, thai_order(_text(value)))
