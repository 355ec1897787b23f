"""How every VimStore hands out to-dos, and what becomes of those that fail or take long (G9)."""

from __future__ import annotations

import asyncio

import pytest

from tests.contracts.todos.claiming import CLAIM_S, all_done, claimed, kinds, other_target
from tests.support.sql.stores import LOCK_TIMEOUT_S, elapse, registration, store_at
from vimesh.domain.errors import TodoNotFound
from vimesh.domain.todos import TodoKind
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, MonitorState, Vim


@pytest.mark.usefixtures("vim")
async def test_a_claim_that_is_not_finished_lapses_and_its_token_with_the_next_one(store: VimStore) -> None:
    [first] = await claimed(store)
    await elapse(store, CLAIM_S - 5)
    assert await claimed(store) == []
    await elapse(store, 6)

    [second] = await claimed(store, claimant="another")

    assert (second.id, second.attempt) == (first.id, 2)
    with pytest.raises(TodoNotFound):
        await store.finish_todo(first.id, first.claim_token)
    await store.finish_todo(second.id, second.claim_token)
    for token in (second.claim_token, "", "x"):
        with pytest.raises(TodoNotFound):
            await store.finish_todo(second.id, token)


@pytest.mark.usefixtures("vim")
async def test_a_slow_claimant_may_still_finish_what_nobody_else_has_taken(store: VimStore) -> None:
    [todo] = await claimed(store)
    await elapse(store, CLAIM_S + 1)

    await store.finish_todo(todo.id, todo.claim_token)

    assert await claimed(store) == []


async def test_a_failure_is_shown_on_the_vim_and_tried_again_after_growing_pauses(store: VimStore, vim: Vim) -> None:
    """G9."""
    for number, pause_s in enumerate((1, 2, 4, 8), start=1):
        [todo] = await claimed(store)
        assert todo.attempt == number
        await store.finish_todo(todo.id, todo.claim_token, error=f"Mistral is away ({number})")

        waiting = (await store.get(vim.id)).monitor
        assert (waiting.state, waiting.last_error) == (MonitorState.WAITING, f"Mistral is away ({number})")
        with pytest.raises(TodoNotFound):
            await store.finish_todo(todo.id, todo.claim_token)
        assert await claimed(store) == []
        await elapse(store, pause_s)

    [todo] = await claimed(store)
    await store.finish_todo(todo.id, todo.claim_token)

    done = await store.get(vim.id)
    assert (done.monitor.state, done.monitor.last_error) == (MonitorState.STARTING, "")
    assert done.revision == vim.revision


async def test_a_stop_that_fails_is_shown_as_long_as_there_is_a_vim(store: VimStore, vim: Vim) -> None:
    await all_done(store)
    await other_target(store, vim)
    [stop] = await claimed(store)
    await store.finish_todo(stop.id, stop.claim_token, error="cannot delete")
    assert (await store.get(vim.id)).monitor.last_error == "cannot delete"

    await store.deregister(vim.id)
    await elapse(store, 60)
    [stop] = await claimed(store)
    await store.finish_todo(stop.id, stop.claim_token, error="still cannot")
    await elapse(store, 60)
    assert kinds(await claimed(store)) == [TodoKind.STOP]


async def test_the_trouble_of_an_action_that_is_not_wanted_is_not_shown(store: VimStore, vim: Vim) -> None:
    [start] = await claimed(store)
    await other_target(store, vim)

    await store.finish_todo(start.id, start.claim_token, error="of the old one")

    assert (await store.get(vim.id)).monitor.last_error == ""


async def test_what_needs_time_is_put_off_without_being_a_failure(store: VimStore, vim: Vim) -> None:
    [todo] = await claimed(store)
    await store.finish_todo(todo.id, todo.claim_token, error="away")
    await elapse(store, 60)
    [todo] = await claimed(store)

    await store.finish_todo(todo.id, todo.claim_token, retry_after_s=20)

    assert (await store.get(vim.id)).monitor.last_error == ""
    await elapse(store, 15)
    assert await claimed(store) == []
    await elapse(store, 6)
    [todo] = await claimed(store)
    assert todo.attempt == 3
    await store.finish_todo(todo.id, todo.claim_token, error="away again")
    await elapse(store, 1)
    assert len(await claimed(store)) == 1


async def test_claimants_at_once_never_get_the_same(store: VimStore, database_url: str) -> None:
    """G9: any number of drivers share the work."""
    vims = [await store.register(registration(engine=Engine.MISTRAL)) for _ in range(40)]

    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as other:
        shares = await asyncio.gather(*(claimed(each, 5) for each in (store, other) * 6))

    todos = [todo for share in shares for todo in share]
    assert len(todos) == 40
    assert {todo.vim_id for todo in todos} == {vim.id for vim in vims}
    assert max(len(share) for share in shares) == 5


async def test_the_oldest_come_first(store: VimStore) -> None:
    vims = [await store.register(registration(engine=Engine.MISTRAL)) for _ in range(6)]

    assert [todo.vim_id for todo in await claimed(store, 4)] == [vim.id for vim in vims[:4]]
    assert [todo.vim_id for todo in await claimed(store, 4)] == [vim.id for vim in vims[4:]]
