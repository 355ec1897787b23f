"""Updates many rows with one statement, to which each column goes as an array."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Column, Connection, String
from sqlalchemy.dialects import postgresql

from vimesh.store.dialects.joined_update import JoinedUpdate


class ArrayUpdate(JoinedUpdate):
    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        columns = [list(column) for column in zip(*rows, strict=True)]
        for position, process in self.processors(connection.dialect):
            columns[position] = [process(value) for value in columns[position]]
        return connection.exec_driver_sql(self._statement, tuple(columns)).rowcount

    @cached_property
    def _statement(self) -> str:
        arrays = ", ".join(f"${position}::{_array(column)}" for position, column in enumerate(self.cell_columns, 1))
        return (
            f"UPDATE {self.table.name} SET {self.assignments()} "  # noqa: S608 - the names are ours
            f"FROM unnest({arrays}) AS n({', '.join(self.cells)}) WHERE {self.key_condition}"
        )


def _array(column: Column[Any]) -> str:
    # As VARCHAR, texts that are too long would be truncated silently.
    if isinstance(column.type, String):
        return "TEXT[]"
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
    return f"{column.type.compile(dialect=dialect)}[]"
