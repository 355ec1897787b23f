"""Many rows changed at once, each to values of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Dialect,
    String,
    Table,
    TextClause,
    bindparam,
    text,
    update,
)
from sqlalchemy.dialects import mysql, postgresql

from vimesh.store.rows.visible_rows import Row
from vimesh.store.sql.prepared_statements import PreparedStatement

_CHUNK = 500_000
"""Bytes of JSON in one statement. Escaped they can be twice as many, and a server may take no more than 1 MiB."""


@dataclass(frozen=True)
class BatchUpdate:
    """New values for `columns` of the rows that are found by what their `keys` were."""

    table: Table
    keys: tuple[str, ...]
    columns: tuple[str, ...]

    def values(self, before: Row, after: Row) -> tuple[Any, ...]:
        """Return what `run` takes for a row, given as it was and as it shall be."""
        return (*(after[name] for name in self.columns), *(before[name] for name in self.keys))

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Write rows of new values and keys. One that is not found is left out; return how many were found.

        No two may be of one key. Texts must fit into their columns: MariaDB refuses a word that is too long, but cuts
        other text off.
        """
        if not rows:
            return 0
        if connection.dialect.name == "sqlite":
            return self._each.run_on(connection, rows)
        if connection.dialect.name == "postgresql":
            return self._from_arrays(connection, rows)
        return self._from_json(connection, rows)

    @cached_property
    def _cells(self) -> tuple[str, ...]:
        return (*(f"new_{name}" for name in self.columns), *(f"of_{name}" for name in self.keys))

    @cached_property
    def _typed(self) -> list[Column[Any]]:
        return [self.table.c[name] for name in (*self.columns, *self.keys)]

    @cached_property
    def _each(self) -> PreparedStatement:
        columns = self.table.c
        return PreparedStatement(
            update(self.table)
            .where(*(columns[name] == bindparam(f"of_{name}") for name in self.keys))
            .ordered_values(*((columns[name], bindparam(f"new_{name}")) for name in self.columns))
        )

    def _from_arrays(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        columns = [list(column) for column in zip(*rows, strict=True)]
        for position, process in _processors(self._typed, connection.dialect):
            columns[position] = [process(value) for value in columns[position]]
        return connection.exec_driver_sql(self._of_arrays, tuple(columns)).rowcount

    @cached_property
    def _of_arrays(self) -> str:
        arrays = ", ".join(f"${position}::{_array(column)}" for position, column in enumerate(self._typed, 1))
        return (
            f"UPDATE {self.table.name} SET {self._moved()} "  # noqa: S608 - the names are ours
            f"FROM unnest({arrays}) AS n({', '.join(self._cells)}) WHERE {self._found}"
        )

    def _moved(self, table: str = "") -> str:
        """Return the assignments; `table` is what qualifies the columns on their left sides."""
        return ", ".join(f"{table}{name} = n.new_{name}" for name in self.columns)

    @property
    def _found(self) -> str:
        return " AND ".join(f"{self.table.name}.{key} = n.of_{key}" for key in self.keys)

    def _from_json(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        # To these, the driver would send an UPDATE for each row, and wait for its answer.
        encoded = _encoder(self._cells, self._typed, connection.dialect)
        return sum(connection.execute(self._of_json, {"rows": chunk}).rowcount for chunk in _chunks(map(encoded, rows)))

    @cached_property
    def _of_json(self) -> TextClause:
        name = self.table.name
        typed = zip(self._cells, self._typed, strict=True)
        cells = ", ".join(f"{cell} {_type(column)} PATH '$.{cell}' ERROR ON ERROR" for cell, column in typed)
        # Straight, and by the key: whatever the server believes of the table's size, it looks at these rows only, and
        # so it locks no others.
        joined = (
            f"JSON_TABLE(:rows, '$[*]' COLUMNS ({cells})) AS n "
            f"STRAIGHT_JOIN {name} FORCE INDEX (PRIMARY) ON {self._found}"
        )
        return text(f"UPDATE {joined} SET {self._moved(f'{name}.')}")  # noqa: S608 - the names are ours


def _processors(columns: Sequence[Column[Any]], dialect: Dialect) -> Iterator[tuple[int, Callable[[Any], Any]]]:
    """Say by position which values have to be made into what the driver takes."""
    for position, column in enumerate(columns):
        processor = column.type.dialect_impl(dialect).bind_processor(dialect)
        if processor is not None:
            yield position, processor


def _array(column: Column[Any]) -> str:
    # Made VARCHAR, texts that are too long would be cut off without a word.
    if isinstance(column.type, String):
        return "TEXT[]"
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
    return f"{column.type.compile(dialect=dialect)}[]"


def _type(column: Column[Any]) -> str:
    if not isinstance(column.type, String):
        return column.type.compile(dialect=mysql.dialect())
    # Never too short: JSON_TABLE cuts off without a word what the column refuses. And any but a binary collation: of
    # two binary ones neither yields, and the table's has to win. It is the one that the index is in.
    return "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"


def _encoder(
    cells: Sequence[str], columns: Sequence[Column[Any]], dialect: Dialect
) -> Callable[[tuple[Any, ...]], str]:
    """Return what makes JSON of a row, its values as the columns' types hand them to the driver."""
    processors = dict(_processors(columns, dialect))

    def encoded(row: tuple[Any, ...]) -> str:
        held = (processors[place](value) if place in processors else value for place, value in enumerate(row))
        # What is missing is NULL. Servers disagree on what a null is.
        present = {cell: value for cell, value in zip(cells, held, strict=True) if value is not None}
        return json.dumps(present, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    return encoded


def _chunks(encoded: Iterable[str]) -> Iterator[str]:
    """Make JSON arrays of at most `_CHUNK` bytes; what is longer comes alone."""
    chunk: list[str] = []
    size = 0
    for row in encoded:
        length = len(row.encode()) + 1
        if chunk and size + length > _CHUNK:
            yield f"[{','.join(chunk)}]"
            chunk, size = [], 0
        chunk.append(row)
        size += length
    if chunk:
        yield f"[{','.join(chunk)}]"
