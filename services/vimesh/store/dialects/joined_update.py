"""Updates many rows with one statement, which joins their table with the new values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Column, Connection, Table
from sqlalchemy.engine.interfaces import Dialect as SqlalchemyDialect


class JoinedUpdate(ABC):
    """Sets `columns` of the rows whose `keys` have the given values. The new values are a table of `cells`, named n."""

    def __init__(self, table: Table, keys: Sequence[str], columns: Sequence[str]) -> None:
        self.table = table
        self.cells = (*(f"new_{name}" for name in columns), *(f"of_{name}" for name in keys))
        self.cell_columns: Sequence[Column[Any]] = [table.c[name] for name in (*columns, *keys)]
        self._keys = keys
        self._columns = columns

    @abstractmethod
    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Write rows of cells; see `BatchUpdate.run`."""

    def assignments(self, table: str = "") -> str:
        """Return the assignments; `table` is the prefix of the columns on the left-hand side."""
        return ", ".join(f"{table}{name} = n.new_{name}" for name in self._columns)

    @cached_property
    def key_condition(self) -> str:
        return " AND ".join(f"{self.table.name}.{key} = n.of_{key}" for key in self._keys)

    def processors(self, dialect: SqlalchemyDialect) -> Iterator[tuple[int, Callable[[Any], Any]]]:
        """Yield the position and the bind processor of each cell that needs one."""
        for position, column in enumerate(self.cell_columns):
            processor = column.type.dialect_impl(dialect).bind_processor(dialect)
            if processor is not None:
                yield position, processor
