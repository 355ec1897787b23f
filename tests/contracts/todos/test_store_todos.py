"""What every VimStore keeps for workflow engines to do (G9)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import func, select

from tests.support.sql.stores import elapse, record, registration, report, store_at
from vimesh.domain.errors import TodoNotFound
from vimesh.domain.leases import START_GRACE_S
from vimesh.domain.todos import ClaimedTodo, TodoKind
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Modification, MonitorState, Status, Vim
from vimesh.store.schema.tables import todos
from vimesh.store.sql_store import SqlStore

CLAIM_S = 60.0


@pytest.fixture
async def vim(store: VimStore) -> Vim:
    return await store.register(registration(engine=Engine.MISTRAL))


async def claimed(store: VimStore, limit: int = 10, claimant: str = "me") -> list[ClaimedTodo]:
    return await store.claim_todos(claimant, limit, CLAIM_S)


async def all_done(store: VimStore) -> list[tuple[TodoKind, str, bool]]:
    """Carry out everything, and say in which order."""
    done: list[tuple[TodoKind, str, bool]] = []
    while todos := await claimed(store):
        for todo in todos:
            await store.finish_todo(todo.id, todo.claim_token)
        done += [(todo.kind, todo.action_id, todo.vim_gone) for todo in todos]
    return done


async def open_todos(store: SqlStore) -> int:
    count = select(func.count()).select_from(todos)
    return int(await store._database.read(lambda c: c.execute(count).scalar_one()))


async def other_target(store: VimStore, vim: Vim, number: int = 9) -> Vim:
    return await store.modify(vim.id, Modification(auth_url=f"http://192.0.2.{number}/"))


def kinds(todos: Sequence[ClaimedTodo]) -> list[TodoKind]:
    return [todo.kind for todo in todos]


async def test_a_registration_asks_for_a_start_with_target_and_policy(store: VimStore, vim: Vim) -> None:
    """G9."""
    [todo] = await claimed(store)

    assert (todo.kind, todo.vim_id, todo.action_id) == (TodoKind.START, vim.id, vim.monitor.action_id)
    assert [todo.action] == await store.actions_of([vim.id])
    assert (todo.attempt, todo.vim_gone) == (1, False)
    assert await claimed(store) == []


async def test_the_embedded_engine_has_nothing_to_do(store: VimStore) -> None:
    vim = await store.register(registration())
    await other_target(store, vim)
    await elapse(store, START_GRACE_S + 1)
    assert await store.replace_silent(10) == 1
    await store.deregister(vim.id)

    assert await claimed(store) == []


async def test_each_change_of_the_action_brings_its_to_dos(store: VimStore, vim: Vim) -> None:
    """G9."""
    actions = [vim.monitor.action_id]
    assert await all_done(store) == [(TodoKind.START, actions[0], False)]

    await store.modify(vim.id, Modification(name="the same action"))
    assert await all_done(store) == []

    actions.append((await other_target(store, vim)).monitor.action_id)
    assert await all_done(store) == [(TodoKind.START, actions[1], False), (TodoKind.STOP, actions[0], False)]

    await elapse(store, START_GRACE_S + 1)
    assert await store.replace_silent(10) == 1
    actions.append((await store.get(vim.id)).monitor.action_id)
    assert await all_done(store) == [(TodoKind.START, actions[2], False), (TodoKind.STOP, actions[1], False)]

    await store.deregister(vim.id)
    assert await all_done(store) == [(TodoKind.STOP, actions[2], True)]


async def test_what_is_to_be_done_of_one_vim_comes_one_after_the_other(store: VimStore, vim: Vim) -> None:
    await all_done(store)
    after = await other_target(store, vim)
    other = await store.register(registration(engine=Engine.MISTRAL))

    first = await claimed(store)

    assert [(todo.kind, todo.vim_id) for todo in first] == [(TodoKind.START, vim.id), (TodoKind.START, other.id)]
    assert first[0].action_id == after.monitor.action_id
    assert await claimed(store) == []
    await store.finish_todo(first[0].id, first[0].claim_token)
    [second] = await claimed(store)
    assert (second.kind, second.action_id, second.action) == (TodoKind.STOP, vim.monitor.action_id, None)


async def test_of_an_action_that_no_engine_was_told_of_there_is_nothing_to_stop(store: SqlStore, vim: Vim) -> None:
    """However often people change a VIM while its engine is away, there is not more to do than for its last action."""
    actions = [(await other_target(store, vim, number)).monitor.action_id for number in range(4)]
    assert await open_todos(store) == 1

    assert await all_done(store) == [(TodoKind.START, actions[3], False)]


async def test_a_vim_that_came_and_went_while_its_engine_was_away_leaves_nothing_to_do(store: SqlStore) -> None:
    vim = await store.register(registration(engine=Engine.MISTRAL))
    await other_target(store, vim)
    await store.deregister(vim.id)

    assert await open_todos(store) == 0


async def test_an_action_that_an_engine_may_have_been_told_of_is_stopped(store: SqlStore, vim: Vim) -> None:
    """G9: the claimant may have failed after it had told the engine."""
    [start] = await claimed(store)
    await store.finish_todo(start.id, start.claim_token, error="no answer")
    actions = [(await other_target(store, vim, number)).monitor.action_id for number in range(4)]
    assert await open_todos(store) == 3
    await elapse(store, CLAIM_S)

    first = (TodoKind.STOP, vim.monitor.action_id, False)
    assert await all_done(store) == [(TodoKind.START, actions[3], False), first]


async def test_a_vim_that_is_gone_is_taken_from_an_engine_that_was_told_of_it(store: SqlStore, vim: Vim) -> None:
    await all_done(store)
    after = await other_target(store, vim)
    await store.deregister(vim.id)

    stops = [(TodoKind.STOP, vim.monitor.action_id, False), (TodoKind.STOP, after.monitor.action_id, True)]
    assert await all_done(store) == stops


async def test_a_vim_that_moves_to_and_fro_while_its_engine_is_away_is_taken_from_it_once(
    store: SqlStore, vim: Vim
) -> None:
    await all_done(store)
    for _ in range(3):
        await store.modify(vim.id, Modification(engine=Engine.EMBEDDED))
        back = await store.modify(vim.id, Modification(engine=Engine.MISTRAL))
    assert await open_todos(store) == 2

    assert await all_done(store) == [
        (TodoKind.STOP, vim.monitor.action_id, True),
        (TodoKind.START, back.monitor.action_id, False),
    ]


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


async def test_a_start_waits_for_its_engine_and_not_for_the_sweep(store: VimStore, vim: Vim) -> None:
    """G9: an engine that is down only delays."""
    for _ in range(3):
        await elapse(store, START_GRACE_S + 1)
        assert await store.replace_silent(10) == 0
    waiting = await store.get(vim.id)
    assert waiting == vim
    assert waiting.monitor.state is MonitorState.WAITING
    await elapse(store, START_GRACE_S + 1)

    assert await all_done(store) == [(TodoKind.START, vim.monitor.action_id, False)]

    # The grace begins when the engine was told.
    await elapse(store, START_GRACE_S - 5)
    assert await store.replace_silent(10) == 0
    assert (await store.get(vim.id)).monitor.state is MonitorState.STARTING
    await elapse(store, 6)
    assert await store.replace_silent(10) == 1


async def test_who_was_heard_is_replaced_though_its_start_was_never_finished(store: VimStore, vim: Vim) -> None:
    [start] = await claimed(store)
    await record(store, [report(vim, Status.REACHABLE, 1)])
    await elapse(store, 91)
    assert (await store.get(vim.id)).status is Status.UNKNOWN

    assert (await store.record_lapses(10), await store.replace_silent(10)) == (1, 1)
    assert (await store.get(vim.id)).status is Status.UNKNOWN
    await store.finish_todo(start.id, start.claim_token)

    after = await store.get(vim.id)
    assert await all_done(store) == [
        (TodoKind.START, after.monitor.action_id, False),
        (TodoKind.STOP, vim.monitor.action_id, False),
    ]


async def test_claimants_at_once_never_get_the_same(store: VimStore, database_url: str) -> None:
    """G9: any number of drivers share the work."""
    vims = [await store.register(registration(engine=Engine.MISTRAL)) for _ in range(40)]

    async with store_at(database_url) as other:
        shares = await asyncio.gather(*(claimed(each, 5) for each in (store, other) * 6))

    todos = [todo for share in shares for todo in share]
    assert len(todos) == 40
    assert {todo.vim_id for todo in todos} == {vim.id for vim in vims}
    assert max(len(share) for share in shares) == 5


async def test_the_oldest_come_first(store: VimStore) -> None:
    vims = [await store.register(registration(engine=Engine.MISTRAL)) for _ in range(6)]

    assert [todo.vim_id for todo in await claimed(store, 4)] == [vim.id for vim in vims[:4]]
    assert [todo.vim_id for todo in await claimed(store, 4)] == [vim.id for vim in vims[4:]]
