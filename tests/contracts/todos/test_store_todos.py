"""What every VimStore keeps for workflow engines to do (G9)."""

from __future__ import annotations

from tests.contracts.todos.claiming import CLAIM_S, all_done, claimed, open_todos, other_target
from tests.support.sql.stores import elapse, record, registration, report
from vimesh.domain.leases import START_GRACE_S
from vimesh.domain.todos import TodoKind
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Modification, MonitorState, Status, Vim
from vimesh.store.sql_store import SqlStore


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
