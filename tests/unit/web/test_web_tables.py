"""Lists: filter, sort, page, CSV."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from shared.web.tables import Column, Filter, csv_file, csv_response, table_view, wants_csv

COLUMNS = (
    Column("name", "ชื่อ", "Name"),
    Column("total", "คะแนน", "Total", numeric=True),
    Column("state", "สถานะ", "State"),
)
ROWS = [
    {"name": "ข ไก่", "total": 3, "state": {"badge": "ผ่าน", "kind": "good"}},
    {"name": "ก ไก่", "total": 12, "state": {"badge": "รอ"}},
    {"name": "ค ควาย", "total": None, "state": {"badge": "ผ่าน"}},
]
STATE = Filter("state", "สถานะ", "State", [("ผ่าน", "ผ่าน"), ("รอ", "รอ")])


def asking(query: str) -> Request:
    scope: dict[str, Any] = {"type": "http", "path": "/list", "query_string": query.encode(), "headers": []}
    return Request(scope)


def names(query: str, **options: Any) -> list[str]:
    return [row["name"] for row in table_view(asking(query), COLUMNS, ROWS, **options).rows]


def test_sorts_either_way_and_keeps_empty_cells_at_the_end() -> None:
    assert names("sort=total") == ["ข ไก่", "ก ไก่", "ค ควาย"]
    assert names("sort=-total") == ["ก ไก่", "ข ไก่", "ค ควาย"]
    assert names("sort=name") == ["ก ไก่", "ข ไก่", "ค ควาย"]
    assert names("", sort="-name") == ["ค ควาย", "ข ไก่", "ก ไก่"]


def test_an_unknown_sort_key_keeps_the_given_order() -> None:
    assert names("sort=password") == ["ข ไก่", "ก ไก่", "ค ควาย"]


def test_filters_and_searches() -> None:
    query = "state=%E0%B8%9C%E0%B9%88%E0%B8%B2%E0%B8%99"
    assert names(query, filters=(STATE,)) == ["ข ไก่", "ค ควาย"]
    assert names("q=%E0%B9%84%E0%B8%81%E0%B9%88", search=("name",)) == ["ข ไก่", "ก ไก่"]
    view = table_view(asking("q=zzz&contest=2022"), COLUMNS, ROWS, search=("name",), filters=(STATE,))
    assert (view.rows, view.total, view.total_unfiltered, view.carried) == ((), 0, 3, (("contest", "2022"),))


@given(page=st.text(max_size=12), size=st.integers(1, 5))
def test_any_page_parameter_gives_a_page(page: str, size: int) -> None:
    request = asking("")
    request._query_params = None
    scope = {**request.scope, "query_string": b"page=" + page.encode("utf-8", "ignore")}
    view = table_view(Request(scope), COLUMNS, ROWS, page_size=size)
    assert 1 <= view.page <= view.pages
    assert 1 <= len(view.rows) <= size


def test_pages_cover_every_row_once() -> None:
    found = [
        row["name"]
        for page in (1, 2)
        for row in table_view(asking(f"page={page}"), COLUMNS, ROWS, page_size=2).rows
    ]
    assert found == [row["name"] for row in ROWS]


def test_csv_has_a_bom_every_matching_row_and_no_formula() -> None:
    at = datetime(2022, 8, 5, 2, 12, tzinfo=UTC)
    response = csv_file(
        "entries",
        ["ชื่อ", "คะแนน", "เมื่อ"],
        [["=HYPERLINK(1)", -3, at], ["@x", 1.5, None], ['ไก่, "ขาว"', True, at + timedelta(days=1)]],
    )
    assert response.body.decode("utf-8-sig").split("\r\n") == [
        "ชื่อ,คะแนน,เมื่อ",
        "'=HYPERLINK(1),-3,2022-08-05T09:12:00+07:00",
        "'@x,1.5,",
        '"ไก่, ""ขาว""",True,2022-08-06T09:12:00+07:00',
        "",
    ]
    assert response.body.startswith(b"\xef\xbb\xbf")
    assert response.headers["content-disposition"] == 'attachment; filename="entries.csv"'


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_defuses_whatever_a_spreadsheet_would_run(start: str) -> None:
    attack = f"{start}cmd|' /C calc'!A0"
    body = csv_file("x", [attack], [[attack]]).body.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(body, newline=""))) == [[f"'{attack}"], [f"'{attack}"]]


def test_csv_of_a_view_ignores_its_pages() -> None:
    request = asking("format=csv&sort=name")
    view = table_view(request, COLUMNS, ROWS, page_size=1)
    assert wants_csv(request)
    assert csv_response("x", view, "en").body.decode("utf-8-sig").split("\r\n") == [
        "Name,Total,State",
        "ก ไก่,12,รอ",
        "ข ไก่,3,ผ่าน",
        "ค ควาย,,ผ่าน",
        "",
    ]
