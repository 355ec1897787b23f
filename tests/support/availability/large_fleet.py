"""Times questions about a large fleet: a month of availability by label, and counts of VIMs by label.

`python -m tests.support.availability.large_fleet --vims 100000` does so on SQLite or, with `--on`, on a server that it
starts. One VIM in twenty is unreachable. Half of all had an outage in each of the last two months; the others have not
changed for three. Five in a hundred had four changes each in the last hour, which are not counted by days yet.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Subquery,
    Table,
    case,
    cast,
    insert,
    literal,
    select,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.types import String

from tests.support.availability.compare_counts import empty_store, micros_of
from tests.support.sql.databases import SERVERS
from vimesh.domain.availability.availability_query import AvailabilityQuery, DayRange
from vimesh.domain.availability.counted_days import DAY, first_of_month
from vimesh.domain.events import EventKind
from vimesh.domain.filters.vim_filter import EVERY_VIM
from vimesh.domain.filters.vim_summary import SummaryQuery
from vimesh.store.schema import availability_tables, tables
from vimesh.store.schema.column_types import Whole
from vimesh.store.sql_store import SqlStore

_HOUR: Final = 3600 * 1_000_000
_OUTAGE: Final = 12_345
"""Microseconds that each outage took: sums have to be exact."""
_CHANGES: Final = 4
_BY: Final = ("labels.region",)
_REGIONS: Final = ("eu", "us", "ap")
_FIRST_ID: Final = 100_000_000_000


def fill(connection: Connection, vims: int, now: int) -> None:
    """Fill empty tables. `now`: microseconds since 1970."""
    numbers = _numbers(vims)
    for table, columns, *condition in _rows(numbers.c.n, vims, now):
        rows = select(*columns.values()).select_from(numbers).where(*condition)
        connection.execute(insert(table).from_select(list(columns), rows))
    connection.execute(update(availability_tables.availability_progress).values(revision=vims))
    connection.execute(update(tables.revisions).values(newest=vims + _CHANGES * (vims // 20)))
    for table in (tables.standings, tables.vim_labels, availability_tables.availability_states, tables.events):
        verb = "ANALYZE TABLE" if connection.dialect.name in {"mysql", "mariadb"} else "ANALYZE"
        connection.execute(text(f"{verb} {table.name}"))


def _numbers(count: int) -> Subquery:
    """Select the numbers from 1 on: digit by digit, because databases limit recursion."""
    digits = union_all(*(select(literal(digit, Whole).label("digit")) for digit in range(10))).cte("digits")
    places = [digits.alias(f"place_{exponent}") for exponent in range(len(str(count)))]
    number = sum((place.c.digit * 10**exponent for exponent, place in enumerate(places)), literal(0, Whole))
    every: FromClause = places[0]
    for place in places[1:]:
        every = every.join(place, true())
    return select(number.label("n")).select_from(every).where(number.between(1, count)).subquery("numbers")


def _rows(
    n: ColumnElement[int], vims: int, now: int
) -> list[tuple[Table, Mapping[str, ColumnElement[Any]], *tuple[ColumnElement[bool], ...]]]:
    this_month = first_of_month(now // DAY)
    last_month = first_of_month(this_month - 1)
    counted = now - 3 * _HOUR
    is_down, had_outages, has_changed = n % 20 == 1, n % 2 == 0, n <= vims // 20
    cause = {
        "status": case((is_down, "UNREACHABLE"), else_="REACHABLE"),
        "reason": case((is_down, "TIMEOUT"), else_=""),
    }
    rows: list[Any] = [
        (tables.vims, _columns(tables.vims, id=_id(n), name=_id(n), project_id=cast(n % 200, String(9)), type="x")),
        (
            tables.standings,
            _columns(
                tables.standings, number=n, vim_id=_id(n), action_id=_id(n), engine="EMBEDDED", observation=1, **cause
            ),
        ),
        (tables.leases, _columns(tables.leases, number=n, holds=True, lease_until=now + 24 * _HOUR)),
        (
            availability_tables.availability_states,
            {
                "number": n,
                "vim_id": _id(n),
                "counted_until": case((had_outages, counted), else_=literal((last_month - 20) * DAY + _OUTAGE, Whole)),
                **cause,
            },
        ),
    ]
    values = {
        "region": case((n % 3 == 1, "eu"), (n % 3 == 2, "us"), else_="ap"),
        "rack": cast(n % 1000, String(9)),
        "stage": case((n % 2 == 0, "test"), else_="production"),
    }
    rows += [(tables.vim_labels, {"number": n, "key": _text(key), "value": value}) for key, value in values.items()]
    for first, length in ((last_month, (this_month - last_month) * DAY), (this_month, counted - this_month * DAY)):
        for status, reason, duration in (("UNREACHABLE", "TIMEOUT", _OUTAGE), ("REACHABLE", "", length - _OUTAGE)):
            month = {"day": first, "number": n, "status": status, "reason": reason, "days": 30, "duration": duration}
            rows.append(
                (
                    availability_tables.availability_months,
                    _columns(availability_tables.availability_months, **month),
                    had_outages,
                )
            )
    for number in range(_CHANGES):
        change = {
            "revision": vims + number * (vims // 20) + n,
            "vim_id": _id(n),
            "kind": EventKind.STATUS_CHANGED.value,
            "time": now - _HOUR // 2 + number * 1_000_000 + n,
            "status": ("REACHABLE", "UNREACHABLE")[number % 2],
        }
        rows.append((tables.events, _columns(tables.events, **change), has_changed))
    return rows


def _id(n: ColumnElement[int]) -> ColumnElement[str]:
    return _text("00000000-0000-4000-8000-") + cast(n + _FIRST_ID, String(12))


def _text(value: str) -> ColumnElement[str]:
    return cast(literal(value), String(64))


def _columns(table: Table, **values: Any) -> dict[str, ColumnElement[Any]]:  # noqa: ANN401 - of any column
    """Return what to insert; required columns that are not named get something of their type."""
    columns: dict[str, ColumnElement[Any]] = {}
    for column in table.c:
        if column.name in values:
            value = values[column.name]
        elif column.nullable or column.server_default is not None:
            continue
        else:
            value = _EMPTY[column.type.python_type]
        columns[column.name] = value if isinstance(value, ColumnElement) else literal(value, column.type)
    return columns


_EMPTY: Final[Mapping[type, object]] = {str: "", int: 0, bool: False, bytes: b"x", object: {}}


async def measure(store: SqlStore, vims: int, now: int, rounds: int) -> None:
    """Print how long each question took. Raises AssertionError for an answer that is not the calendar."""
    this_month = first_of_month(now // DAY)
    last_month = first_of_month(this_month - 1)
    days = {"last month": DayRange(last_month, this_month), "this month": DayRange(this_month, now // DAY + 1)}
    for name, of in days.items():
        took = []
        for _ in range(rounds):
            begun_at = time.perf_counter()
            page = await store.availability.query_availability(AvailabilityQuery(EVERY_VIM, of, _BY, 1000))
            took.append(time.perf_counter() - begun_at)
        sums = [sum(row.counts.values()) for row in page.rows]
        assert len(sums) == len(_REGIONS)
        lasted = min(of.stop, micros_of(page.time)) - of.start
        assert sum(sums) == vims * lasted, f"{name}: {sums}, of {vims} times {lasted}"
        print(f"{name} by label: {_times(took)}")
    took = []
    for _ in range(rounds * 5):
        begun_at = time.perf_counter()
        await store.filters.summarize(SummaryQuery(EVERY_VIM, _BY, None))
        took.append(time.perf_counter() - begun_at)
    print(f"summary by label: {_times(took)}")


def _times(took: list[float]) -> str:
    least, median, most = (f"{1000 * each:.0f}" for each in (min(took), statistics.median(took), max(took)))
    return f"{median} ms ({least} to {most}, {len(took)} times)"


async def _main(vims: int, kind: str, rounds: int) -> None:
    async with empty_store(kind) as store:
        now = micros_of(await store.clock())
        await store._database.write(lambda connection: fill(connection, vims, now))
        print(f"{vims} VIMs on {kind}")
        await measure(store, vims, now, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vims", type=int, default=100_000)
    parser.add_argument("--on", choices=("sqlite", *SERVERS), default="sqlite")
    parser.add_argument("--rounds", type=int, default=5)
    flags = parser.parse_args()
    asyncio.run(_main(flags.vims, flags.on, flags.rounds))
