"""Compares what the store counts of random histories, in SQL, with what plain Python counts of them.

`python -m tests.support.availability.compare_counts --vims 1000` does so for a year of so many VIMs, on SQLite or, with
`--on`, on a server that it starts. It says how many durations were compared.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.availability.histories import DAY, VimHistory, random_histories, write_histories
from tests.support.sql.databases import SERVERS, server
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.domain.availability.availability_query import AvailabilityQuery, AvailabilityRow, DayRange
from vimesh.domain.availability.counted_days import Cause, Counts, date_of
from vimesh.domain.availability.timeline import bounded
from vimesh.domain.filters.vim_filter import EVERY_VIM
from vimesh.domain.retention import Retention
from vimesh.domain.vim_store import VimStore
from vimesh.store.sql_store import SqlStore

TURNS = 12
"""Questions that are asked while more and more of the histories is counted by day."""
_COMPACTED_AFTER = 8
_GROUPS = ((), ("type",), ("project_id", "month"), ("day",), ("id",), ("day", "id"), ("month", "type", "id"))


def micros_of(time: dt.datetime) -> int:
    return int(time.replace(microsecond=0).timestamp()) * 1_000_000 + time.microsecond


async def answer(
    store: VimStore, days: DayRange, by: Sequence[str] = (), page_size: int = 500
) -> tuple[list[AvailabilityRow], int]:
    """Read all pages; return their rows, and until when was counted."""
    rows: list[AvailabilityRow] = []
    token = ""
    while True:
        query = AvailabilityQuery(EVERY_VIM, days, tuple(by), page_size, token)
        page = await store.availability.query_availability(query)
        rows += page.rows
        if not (token := page.next_page_token):
            return rows, micros_of(page.time)


def expected(
    histories: Sequence[VimHistory], days: DayRange, by: Sequence[str], now: int
) -> dict[tuple[str, ...], Counts]:
    """Count by the plain implementation, span by span and day by day."""
    groups: dict[tuple[str, ...], Counts] = {}
    for history in histories:
        for whole in bounded(history.spans(now), days.start, days.stop):
            for day in range(whole.start // DAY, (whole.stop - 1) // DAY + 1):
                [span] = bounded([whole], day * DAY, (day + 1) * DAY)
                date = date_of(day)
                values = {"id": history.vim_id, "type": history.type, "project_id": history.project_id}
                values |= {"day": date.isoformat(), "month": f"{date:%Y-%m}"}
                counts = groups.setdefault(tuple(values[field] for field in by), {})
                cause = Cause(span.status, span.reason)
                counts[cause] = counts.get(cause, 0) + span.stop - span.start
    return groups


def calendar(history: VimHistory, days: DayRange, now: int) -> int:
    """Return for how long the VIM was registered in these days."""
    return max(0, min(days.stop, now) - max(days.start, int(history.life[0]["time"])))


async def compare(store: SqlStore, *, seed: int, vims: int) -> Counter[str]:
    """Compare a year of histories of so many VIMs, in an empty store. Returns how much was compared.

    Raises AssertionError for an answer that differs, or that is not the calendar to the microsecond.
    """
    chance, seen = random.Random(seed), Counter[str]()
    clock = micros_of(await store.clock())
    today = clock // DAY
    histories = random_histories(chance, vims, clock - 365 * DAY, clock - 2 * DAY)
    seen["changes"] = sum(len(history.changes) for history in histories)
    await store._database.write(lambda c: write_histories(c, histories))
    for turn in range(TURNS):
        first = today - chance.randrange(370)
        end = min(first + chance.choice((1, 31, 400)), today)
        page_size = chance.choice((7, 500))
        if turn % 3 == 0:
            # Until now, which differs from page to page.
            end, page_size = today + 5, 10**6
        if first < end:
            seen += await _compare_answer(
                store, histories, DayRange(first, end), _GROUPS[turn % len(_GROUPS)], page_size
            )
        # About half of all changes in the end: the others are read from the log.
        await store.availability.count_changes(chance.randrange(1, 2 + seen["changes"] // TURNS))
        if turn == _COMPACTED_AFTER:
            await store.compact(Retention(events=100), 10**6)
            await store.compact(Retention(events=100), 10**6)
            assert (await store.span()).oldest > 100
    return seen


async def _compare_answer(
    store: SqlStore, histories: Sequence[VimHistory], days: DayRange, by: Sequence[str], page_size: int
) -> Counter[str]:
    rows, now = await answer(store, days, by, page_size)
    wanted = expected(histories, days, by, now)
    assert {row.group: dict(row.counts) for row in rows} == wanted, f"{days} by {by}"
    counted = sum(sum(row.counts.values()) for row in rows)
    assert counted == sum(calendar(history, days, now) for history in histories), f"{days} by {by}"
    return Counter(answers=1, rows=len(rows), durations=sum(map(len, wanted.values())))


@asynccontextmanager
async def empty_store(kind: str) -> AsyncGenerator[SqlStore]:
    """Open a store on an empty database of a kind; a server is started for it."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            async with store_at(sqlite_url(Path(folder) / "vimesh.sqlite")) as store:
                yield store
        return
    async with server(kind) as node, store_at(node.url, lock_timeout_s=600.0) as store:
        yield store


async def _main(vims: int, seed: int, kind: str) -> None:
    async with empty_store(kind) as store:
        begun_at = time.monotonic()
        seen = await compare(store, seed=seed, vims=vims)
        print(f"{vims} VIMs agree on {kind}, seed {seed}, {time.monotonic() - begun_at:.0f} s: {dict(seen)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vims", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--on", choices=("sqlite", *SERVERS), default="sqlite")
    flags = parser.parse_args()
    asyncio.run(_main(flags.vims, flags.seed, flags.on))
