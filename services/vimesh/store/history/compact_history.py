"""Keeps history within its bounds: old rows are merged into fewer digests of longer spans, or dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, select

from vimesh.domain.history.history_limits import LEVELS, HistoryLevel
from vimesh.domain.history.round_digests import RoundDigest, digests_of, merged, records_of
from vimesh.store.change_log.transaction import Changes
from vimesh.store.history.history_rows import (
    HistoryRow,
    add_bytes,
    delete_rows,
    insert_rows,
    read_rows,
    total_bytes,
)
from vimesh.store.schema.history_tables import history
from vimesh.store.schema.timestamps import MICROS
from vimesh.store.sql.sql_functions import NowMicros

_VIMS_AT_ONCE: Final = 50
"""VIMs whose rows are merged in one transaction: other writers wait for 20 ms."""
_CLOCK = select(NowMicros())
_OLDEST = select(history.c.start).where(history.c.step == bindparam("of_step")).order_by(history.c.start).limit(1)
_VIMS_OF = (
    select(history.c.number)
    .where(history.c.step == bindparam("of_step"), history.c.start == bindparam("of_start"))
    .limit(bindparam("count"))
)
_NEXT: Final = dict(zip(LEVELS, (*LEVELS[1:], None), strict=True))


def has_surplus(connection: Connection, size_bytes: int) -> bool:
    """Return whether there is anything to merge or drop: one look at an index for each level, and at one row."""
    now_s = connection.execute(_CLOCK).scalar_one() // MICROS
    return total_bytes(connection) > size_bytes or any(True for _ in _old_rows(connection, now_s))


def compact(connection: Connection, size_bytes: int, limit: int) -> int:
    """Merge or drop rows; return how many."""
    now_s = Changes.begin(connection).now // MICROS
    for level, start in _old_rows(connection, now_s):
        numbers = _numbers_of(connection, level.step_s, start, min(limit, _VIMS_AT_ONCE))
        return _merge(connection, level, _NEXT[level], start, numbers)
    surplus = total_bytes(connection) - size_bytes
    return _drop_oldest(connection, limit) if surplus > 0 else 0


def _old_rows(connection: Connection, now_s: int) -> Iterator[tuple[HistoryLevel, int]]:
    """Yield each level that has rows to merge or drop, and the start of the oldest of them."""
    for level, above in _NEXT.items():
        start = connection.execute(_OLDEST, {"of_step": level.step_s}).scalar()
        merged_s = (above or level).row_s
        if start is not None and (start // merged_s + 1) * merged_s + level.kept_s <= now_s:
            yield level, start


def _numbers_of(connection: Connection, step: int, start: int, count: int) -> Sequence[int]:
    return connection.execute(_VIMS_OF, {"of_step": step, "of_start": start, "count": count}).scalars().all()


def _merge(
    connection: Connection, level: HistoryLevel, above: HistoryLevel | None, start: int, numbers: Sequence[int]
) -> int:
    """Replace rows of some VIMs by one of the next level for each; without a next level, drop them."""
    row_s = (above or level).row_s
    first = start // row_s * row_s
    old = read_rows(connection, level.step_s, numbers, first, first + row_s)
    delete_rows(connection, level.step_s, numbers, first, first + row_s)
    added = -sum(row.size for row in old)
    if above is not None:
        # There is one only if the clock of the database was set back.
        before = read_rows(connection, above.step_s, numbers, first, first + 1)
        if before:
            delete_rows(connection, above.step_s, numbers, first, first + 1)
            added -= sum(row.size for row in before)
        digests: dict[int, list[RoundDigest]] = {number: [] for number in numbers}
        for row in before:
            digests[row.number] += digests_of(row.digests)
        for row in old:
            digests[row.number] += merged(digests_of(row.digests), above.step_s // level.step_s)
        new = [
            HistoryRow(number, above.step_s, first, records_of(merged(of_vim, 1))) for number, of_vim in digests.items()
        ]
        insert_rows(connection, new)
        added += sum(row.size for row in new)
    add_bytes(connection, added)
    return len(old)


def _drop_oldest(connection: Connection, limit: int) -> int:
    """Drop rows of the time that is longest ago, of whichever level."""
    starts = {level: connection.execute(_OLDEST, {"of_step": level.step_s}).scalar() for level in LEVELS}
    there = {level: start for level, start in starts.items() if start is not None}
    if not there:
        return 0
    level = min(there, key=lambda one: there[one])
    numbers = _numbers_of(connection, level.step_s, there[level], limit)
    old = read_rows(connection, level.step_s, numbers, there[level], there[level] + 1)
    delete_rows(connection, level.step_s, numbers, there[level], there[level] + 1)
    add_bytes(connection, -sum(row.size for row in old))
    return len(old)
