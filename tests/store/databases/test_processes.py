"""Several processes write into one SQLite file."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.store.writers import ROUNDS, Answered, write_much
from tests.support.sql.stores import registration, sqlite_url, store_at
from vimesh.domain.events import EventKind, VimEvent
from vimesh.domain.vims import Status
from vimesh.store.sql_store import SqlStore

VIMS = 6


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path / "vimesh.sqlite")


async def all_events(store: SqlStore) -> list[VimEvent]:
    return await store.events_after((await store.span()).oldest - 1, 100_000)


async def test_two_processes_leave_one_history(url: str) -> None:
    """G1, G8, G11: no revision twice or left out, no change lost, no write of an action after its end."""
    async with store_at(url) as store:
        vim_ids = [(await store.register(registration())).id for _ in range(VIMS)]
        loop = asyncio.get_running_loop()
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            told = await asyncio.gather(
                *(loop.run_in_executor(pool, write_much, url, vim_ids, number) for number in (0, 1)),
            )
        events = await all_events(store)
        span = await store.span()

        assert [event.revision for event in events] == list(range(span.oldest, span.newest + 1))
        assert sum(answered.recorded + answered.bad_actions for answered in told) == 2 * VIMS * ROUNDS
        assert_nothing_was_lost(events, told)
        for vim_id in vim_ids:
            await assert_fenced(store, [event for event in events if event.vim_id == vim_id])


def assert_nothing_was_lost(events: list[VimEvent], told: list[Answered]) -> None:
    registered = {event.vim_id for event in events if event.kind is EventKind.REGISTERED}
    swapped = {(e.vim_id, e.action_id, e.revision) for e in events if e.kind is EventKind.MODIFIED}
    assert {vim_id for answered in told for vim_id in answered.registered} < registered
    assert {swap for answered in told for swap in answered.swapped} == swapped


async def assert_fenced(store: SqlStore, events: list[VimEvent]) -> None:
    """Follow one VIM from change to change: each begins where the one before ended."""
    wanted, status = events[0].action_id, Status.PENDING
    for event in events[1:]:
        assert event.previous_status is status
        if event.kind is EventKind.MODIFIED:
            assert event.stopped_action_id == wanted
            wanted = event.action_id
        assert event.action_id == wanted
        status = event.status
    vim = await store.get(events[0].vim_id)
    assert (vim.status, vim.monitor.action_id, vim.revision) == (status, wanted, events[-1].revision)


async def test_what_was_answered_survives_a_kill(url: str) -> None:
    """G2."""
    async with store_at(url) as store:
        vim_ids = [(await store.register(registration())).id for _ in range(VIMS)]
    writer = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.store.writers",
        url,
        cwd=Path(__file__).parents[3],
        stdout=asyncio.subprocess.PIPE,
    )
    assert writer.stdout is not None
    answered = [await writer.stdout.readline() for _ in range(50)]
    writer.kill()
    answered += (await writer.stdout.read()).splitlines()
    await writer.wait()

    async with store_at(url) as store:
        held = [action.observation for action in await store.actions_of(vim_ids)]
        events = await all_events(store)

    # The last line may have been cut; the transaction after it may have been committed, of all VIMs alike.
    assert len(set(held)) == 1
    assert len(answered) - 1 <= held[0] <= len(answered) + 1
    assert len(events) == VIMS + VIMS * held[0]
