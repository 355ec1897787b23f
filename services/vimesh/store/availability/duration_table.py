"""Adds durations to one of the two tables that have them: by days, and by months."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, insert, select

from vimesh.domain.availability.counted_days import Cause, Counts, Stretch, add
from vimesh.store.rows.batch_update import BatchUpdate
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import among


class DurationTable:
    def __init__(self, table: Table) -> None:
        columns = table.c
        self._stored = PreparedStatement(
            select(columns.number, columns.status, columns.reason, columns.duration).where(
                columns.day == bindparam("of_day"), among(columns.number, "numbers")
            )
        )
        self._insert = insert(table)
        self._update = BatchUpdate(table, ("day", "number", "status", "reason"), ("duration",))
        self._delete = delete(table).where(columns.number == bindparam("of_number"))

    def delete(self, connection: Connection, numbers: Sequence[Mapping[str, int]]) -> None:
        """Delete all of some VIMs, given as the parameter `of_number`."""
        connection.execute(self._delete, numbers)

    def add(self, connection: Connection, counted: Mapping[int, Mapping[Stretch, Counts]]) -> None:
        """Add what was counted of VIMs, by number. Only the first stretch of each can be there already."""
        firsts = {number: min(stretches) for number, stretches in counted.items() if stretches}
        stored = self._read(connection, firsts)
        new: list[dict[str, Any]] = []
        changed: list[tuple[Any, ...]] = []
        for number, first in firsts.items():
            for stretch, counts in counted[number].items():
                before = stored.get(number, {}) if stretch == first else {}
                for cause, duration in _sums(before, counts):
                    if cause in before:
                        changed.append((duration, stretch.day, number, *cause))
                    else:
                        new.append(_row(number, stretch, cause, duration))
        if new:
            connection.execute(self._insert, new)
        self._update.run(connection, changed)

    def _read(self, connection: Connection, stretches: Mapping[int, Stretch]) -> dict[int, Counts]:
        """Return what is stored of one stretch of each VIM."""
        numbers: dict[int, list[int]] = {}
        for number, stretch in stretches.items():
            numbers.setdefault(stretch.day, []).append(number)
        stored: dict[int, Counts] = {}
        for day, of_day in numbers.items():
            for number, status, reason, duration in self._stored.rows(connection, {"of_day": day, "numbers": of_day}):
                stored.setdefault(number, {})[Cause(status, reason)] = duration
        return stored


def _sums(stored: Counts, more: Counts) -> Iterable[tuple[Cause, int]]:
    """Return the new values of the causes that change."""
    after = dict(stored)
    for cause, duration in more.items():
        add(after, cause, duration)
    return [(cause, duration) for cause, duration in after.items() if duration != stored.get(cause)]


def _row(number: int, stretch: Stretch, cause: Cause, duration: int) -> dict[str, Any]:
    return {
        "day": stretch.day,
        "number": number,
        "status": cause.status,
        "reason": cause.reason,
        "days": stretch.days,
        "duration": duration,
    }
