"""Reads and writes the rows of history, and counts their bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from vimesh.domain.history.history_limits import ROW_BYTES
from vimesh.store.schema.history_tables import history, history_sizes
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import ByteLength, among

_KEY = (history.c.step == bindparam("of_step"), among(history.c.number, "numbers"))
_BETWEEN = (history.c.start >= bindparam("first"), history.c.start < bindparam("end"))
_READ = PreparedStatement(
    select(history.c.number, history.c.step, history.c.start, history.c.digests).where(*_KEY, *_BETWEEN)
)
_DELETE = PreparedStatement(delete(history).where(*_KEY, *_BETWEEN))
_INSERT = PreparedStatement(insert(history).values({column.name: bindparam(column.name) for column in history.c}))
_BYTES = select(func.sum(ByteLength(history.c.digests) + ROW_BYTES)).where(history.c.number == bindparam("number"))
_DELETE_VIM = delete(history).where(history.c.number == bindparam("number"))
_ADD_BYTES = update(history_sizes).values(bytes=history_sizes.c.bytes + bindparam("added"))
_FIRST_BYTES = insert(history_sizes).values(id=1, bytes=bindparam("added"))
_SIZE = select(history_sizes.c.bytes)


class HistoryRow(NamedTuple):
    number: int
    """Of the standing of the VIM."""
    step: int
    """Seconds of each digest: see HistoryLevel."""
    start: int
    """Seconds since 1970 at which the row's time begins."""
    digests: bytes

    @property
    def size(self) -> int:
        return len(self.digests) + ROW_BYTES


def read_rows(connection: Connection, step: int, numbers: Collection[int], first: int, end: int) -> list[HistoryRow]:
    """Return the rows of some VIMs that begin from `first` until before `end`."""
    key = {"of_step": step, "numbers": list(numbers), "first": first, "end": end}
    return [HistoryRow(number, step, start, bytes(data)) for number, step, start, data in _READ.rows(connection, key)]


def delete_rows(connection: Connection, step: int, numbers: Collection[int], first: int, end: int) -> None:
    _DELETE.run(connection, [{"of_step": step, "numbers": list(numbers), "first": first, "end": end}])


def insert_rows(connection: Connection, rows: Iterable[HistoryRow]) -> None:
    _INSERT.run(connection, [row._asdict() for row in rows])


def add_bytes(connection: Connection, added: int) -> None:
    """Count bytes that were added; less than 0: removed."""
    if added and not connection.execute(_ADD_BYTES, {"added": added}).rowcount:
        connection.execute(_FIRST_BYTES, {"added": added})


def total_bytes(connection: Connection) -> int:
    return int(connection.execute(_SIZE).scalar() or 0)


def delete_history(connection: Connection, number: int) -> None:
    """Delete the history of a VIM. Without any, this is one look."""
    size = connection.execute(_BYTES, {"number": number}).scalar()
    if size:
        connection.execute(_DELETE_VIM, {"number": number})
        add_bytes(connection, -int(size))
