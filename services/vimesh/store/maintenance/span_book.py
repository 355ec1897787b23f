"""Keeps the spans of some VIMs in memory while changes of these VIMs are applied to them, then writes what differs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from vimesh.store.rows.batch_update import BatchUpdate
from vimesh.store.schema.maintenance_tables import maintenance_spans
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import among

PLANNED: Final = 0
STARTED: Final = 1
ENDED: Final = 2
"""What watchers know of a span."""
KEY: Final = ("vim_id", "maintenance_id", "start_time")
_CLOCK_ERROR = micros(2 * 86400)
"""The clock of the database may have been set back by as much: then spans that have ended may begin again."""
_Key = tuple[str, str, int]
_Span = tuple[int, int]
_OF_VIMS = PreparedStatement(
    select(maintenance_spans).where(
        among(maintenance_spans.c.vim_id, "ids"), maintenance_spans.c.end_time > bindparam("time")
    )
)
_INSERT = PreparedStatement(
    insert(maintenance_spans).values({column.name: bindparam(column.name) for column in maintenance_spans.c})
)
_DELETE = PreparedStatement(
    delete(maintenance_spans).where(*(maintenance_spans.c[name] == bindparam(name) for name in KEY))
)
_UPDATE = BatchUpdate(maintenance_spans, KEY, ("end_time", "announced"))


class SpanBook:
    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._stored: dict[_Key, _Span] = {}
        self._spans: dict[tuple[str, str], dict[int, _Span]] = {}
        for vim_id, window_id, start, end, announced in rows:
            self._stored[vim_id, window_id, start] = (end, announced)
            self._spans.setdefault((vim_id, window_id), {})[start] = (end, announced)

    @classmethod
    def read(cls, connection: Connection, vim_ids: Sequence[str], earliest: int) -> SpanBook:
        """Read the spans of these VIMs that may matter to changes from a time on."""
        return cls(_OF_VIMS.rows(connection, {"ids": vim_ids, "time": earliest - _CLOCK_ERROR}))

    def cover(self, vim_id: str, window_id: str, start: int, end: int) -> None:
        """Let a VIM be in maintenance until the end of an occurrence, if it is not already."""
        spans = self._spans.setdefault((vim_id, window_id), {})
        if any(until == end for until, _ in spans.values()):
            return
        _, announced = spans.get(start, (0, PLANNED))
        spans[start] = (end, STARTED if announced == STARTED else PLANNED)

    def leave(self, vim_id: str, window_id: str, time: int, *, gone: bool) -> None:
        """End the maintenance of a VIM by a window. `gone`: nobody has to be told, for there is no such VIM."""
        spans = self._spans.get((vim_id, window_id), {})
        for start, (end, announced) in list(spans.items()):
            if end <= time:
                # A window that ends just before its VIM is gone: nobody is left to be told of.
                spans[start] = (end, ENDED if gone else announced)
                continue
            if start >= time and announced == PLANNED:
                del spans[start]
            else:
                spans[start] = (max(start, time), ENDED if gone else announced)

    def write(self, connection: Connection) -> None:
        wanted = {(*key, start): span for key, spans in self._spans.items() for start, span in spans.items()}
        removed = [dict(zip(KEY, key, strict=True)) for key in self._stored if key not in wanted]
        changed = [(*span, *key) for key, span in wanted.items() if key in self._stored and span != self._stored[key]]
        added = [
            {**dict(zip(KEY, key, strict=True)), "end_time": end, "announced": announced}
            for key, (end, announced) in wanted.items()
            if key not in self._stored
        ]
        _DELETE.run(connection, removed)
        _UPDATE.run(connection, changed)
        _INSERT.run(connection, added)
