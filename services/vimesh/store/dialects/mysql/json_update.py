"""Updates many rows with one statement, to which they go as JSON.

With executemany, the driver would send one UPDATE per row to MariaDB and MySQL, and wait for each answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Column, Connection, String, TextClause, text
from sqlalchemy.dialects import mysql
from sqlalchemy.engine.interfaces import Dialect as SqlalchemyDialect

from vimesh.store.dialects.joined_update import JoinedUpdate

_CHUNK = 500_000
"""Bytes of JSON per statement. Escaping can double them, and a server may accept no more than 1 MiB."""


class JsonUpdate(JoinedUpdate):
    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        encoded = self._encoder(connection.dialect)
        return sum(
            connection.execute(self._statement, {"rows": chunk}).rowcount for chunk in _chunks(map(encoded, rows))
        )

    @cached_property
    def _statement(self) -> TextClause:
        name = self.table.name
        cell_types = zip(self.cells, self.cell_columns, strict=True)
        cells = ", ".join(f"{cell} {_type(column)} PATH '$.{cell}' ERROR ON ERROR" for cell, column in cell_types)
        # Force the join order and the primary key, regardless of the optimizer's estimates: so the server reads, and
        # locks, only these rows.
        joined = (
            f"JSON_TABLE(:rows, '$[*]' COLUMNS ({cells})) AS n "
            f"STRAIGHT_JOIN {name} FORCE INDEX (PRIMARY) ON {self.key_condition}"
        )
        return text(f"UPDATE {joined} SET {self.assignments(f'{name}.')}")  # noqa: S608 - the names are ours

    def _encoder(self, dialect: SqlalchemyDialect) -> Callable[[tuple[Any, ...]], str]:
        """Return a function that encodes a row as JSON, with the values in the form that the driver expects."""
        cells, processors = self.cells, dict(self.processors(dialect))

        def encoded(row: tuple[Any, ...]) -> str:
            values = (processors[place](value) if place in processors else value for place, value in enumerate(row))
            # Omit None: a missing key becomes NULL, while servers disagree about a JSON null.
            present = {cell: value for cell, value in zip(cells, values, strict=True) if value is not None}
            return json.dumps(present, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

        return encoded


def _type(column: Column[Any]) -> str:
    if not isinstance(column.type, String):
        return column.type.compile(dialect=mysql.dialect())
    # LONGTEXT: JSON_TABLE silently truncates text that is longer than its column, which the table would reject. A
    # non-binary collation, so that the collation of the table wins, in which the index is sorted: two different binary
    # collations would conflict.
    return "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"


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
