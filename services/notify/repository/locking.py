"""Reading a row that is about to be changed."""

from typing import TypeVar

from sqlmodel.sql.expression import SelectOfScalar

T = TypeVar("T")


def for_update(query: SelectOfScalar[T], *, skip_locked: bool = False) -> SelectOfScalar[T]:
    """The query, holding its rows until the transaction ends. What it reads is the rows as they are once they
    are held, also where the session has read them before."""
    return query.with_for_update(skip_locked=skip_locked).execution_options(populate_existing=True)
