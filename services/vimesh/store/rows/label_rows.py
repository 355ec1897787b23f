"""Keeps a row for each label of a VIM, beside the labels in its own row, so that filters find VIMs by them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert

from vimesh.store.rows.visible_rows import Row
from vimesh.store.schema.tables import vim_labels
from vimesh.store.sql.prepared_statements import PreparedStatement

_INSERT = PreparedStatement(insert(vim_labels).values({name: bindparam(name) for name in ("number", "key", "value")}))
_DELETE = delete(vim_labels).where(vim_labels.c.number == bindparam("of_number"))


def insert_of(connection: Connection, vims: Sequence[Row]) -> None:
    """Insert the labels of VIMs, given by their rows with the numbers of their standings."""
    _INSERT.run(
        connection,
        [
            {"number": vim["number"], "key": key, "value": value}
            for vim in vims
            for key, value in (vim["labels"] or {}).items()
        ],
    )


def delete_of(connection: Connection, vim: Row) -> None:
    """Delete the labels of a VIM, given by its stored row."""
    if vim["labels"]:
        connection.execute(_DELETE, {"of_number": vim["number"]})


def replace_of(connection: Connection, before: Row, after: Row) -> None:
    """Put the labels of the row `after` in place of those of `before`."""
    delete_of(connection, before)
    insert_of(connection, [after])
