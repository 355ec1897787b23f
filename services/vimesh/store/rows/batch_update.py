"""Updates many rows at once, each with its own values."""

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
"""Bytes of JSON per statement. Escaping can double them, and a server may accept no more than 1 MiB."""


@dataclass(frozen=True)
class BatchUpdate:
    """Sets `columns` of the rows whose `keys` have the given values."""

    table: Table
    keys: tuple[str, ...]
    columns: tuple[str, ...]

    def values(self, before: Row, after: Row) -> tuple[Any, ...]:
        """Return the tuple that `run` expects for a row, given its old and its new state."""
        return (*(after[name] for name in self.columns), *(before[name] for name in self.keys))

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Write rows of new values and keys. Skip rows that are not found; return how many were found.

        No two rows may have the same key. Texts must fit into their columns: MariaDB rejects a `word` that is too long,
        but truncates other text.
        """
        if not rows:
            return 0
        if connection.dialect.name == "sqlite":
            return self._row_statement.run_many(connection, rows)
        if connection.dialect.name == "postgresql":
            return self._from_arrays(connection, rows)
        return self._from_json(connection, rows)

    @cached_property
    def _cells(self) -> tuple[str, ...]:
        return (*(f"new_{name}" for name in self.columns), *(f"of_{name}" for name in self.keys))

    @cached_property
    def _cell_columns(self) -> list[Column[Any]]:
        return [self.table.c[name] for name in (*self.columns, *self.keys)]

    @cached_property
    def _row_statement(self) -> PreparedStatement:
        columns = self.table.c
        return PreparedStatement(
            update(self.table)
            .where(*(columns[name] == bindparam(f"of_{name}") for name in self.keys))
            .ordered_values(*((columns[name], bindparam(f"new_{name}")) for name in self.columns))
        )

    def _from_arrays(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        columns = [list(column) for column in zip(*rows, strict=True)]
        for position, process in _processors(self._cell_columns, connection.dialect):
            columns[position] = [process(value) for value in columns[position]]
        return connection.exec_driver_sql(self._array_statement, tuple(columns)).rowcount

    @cached_property
    def _array_statement(self) -> str:
        arrays = ", ".join(f"${position}::{_array(column)}" for position, column in enumerate(self._cell_columns, 1))
        return (
            f"UPDATE {self.table.name} SET {self._assignments()} "  # noqa: S608 - the names are ours
            f"FROM unnest({arrays}) AS n({', '.join(self._cells)}) WHERE {self._key_condition}"
        )

    def _assignments(self, table: str = "") -> str:
        """Return the assignments; `table` is the prefix of the columns on the left-hand side."""
        return ", ".join(f"{table}{name} = n.new_{name}" for name in self.columns)

    @property
    def _key_condition(self) -> str:
        return " AND ".join(f"{self.table.name}.{key} = n.of_{key}" for key in self.keys)

    def _from_json(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        # With executemany, the driver would send one UPDATE per row to MariaDB and MySQL, and wait for each answer.
        encoded = _encoder(self._cells, self._cell_columns, connection.dialect)
        return sum(
            connection.execute(self._json_statement, {"rows": chunk}).rowcount for chunk in _chunks(map(encoded, rows))
        )

    @cached_property
    def _json_statement(self) -> TextClause:
        name = self.table.name
        cell_types = zip(self._cells, self._cell_columns, strict=True)
        cells = ", ".join(f"{cell} {_type(column)} PATH '$.{cell}' ERROR ON ERROR" for cell, column in cell_types)
        # Force the join order and the primary key, regardless of the optimizer's estimates: so the server reads, and
        # locks, only these rows.
        joined = (
            f"JSON_TABLE(:rows, '$[*]' COLUMNS ({cells})) AS n "
            f"STRAIGHT_JOIN {name} FORCE INDEX (PRIMARY) ON {self._key_condition}"
        )
        return text(f"UPDATE {joined} SET {self._assignments(f'{name}.')}")  # noqa: S608 - the names are ours


def _processors(columns: Sequence[Column[Any]], dialect: Dialect) -> Iterator[tuple[int, Callable[[Any], Any]]]:
    """Yield the position and the bind processor of each column that needs one."""
    for position, column in enumerate(columns):
        processor = column.type.dialect_impl(dialect).bind_processor(dialect)
        if processor is not None:
            yield position, processor


def _array(column: Column[Any]) -> str:
    # As VARCHAR, texts that are too long would be truncated silently.
    if isinstance(column.type, String):
        return "TEXT[]"
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
    return f"{column.type.compile(dialect=dialect)}[]"


def _type(column: Column[Any]) -> str:
    if not isinstance(column.type, String):
        return column.type.compile(dialect=mysql.dialect())
    # LONGTEXT: JSON_TABLE silently truncates text that is longer than its column, which the table would reject. A
    # non-binary collation, so that the collation of the table wins, in which the index is sorted: two different binary
    # collations would conflict.
    return "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"


def _encoder(
    cells: Sequence[str], columns: Sequence[Column[Any]], dialect: Dialect
) -> Callable[[tuple[Any, ...]], str]:
    """Return a function that encodes a row as JSON, with the values in the form that the driver expects."""
    processors = dict(_processors(columns, dialect))

    def encoded(row: tuple[Any, ...]) -> str:
        values = (processors[place](value) if place in processors else value for place, value in enumerate(row))
        # Omit None: a missing key becomes NULL, while servers disagree about a JSON null.
        present = {cell: value for cell, value in zip(cells, values, strict=True) if value is not None}
        return json.dumps(present, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    return encoded


def _chunks(encoded: Iterable[str]) -> Iterator[str]:
    """Yield JSON arrays of at most `_CHUNK` bytes; a longer row gets an array of its own."""
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
