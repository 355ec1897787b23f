"""Many callers at once: what is asked most is not kept waiting by what takes long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Select

from tests.support.sql.stores import record, registration, report, sqlite_url, store_at
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.queries import VimQuery, parse_order
from vimesh.domain.vims import Recorded, Status
from vimesh.store.filters.sql_condition import filter_branches
from vimesh.store.sql_store import SqlStore
from vimesh.store.vims.list_vims import _select_positions, project_conditions


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqlStore]:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as opened:
        yield opened


async def test_reports_go_before_registrations_that_wait(store: SqlStore) -> None:
    vim = await store.register(registration())
    registering = [asyncio.create_task(store.register(registration())) for _ in range(100)]
    await asyncio.sleep(0)

    assert await record(store, [report(vim, Status.REACHABLE, 1)]) == [Recorded(Status.REACHABLE)]

    assert sum(task.done() for task in registering) < 50
    await asyncio.gather(*registering)


def plan_of(connection: Connection, statement: Select[Any]) -> list[str]:
    text = statement.compile(connection, compile_kwargs={"literal_binds": True})
    return [str(row.detail) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]


@pytest.mark.parametrize(
    ("text", "order"),
    [
        *(("", order) for order in ("create_time", "status_time", "status_time desc", "name")),
        *((f"status {term}", "") for term in ("= UNKNOWN", "= REACHABLE", "!= REACHABLE", "= PENDING")),
        ("status != UNKNOWN", "create_time desc"),
        ("status = REACHABLE OR status = PENDING", ""),
        ("NOT (status = UNKNOWN OR status = REACHABLE) AND reason = TIMEOUT", ""),
        ("reason != TIMEOUT AND status_time < 2026-10-01", ""),
    ],
)
async def test_a_page_is_read_in_the_order_of_an_index(store: SqlStore, text: str, order: str) -> None:
    query = VimQuery(parse_filter(text), parse_order(order))

    plan = await store._database.read(
        lambda c: plan_of(c, _select_positions(query, [], filter_branches(query.filter, c.dialect)))
    )

    # What has to be sorted is what was found, and the silences that are not on record yet.
    sorted_after = [step for step, then in pairwise(plan) if " standings" in step and then.startswith("USE TEMP")]
    assert not sorted_after
    # The table of standings is in the order of registration itself.
    assert not [step for step in plan if step == "SCAN vims"]


@pytest.mark.parametrize("projects", [("a",), ("a", "b", "c")])
@pytest.mark.parametrize("order", ["create_time", "status_time", "name desc"])
async def test_the_vims_of_a_caller_are_found_by_project(
    store: SqlStore, projects: tuple[str, ...], order: str
) -> None:
    query = VimQuery(order=parse_order(order), projects=frozenset(projects))
    plan = await store._database.read(lambda c: plan_of(c, _select_positions(query, project_conditions(query), [()])))

    assert [step for step in plan if step.startswith("SEARCH vims USING") and "project_id=?" in step]
    assert not [step for step in plan if step.startswith("SCAN")]


async def test_people_write_between_reports_and_repeats_that_wait(store: SqlStore) -> None:
    """Both are urgent. If both were in line, one of them always would be."""
    changing, steady = await store.register(registration()), await store.register(registration())
    await record(store, [report(vim, Status.REACHABLE, 1) for vim in (changing, steady)])
    store._reports.cache._clock_offset += 60_000_000  # so that leases seem due
    gate, ended = threading.Event(), list[str]()

    def wait(name: str, work: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(lambda _: ended.append(name))
        return task

    writing = asyncio.create_task(store._database.write(lambda _: gate.wait(10)))
    waiting = [
        wait("report", record(store, [report(changing, Status.UNREACHABLE, 2)])),
        wait("repeat", store.record_repeats([(steady.id, store.cached_standings[steady.id], 30.0)])),
        wait("person", store.register(registration())),
    ]
    for _ in range(100):
        await asyncio.sleep(0)
    gate.set()

    await asyncio.gather(writing, *waiting)
    assert ended == ["report", "person", "repeat"]
