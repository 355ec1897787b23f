"""G20: what the store counts, in SQL, is what the plain implementation counts, and adds up to the calendar."""

from __future__ import annotations

import asyncio
import random

from sqlalchemy import func, select

from tests.support.availability.compare_counts import TURNS, answer, compare, expected, micros_of
from tests.support.availability.histories import DAY, random_histories, write_histories
from tests.support.sql.stores import LOCK_TIMEOUT_S, record, registration, report, store_at
from vimesh.domain.availability.availability_query import DayRange
from vimesh.domain.availability.counted_days import Cause
from vimesh.domain.availability.timeline import MAINTENANCE, TimeSpan
from vimesh.domain.retention import Retention
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Status
from vimesh.store.schema.availability_tables import availability_days, availability_months, availability_states
from vimesh.store.sql_store import SqlStore


async def test_both_implementations_agree_whatever_is_counted_already(store: VimStore) -> None:
    """`python -m tests.support.availability.compare_counts` does so for a year of a thousand VIMs."""
    assert isinstance(store, SqlStore)

    seen = await compare(store, seed=20, vims=40)

    assert seen["answers"] > TURNS / 2
    assert seen["durations"] > 1000


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


async def test_maintenance_is_counted_also_if_all_vims_were_registered_since(store: VimStore) -> None:
    """The first changes of a fleet are counted at once: no VIM among them was counted before."""
    assert isinstance(store, SqlStore)
    clock = micros_of(await store.clock())
    history = next(
        history
        for seed in range(100)
        for history in random_histories(random.Random(seed), 1, clock - 90 * DAY, clock - 2 * DAY)
        if len(history.life) == len(history.changes) > 3
    )
    begin = history.life[0]["time"]
    history.maintenance = [TimeSpan(begin, begin + 7)]
    await store._database.write(lambda c: write_histories(c, [history]))

    assert await store.availability.count_changes(100) == len(history.changes)

    days = DayRange(clock // DAY - 100, clock // DAY)
    rows, now = await answer(store, days)
    assert {row.group: dict(row.counts) for row in rows} == expected([history], days, (), now)
    assert rows[0].counts[Cause(MAINTENANCE, "")] == 7


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

    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as other:
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
