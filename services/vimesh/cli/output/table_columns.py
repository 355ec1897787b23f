"""What the table of each kind of thing has for columns: one registry for tables, CSV, `--column` and `--sort-by`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from vimesh.cli.output import documents

if TYPE_CHECKING:
    from decimal import Decimal

T = TypeVar("T")


class Visibility(Enum):
    """When a column is shown if none is named."""

    ALWAYS = auto()
    WIDE = auto()
    """With `-o wide`."""
    IF_ANY = auto()
    """If a cell of it has a text; and with `-o wide`."""
    NAMED = auto()
    """Never."""


@dataclass(frozen=True, slots=True)
class TableColumn(Generic[T]):
    title: str
    cell: Callable[[T], str]
    """What people read."""
    visibility: Visibility = Visibility.ALWAYS
    value: Callable[[T], str | float | Decimal] | None = None
    """What programs read and rows are sorted by, if that is not the cell: a time, instead of how long ago that was."""

    def value_of(self, item: T) -> str | float | Decimal:
        return self.cell(item) if self.value is None else self.value(item)


def _document(item: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a message: things of other kinds bring a function
    return documents.document(item)


@dataclass(frozen=True)
class ResourceTable(Generic[T]):
    """How things of one kind are listed."""

    columns: Sequence[TableColumn[T]]
    name: Callable[[T], str]
    """What `-o name` prints: what other commands take for it."""
    document: Callable[[T], Mapping[str, Any]] = _document
    """What `-o json` prints, of things that are no messages."""

    def column(self, title: str) -> TableColumn[T]:
        """Return a column by its title, in any case. Raises ValueError."""
        wanted = title.strip().upper()
        for column in self.columns:
            if column.title == wanted:
                return column
        titles = ", ".join(column.title for column in self.columns)
        raise ValueError(f"must be one of {titles}, not {title[:50]!r}")

    def shown(self, items: Iterable[T], *, wide: bool = False) -> list[TableColumn[T]]:
        """Return the columns to show if none is named. `items`: the first of the list."""
        items = list(items)
        return [column for column in self.columns if _is_shown(column, items, wide=wide)]


def _is_shown(column: TableColumn[T], items: Sequence[T], *, wide: bool) -> bool:
    if column.visibility is Visibility.IF_ANY:
        return wide or any(map(column.cell, items))
    return column.visibility is Visibility.ALWAYS or (wide and column.visibility is Visibility.WIDE)
