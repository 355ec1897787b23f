"""Reads the visible rows of VIMs until a page is full by size: a VIM may have hundreds of kilobytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import JSON, Connection, bindparam, select

from vimesh.domain.queries import MAX_PAGE_BYTES
from vimesh.domain.vims import BULKY_FIELDS
from vimesh.store.rows.visible_rows import VISIBLE_COLUMNS, WHOLE_VIM
from vimesh.store.schema.event_documents import as_text
from vimesh.store.schema.tables import standings, vims
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import among

_FIRST_COUNT: Final = 20
_MAX_COUNT: Final = 100
"""Rows that the first statement reads, and the most that a later one reads: their size is known only after reading."""
_FIXED_BYTES: Final = 500
"""Upper bound on the bytes of a VIM in a message besides its measured fields."""
_NAMES = (*(column.name for column in VISIBLE_COLUMNS), "number")
_JSON = tuple(column.name for column in VISIBLE_COLUMNS if isinstance(column.type, JSON))
_bulk_of = itemgetter(*map(_NAMES.index, {*_JSON, *BULKY_FIELDS, "detail", "auth_url", "monitor_error"}))
_ROWS = select(
    # As text, so that rows that do not fit into the page are not parsed.
    *(as_text(column).label(column.name) if column.name in _JSON else column for column in VISIBLE_COLUMNS),
    standings.c.number,
).select_from(WHOLE_VIM)
_NUMBERED = PreparedStatement(_ROWS.where(among(standings.c.number, "numbers")))
_AFTER = PreparedStatement(_ROWS.where(vims.c.id > bindparam("after")).order_by(vims.c.id).limit(bindparam("count")))
_parse = json.JSONDecoder().raw_decode
"""Parses JSON that we have written without surrounding whitespace: `loads` spends half of its time looking for it."""

BulkyRow = Mapping[str, Any]


class _Budget:
    """The remaining room in a page."""

    def __init__(self) -> None:
        self._remaining = MAX_PAGE_BYTES
        self._largest = 0

    def fits(self, row: Sequence[Any]) -> bool:
        """Return whether one more row fits, and count it. The first row always fits."""
        size = _FIXED_BYTES + sum(map(len, _bulk_of(row)))
        first = not self._largest
        self._largest = max(self._largest, size)
        self._remaining -= size
        return first or self._remaining >= 0

    def next_count(self) -> int:
        """Return how many rows to read next."""
        return min(_MAX_COUNT, 1 + max(0, self._remaining) // self._largest) if self._largest else _FIRST_COUNT


def read_numbered(connection: Connection, numbers: Sequence[int]) -> Iterator[BulkyRow | None]:
    """Yield the rows with these numbers in order, None for a missing one, until the page is full."""
    budget, begin = _Budget(), 0
    while batch := numbers[begin : begin + budget.next_count()]:
        rows = {row[-1]: row for row in _NUMBERED.rows(connection, {"numbers": batch})}
        for number in batch:
            row = rows.get(number)
            if row is not None and not budget.fits(row):
                return
            yield None if row is None else _row_of(row)
        begin += len(batch)


def read_after(connection: Connection, vim_id: str, limit: int) -> Iterator[BulkyRow]:
    """Yield up to `limit` rows after an id, until the page is full."""
    budget = _Budget()
    while count := min(limit, budget.next_count()):
        rows = _AFTER.rows(connection, {"after": vim_id, "count": count})
        for row in rows:
            if not budget.fits(row):
                return
            yield (bulky_row := _row_of(row))
            vim_id = bulky_row["id"]
        limit = limit - count if len(rows) == count else 0


def _row_of(row: Sequence[Any]) -> BulkyRow:
    bulky_row = dict(zip(_NAMES, row, strict=True))
    for name in _JSON:
        bulky_row[name], _ = _parse(bulky_row[name])
    return bulky_row
