"""Many rows changed at once, each to values of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Dialect, String, Table, TextClause, bindparam, text, update
from sqlalchemy.dialects import mysql

from vimesh.store.prepared import Prepared
from vimesh.store.shown import Row


@dataclass(frozen=True, slots=True)
class Rewrite:
    """New values for `columns` of the rows that are found by what their `keys` were."""

    table: Table
    keys: tuple[str, ...]
    columns: tuple[str, ...]


def update_rows(connection: Connection, rewrite: Rewrite, rows: Iterable[tuple[Row, Row]]) -> None:
    """Write each row, given as it was and as it shall be; one that is not found is left out. No two may be of one key.

    Texts must fit into their columns: MariaDB refuses a word that is too long, but cuts other text off.
    """
    changes = [_parameters(rewrite, before, after) for before, after in rows]
    if not changes:
        return
    if connection.dialect.name not in _ONE_TRIP_EACH:
        _update(rewrite).run(connection, changes)
        return
    statement, encoded = _update_from_json(rewrite), _encoder(rewrite, connection.dialect)
    for chunk in _chunks(map(encoded, changes)):
        connection.execute(statement, {"rows": chunk})


_ONE_TRIP_EACH = frozenset({"mysql", "mariadb"})
"""To these, the driver sends an UPDATE for each row, and waits for its answer."""
_CHUNK = 500_000
"""Bytes of JSON in one statement. Escaped they can be twice as many, and a server may take no more than 1 MiB."""


def _parameters(rewrite: Rewrite, before: Row, after: Row) -> dict[str, Any]:
    return {
        **{f"of_{name}": before[name] for name in rewrite.keys},
        **{f"new_{name}": after[name] for name in rewrite.columns},
    }


@cache
def _update(rewrite: Rewrite) -> Prepared:
    columns = rewrite.table.c
    return Prepared(
        update(rewrite.table)
        .where(*(columns[name] == bindparam(f"of_{name}") for name in rewrite.keys))
        .values({name: bindparam(f"new_{name}") for name in rewrite.columns})
    )


@cache
def _update_from_json(rewrite: Rewrite) -> TextClause:
    name = rewrite.table.name
    cells = ", ".join(f"{cell} {_type(column)} PATH '$.{cell}' ERROR ON ERROR" for cell, column in _cells(rewrite))
    found = " AND ".join(f"{name}.{key} = n.of_{key}" for key in rewrite.keys)
    moved = ", ".join(f"{name}.{column} = n.new_{column}" for column in rewrite.columns)
    # Straight, and by the key: whatever the server believes of the table's size, it looks at these rows only, and so
    # it locks no others.
    joined = f"JSON_TABLE(:rows, '$[*]' COLUMNS ({cells})) AS n STRAIGHT_JOIN {name} FORCE INDEX (PRIMARY) ON {found}"
    return text(f"UPDATE {joined} SET {moved}")  # noqa: S608 - the names are ours


def _cells(rewrite: Rewrite) -> Iterator[tuple[str, Column[Any]]]:
    for name in rewrite.keys:
        yield f"of_{name}", rewrite.table.c[name]
    for name in rewrite.columns:
        yield f"new_{name}", rewrite.table.c[name]


def _type(column: Column[Any]) -> str:
    if not isinstance(column.type, String):
        return column.type.compile(dialect=mysql.dialect())
    # Never too short: JSON_TABLE cuts off without a word what the column refuses. And any but a binary collation: of
    # two binary ones neither yields, and the table's has to win. It is the one that the index is in.
    return "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"


def _encoder(rewrite: Rewrite, dialect: Dialect) -> Callable[[Mapping[str, Any]], str]:
    """Return what makes JSON of a change, its values as the columns' types hand them to the driver."""
    types = {cell: column.type.dialect_impl(dialect).bind_processor(dialect) for cell, column in _cells(rewrite)}
    processors = {cell: processor for cell, processor in types.items() if processor is not None}

    def encoded(change: Mapping[str, Any]) -> str:
        held = {cell: processors[cell](value) if cell in processors else value for cell, value in change.items()}
        # What is missing is NULL. Servers disagree on what a null is.
        present = {cell: value for cell, value in held.items() if value is not None}
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
