"""The flags that all commands with a list have, and what they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import typer

from vimesh.cli.formats.output_formats import Output
from vimesh.cli.output.table_columns import ResourceTable, TableColumn
from vimesh.domain.settings import BadFlag

T = TypeVar("T")

_COLUMN: Final = "--column"
_NO_HEADERS: Final = "--no-headers"
_SORT_BY: Final = "--sort-by"
_DESCENDING: Final = "DESC"
_TABLES: Final = (Output.TABLE, Output.WIDE, Output.CSV)

Columns = Annotated[
    list[str] | None,
    typer.Option(
        _COLUMN,
        "-c",
        metavar="COLUMN",
        help="Column to show in a table or in CSV, in this order; may be given several times.",
    ),
]
NoHeaders = Annotated[bool, typer.Option(_NO_HEADERS, help="Leave out the titles of a table or of CSV.")]
SortBy = Annotated[
    str | None,
    typer.Option(
        _SORT_BY, metavar="COLUMN", help="Column to sort by, after all rows have arrived; 'COLUMN desc' reverses."
    ),
]


@dataclass(frozen=True, slots=True)
class ListChoice:
    """How to print a list."""

    output: Output
    columns: Sequence[str] = ()
    """Titles; none: those that are shown by default."""
    more_columns: Sequence[str] = ()
    """Titles of columns that follow those shown by default."""
    headers: bool = True
    sort_by: TableColumn[Any] | None = None
    descending: bool = False
    limit: int | None = None

    @property
    def limit_of_fetch(self) -> int | None:
        """How many items to fetch: those that are first by a column are known only when all are there."""
        return self.limit if self.sort_by is None else None


def list_choice(  # noqa: PLR0913 - one parameter per flag
    output: Output,
    table: ResourceTable[T],
    *,
    columns: Sequence[str] | None,
    no_headers: bool,
    sort_by: str | None,
    limit: int | None = None,
    more_columns: Sequence[str] = (),
) -> ListChoice:
    """Check the flags of a list. Raises BadFlag."""
    if output not in _TABLES:
        for flag, is_given in ((_COLUMN, columns), (_NO_HEADERS, no_headers)):
            if is_given:
                raise BadFlag(flag, f"is for tables and CSV, not for --output {output.name}")
    column, descending = _order(table, sort_by)
    return ListChoice(
        output=output,
        columns=[_column(table, _COLUMN, title).title for title in columns or ()],
        more_columns=more_columns,
        headers=not no_headers,
        sort_by=column,
        descending=descending,
        limit=limit,
    )


def _order(table: ResourceTable[T], text: str | None) -> tuple[TableColumn[T] | None, bool]:
    if text is None:
        return None, False
    title, _, direction = text.strip().rpartition(" ")
    if direction.upper() == _DESCENDING:
        return _column(table, _SORT_BY, title), True
    return _column(table, _SORT_BY, text), False


def _column(table: ResourceTable[T], flag: str, title: str) -> TableColumn[T]:
    try:
        return table.column(title)
    except ValueError as error:
        raise BadFlag(flag, str(error)) from None
