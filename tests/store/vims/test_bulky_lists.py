"""However large VIMs are, a list reads little more of them than it shows."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import update

from tests.support.sql.stores import record, registration, report, sqlite_url, store_at
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.queries import MAX_PAGE_BYTES, MAX_PAGE_SIZE, Order, VimQuery
from vimesh.domain.vims import Status, Vim
from vimesh.store.schema.view_tables import views
from vimesh.store.sql_store import SqlStore
from vimesh.wire.limits import MAX_MESSAGE_BYTES
from vimesh.wire.vim_messages import vim_message

_COUNT = 80
_BULK = {"a": "x" * 60_000}
_VIEWED = 300
_MOST_BYTES = 10 * MAX_PAGE_BYTES
"""Of memory for one page. All the VIMs together take twice as much, and once more when they are made plain values."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = sqlite_url(tmp_path_factory.mktemp("bulky") / "vimesh.sqlite")
    async with store_at(url) as store:
        bulky = [
            registration(name=f"bulky-{n:03}", vim_project=_BULK, placement_attr=_BULK, extra=_BULK)
            for n in range(_COUNT)
        ]
        await store.register_many(bulky)
        await store.register_many([registration(name=f"small-{n:03}") for n in range(_COUNT)])
    return url


@pytest.fixture
async def store(database: str) -> AsyncGenerator[SqlStore]:
    async with store_at(database) as opened:
        yield opened


async def peak_bytes(read: Callable[[], Awaitable[object]]) -> int:
    """Return how much memory is taken while something is read."""
    tracemalloc.start()
    try:
        await read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("order", [Order(), Order("name"), Order("status_time", descending=True)])
@pytest.mark.parametrize("text", ["", 'name = "*ulk*"', "status = PENDING", "status != REACHABLE AND type = openstack"])
async def test_a_page_of_large_vims_reads_little_more_than_it_shows(store: SqlStore, order: Order, text: str) -> None:
    query = VimQuery(parse_filter(text), order, MAX_PAGE_SIZE)

    assert await peak_bytes(lambda: store.list_vims(query)) < _MOST_BYTES


async def test_a_part_of_a_snapshot_reads_little_more_than_it_shows(store: SqlStore) -> None:
    assert await peak_bytes(lambda: store.vims_after("", 500)) < _MOST_BYTES


@pytest.mark.parametrize("order", [Order(), Order("name"), Order("name", descending=True)])
@pytest.mark.parametrize("page_size", [1, 7, 20, 21, MAX_PAGE_SIZE])
async def test_pages_are_cut_by_bytes_without_gap_or_repeat(store: SqlStore, order: Order, page_size: int) -> None:
    query = VimQuery(Filter(), order, page_size)
    names: list[str] = []
    while True:
        page = await store.list_vims(query)
        assert 0 < len(page.vims) <= page_size
        assert sum(map(bulk, page.vims)) <= MAX_PAGE_BYTES
        names += [vim.name for vim in page.vims]
        if not page.next_page_token:
            break
        query = replace(query, page_token=page.next_page_token)

    expected = [f"{kind}-{n:03}" for kind in ("bulky", "small") for n in range(_COUNT)]
    assert names == (expected[::-1] if order.descending else expected)


async def test_a_snapshot_is_cut_by_bytes_without_gap_or_repeat(store: SqlStore) -> None:
    ids: list[str] = []
    while page := await store.vims_after(ids[-1] if ids else "", 70):
        assert len(page) <= 70
        assert sum(map(bulk, page)) <= MAX_PAGE_BYTES
        ids += [vim.id for vim in page]

    assert len(ids) == 2 * _COUNT
    assert ids == sorted(set(ids))


async def test_what_vantages_say_counts_for_the_size_of_a_page(tmp_path: Path) -> None:
    vantages = tuple(f"place-{n}" for n in range(8))
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        policy = ProbePolicy(vantages=vantages)
        await store.register_many([registration(policy=policy, name=f"viewed-{n:04}") for n in range(_VIEWED)])
        # As long as a report may have it, in characters that take the most bytes.
        longest = update(views).values(detail="\U0001f4a5" * 512)
        await store._database.write(lambda connection: connection.execute(longest))

        names: list[str] = []
        query = VimQuery(Filter(), Order("name"), MAX_PAGE_SIZE)
        while not names or query.page_token:
            page = await store.list_vims(query)
            assert len(page.vims[0].views) == len(vantages)
            assert sum(vim_message(vim).ByteSize() for vim in page.vims) < MAX_MESSAGE_BYTES
            names += [vim.name for vim in page.vims]
            query = replace(query, page_token=page.next_page_token)

        assert names == [f"viewed-{n:04}" for n in range(_VIEWED)]
        snapshot = await store.vims_after("", _VIEWED)
        assert sum(vim_message(vim).ByteSize() for vim in snapshot) < MAX_MESSAGE_BYTES


def bulk(vim: Vim) -> int:
    return sum(len(str(field.get("a", ""))) for field in (vim.vim_project, vim.placement_attr, vim.extra))


async def test_a_list_shows_no_vim_that_its_filter_excludes_while_statuses_change(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        vims = [await store.register(registration()) for _ in range(30)]
        done = asyncio.Event()

        async def change() -> None:
            for number in range(1, 60):
                status = Status.REACHABLE if number % 2 else Status.UNREACHABLE
                await record(store, [report(vim, status, number) for vim in vims])
            done.set()

        query = VimQuery(parse_filter("status = REACHABLE"), Order(), MAX_PAGE_SIZE)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(change())
            while not done.is_set():
                assert {vim.status for vim in (await store.list_vims(query)).vims} <= {Status.REACHABLE}
