"""G20: what the store counts, in SQL, is what the plain implementation counts, and adds up to the calendar."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Sequence

from sqlalchemy import func, select

from tests.support.availability.histories import DAY, VimHistory, random_histories, write_histories
from tests.support.sql.stores import record, registration, report, store_at
from vimesh.domain.availability.availability_query import AvailabilityQuery, AvailabilityRow, DayRange
from vimesh.domain.availability.counted_days import Cause, Counts, date_of
from vimesh.domain.availability.timeline import bounded
from vimesh.domain.filters.vim_filter import EVERY_VIM
from vimesh.domain.retention import Retention
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Status
from vimesh.store.schema.tables import availability_days, availability_months, availability_states
from vimesh.store.sql_store import SqlStore

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
        spans = list(bounded(history.spans(now), days.start, days.stop))
        for day in range(days.first, days.end):
            for span in bounded(spans, day * DAY, (day + 1) * DAY):
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


async def test_both_implementations_agree_whatever_is_counted_already(store: VimStore) -> None:
    assert isinstance(store, SqlStore)
    chance = random.Random(20)
    clock = micros_of(await store.clock())
    histories = random_histories(chance, 40, clock - 365 * DAY, clock - 2 * DAY)
    await store._database.write(lambda c: write_histories(c, histories))
    today = clock // DAY
    for turn in range(12):
        first = today - chance.randrange(370)
        end = min(first + chance.choice((1, 31, 400)), today)
        page_size = chance.choice((7, 500))
        if turn % 3 == 0:
            # Until now, which differs from page to page.
            end, page_size = today + 5, 10**6
        by = _GROUPS[turn % len(_GROUPS)]
        if first < end:
            days = DayRange(first, end)
            rows, now = await answer(store, days, by, page_size)
            assert {row.group: dict(row.counts) for row in rows} == expected(histories, days, by, now)
            counted = sum(sum(row.counts.values()) for row in rows)
            assert counted == sum(calendar(history, days, now) for history in histories)
        await store.availability.count_changes(chance.randrange(1, 60))
        if turn == 8:
            await store.compact(Retention(events=100), 10**6)
            await store.compact(Retention(events=100), 10**6)
            assert (await store.span()).oldest > 100


async def test_nothing_is_dropped_before_it_is_counted(store: VimStore) -> None:
    """Compaction counts changes that nobody else would count yet."""
    vim = await store.register(registration())
    for observation, status in enumerate([Status.REACHABLE, Status.UNREACHABLE] * 5, start=1):
        await record(store, [report(vim, status, observation)])
    assert await store.availability.count_changes(100) == 0

    assert await store.compact(Retention(events=0, age_s=1e9), 4) == 4
    assert await store.compact(Retention(events=0, age_s=1e9), 100) == 7

    created = micros_of(vim.create_time)
    rows, now = await answer(store, DayRange(created // DAY, created // DAY + 2))
    assert sum(rows[0].counts.values()) == now - created
    assert {cause.status for cause in rows[0].counts} == {"PENDING", "REACHABLE", "UNREACHABLE"}


async def test_conductors_that_count_at_once_count_each_change_once(store: VimStore, database_url: str) -> None:
    assert isinstance(store, SqlStore)
    clock = micros_of(await store.clock())
    histories = random_histories(random.Random(57), 20, clock - 90 * DAY, clock - 2 * DAY)
    changes = sum(len(history.changes) for history in histories)
    await store._database.write(lambda c: write_histories(c, histories))

    async def count(one: VimStore) -> int:
        total = 0
        while counted := await one.availability.count_changes(7):
            total += counted
        return total

    async with store_at(database_url) as other:
        assert sum(await asyncio.gather(count(store), count(other))) == changes
    days = DayRange(clock // DAY - 100, clock // DAY)
    rows, now = await answer(store, days, ["id"], 10**6)
    assert {row.group: dict(row.counts) for row in rows} == expected(histories, days, ["id"], now)


async def test_a_vim_that_is_gone_takes_its_days_with_it(store: VimStore) -> None:
    assert isinstance(store, SqlStore)
    clock = micros_of(await store.clock())
    histories = random_histories(random.Random(3), 30, clock - 90 * DAY, clock - 2 * DAY)
    history = max(histories, key=lambda history: len(history.life))
    assert len(history.life) > 3
    await store._database.write(lambda c: write_histories(c, [history]))
    while await store.availability.count_changes(100):
        pass
    before = await stored_rows(store)

    await store.deregister(history.vim_id)
    await store.compact(Retention(events=0, age_s=1e9), 1000)

    assert before[0] == 1
    assert before[1] > 0
    assert await stored_rows(store) == [0, 0, 0]


async def stored_rows(store: SqlStore) -> list[int]:
    tables = (availability_states, availability_days, availability_months)
    counts = [select(func.count()).select_from(table) for table in tables]
    return await store._database.read(lambda c: [c.execute(count).scalar_one() for count in counts])
