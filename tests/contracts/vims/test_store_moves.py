"""What every VimStore does with VIMs that have an id elsewhere, and with those that move between engines."""

from __future__ import annotations

import uuid

import pytest

from tests.support.sql.stores import changes_in, elapse, newest_event, record, registration, report
from vimesh.domain.actions import ActionScope
from vimesh.domain.errors import NameTaken, VimIdTaken
from vimesh.domain.events import EventKind
from vimesh.domain.leases import LONGEST_GRACE_S, lease_s
from vimesh.domain.probing import Reason
from vimesh.domain.todos import TodoKind
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import BadAction, Engine, Modification, MonitorState, Recorded, Status, Vim

EMBEDDED, MISTRAL, EXTERNAL = Engine.EMBEDDED, Engine.MISTRAL, Engine.EXTERNAL


async def move(store: VimStore, vim: Vim, engine: Engine) -> Vim:
    return await store.modify(vim.id, Modification(engine=engine))


async def to_do(store: VimStore) -> list[tuple[TodoKind, str, bool]]:
    """Carry out everything, and say in which order."""
    done: list[tuple[TodoKind, str, bool]] = []
    while todos := await store.claim_todos("me", 10, 60.0):
        for todo in todos:
            await store.finish_todo(todo.id, todo.claim_token)
            done.append((todo.kind, todo.action_id, todo.vim_gone))
    return done


async def wanted(store: VimStore, engine: Engine) -> list[str]:
    return [action.action_id for action in await store.actions_after(ActionScope(engine), "", 10)]


async def test_a_vim_keeps_the_id_that_it_has_elsewhere(store: VimStore) -> None:
    vim_id = str(uuid.uuid4())

    vim = await store.register(registration(vim_id=vim_id))

    assert (vim.id, (await store.get(vim_id)).name) == (vim_id, vim.name)
    assert vim.monitor.action_id != vim_id


async def test_an_id_belongs_to_one_vim_at_a_time(store: VimStore) -> None:
    vim = await store.register(registration(vim_id=str(uuid.uuid4())))
    before = await changes_in(store)

    with pytest.raises(VimIdTaken):
        await store.register(registration(vim_id=vim.id, name=vim.name))
    with pytest.raises(NameTaken):
        await store.register(registration(vim_id=str(uuid.uuid4()), name=vim.name))
    assert await changes_in(store) == before

    await store.deregister(vim.id)
    again = await store.register(registration(vim_id=vim.id))
    assert await record(store, [report(vim), report(again)]) == [BadAction(), Recorded(Status.REACHABLE)]


async def test_an_external_vim_is_reported_on_by_who_knows_only_its_id(store: VimStore) -> None:
    vim = await store.register(registration(engine=EXTERNAL))
    assert vim.monitor.action_id == vim.id

    assert await record(store, [report(vim, action_id=vim.id)]) == [Recorded(Status.REACHABLE)]
    assert (await store.get(vim.id)).monitor.state is MonitorState.RUNNING
    assert await wanted(store, EXTERNAL) == [vim.id]
    assert await to_do(store) == []


async def test_a_new_target_fences_who_knows_only_the_vim(store: VimStore) -> None:
    """G11."""
    vim = await store.register(registration(engine=EXTERNAL))

    after = await store.modify(vim.id, Modification(auth_url="http://192.0.2.9/"))

    assert after.monitor.engine is EXTERNAL
    assert await record(store, [report(vim), report(after)]) == [BadAction(), Recorded(Status.REACHABLE)]
    assert (await store.get(vim.id)).monitor.action_id == after.monitor.action_id != vim.id


async def test_who_names_external_again_lets_those_in_that_know_only_the_vim(store: VimStore) -> None:
    vim = await store.register(registration(engine=EXTERNAL))
    moved = await store.modify(vim.id, Modification(auth_url="http://192.0.2.9/"))

    again = await move(store, vim, EXTERNAL)

    assert again.monitor.action_id == vim.id
    assert (await newest_event(store)).stopped_action_id == moved.monitor.action_id
    assert await record(store, [report(moved), report(again)]) == [BadAction(), Recorded(Status.REACHABLE)]
    before = await changes_in(store)
    assert (await move(store, vim, EXTERNAL)).monitor.action_id == vim.id
    assert await changes_in(store) == before


async def test_a_new_target_is_never_that_of_the_old_action_whatever_else_is_said(store: VimStore) -> None:
    """G11."""
    vim = await store.register(registration(engine=EXTERNAL))

    after = await store.modify(vim.id, Modification(auth_url="http://192.0.2.9/", engine=EXTERNAL))

    assert after.monitor.action_id != vim.id
    assert await record(store, [report(vim)]) == [BadAction()]


async def test_a_silent_external_action_reads_unknown_and_stays_wanted(store: VimStore) -> None:
    """G6: nobody could start another one."""
    vim = await store.register(registration(engine=EXTERNAL))
    await record(store, [report(vim)], contact_within_s=10.0)

    await elapse(store, lease_s(10.0) + 1)
    assert (await store.get(vim.id)).status is Status.UNKNOWN
    assert await store.record_lapses(10) == 1
    assert await store.replace_silent(10) == 0

    silent = await store.get(vim.id)
    assert (silent.status, silent.reason) == (Status.UNKNOWN, Reason.SILENT)
    assert (silent.monitor.state, silent.monitor.action_id) == (MonitorState.SILENT, vim.id)
    assert await record(store, [report(vim)]) == [Recorded(Status.REACHABLE)]


async def test_an_external_action_that_never_reports_is_waited_for(store: VimStore) -> None:
    vim = await store.register(registration(engine=EXTERNAL))
    embedded = await store.register(registration())

    await elapse(store, LONGEST_GRACE_S + 1)

    assert await store.replace_silent(10) == 1
    assert (await newest_event(store)).vim_id == embedded.id
    assert (await store.get(vim.id)).status is Status.PENDING


@pytest.mark.parametrize(
    ("before", "after"), [(a, b) for a in Engine for b in Engine if a is not b], ids=lambda engine: engine.lower()
)
async def test_a_move_fences_the_old_action_in_one_change(store: VimStore, before: Engine, after: Engine) -> None:
    """G9, G11."""
    old = await store.register(registration(engine=before))
    await record(store, [report(old)])
    await to_do(store)

    new = await move(store, old, after)

    assert (new.monitor.engine, new.status) == (after, Status.PENDING)
    assert (new.monitor.action_id == new.id) == (after is EXTERNAL)
    event = await newest_event(store)
    assert (event.kind, event.stopped_action_id) == (EventKind.MODIFIED, old.monitor.action_id)
    assert {engine for engine in Engine if event.stops_in(engine)} == {before}
    assert {engine for engine in Engine if event.starts_in(engine)} == {after}
    assert (await wanted(store, before), await wanted(store, after)) == ([], [new.monitor.action_id])
    starts = [(TodoKind.START, new.monitor.action_id, False)] if after is MISTRAL else []
    # Nothing of the VIM stays in Mistral: the workflow goes, too.
    stops = [(TodoKind.STOP, old.monitor.action_id, True)] if before is MISTRAL else []
    assert await to_do(store) == starts + stops
    assert await record(store, [report(old), report(new)]) == [BadAction(), Recorded(Status.REACHABLE)]


async def test_there_and_back_again_is_done_in_that_order(store: VimStore) -> None:
    vim = await store.register(registration(engine=MISTRAL))
    await to_do(store)

    await move(store, vim, EMBEDDED)
    back = await move(store, vim, MISTRAL)

    assert await to_do(store) == [
        (TodoKind.STOP, vim.monitor.action_id, True),
        (TodoKind.START, back.monitor.action_id, False),
    ]


async def test_a_move_to_where_it_is_changes_nothing(store: VimStore, vim: Vim) -> None:
    before = await changes_in(store)

    assert await move(store, vim, EMBEDDED) == vim

    assert await changes_in(store) == before
