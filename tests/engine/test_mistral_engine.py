"""The engine on a real Mistral, with the real ping action in it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from tests.engine.world import OUT_OF_PATIENCE, World, action, stop_of, stopped
from vimesh.domain.actions import Action
from vimesh.engine.mistral_access import MistralAccess
from vimesh.engine.mistral_engine import MistralEngine, mistral_engine
from vimesh.engine.workflow import LEGACY_ACTION, TASK, PingInput, definition
from vimesh.engine.workflow_engine import NotYet, Stopped

pytestmark = pytest.mark.asyncio(loop_scope="session")

TACKERS = """
version: '2.0'
{name}:
  type: direct
  input: [ping_vim]
  tasks:
    {task}:
      action: std.async_noop
"""


def tackers(vim_id: str) -> str:
    """Return what the old Tacker made, under the name that we use too."""
    return TACKERS.format(name=f"vim_id_{vim_id}", task=TASK, action=LEGACY_ACTION)


def another_of(wanted: Action) -> Action:
    return replace(wanted, action_id=str(uuid4()))


async def test_a_started_action_runs_in_an_execution_with_its_own_id(engine: MistralEngine, world: World) -> None:
    wanted = action()

    await engine.start(wanted)
    await world.until_heard(wanted)

    assert world.executions(wanted.vim_id) == [(wanted.action_id, "RUNNING")]
    assert world.tasks(wanted.action_id) == [TASK]


async def test_starting_twice_is_starting_once(engine: MistralEngine, world: World) -> None:
    wanted = action()

    await engine.start(wanted)
    await engine.start(wanted)

    assert world.executions(wanted.vim_id) == [(wanted.action_id, "RUNNING")]


async def test_processes_that_start_an_action_at_the_same_time_start_it_once(
    engine: MistralEngine, world: World
) -> None:
    wanted = action()
    async with mistral_engine(MistralAccess(world.mistral.url)) as other:
        await asyncio.gather(*(each.start(wanted) for each in (engine, other) * 3))

    assert world.executions(wanted.vim_id) == [(wanted.action_id, "RUNNING")]


async def test_a_workflow_that_was_created_and_not_executed_is_executed(engine: MistralEngine, world: World) -> None:
    wanted = action()
    world.client.workflows.create(definition(wanted.vim_id))

    await engine.start(wanted)

    assert world.executions(wanted.vim_id) == [(wanted.action_id, "RUNNING")]


async def test_a_workflow_of_another_version_is_brought_up_to_date(engine: MistralEngine, world: World) -> None:
    wanted = action()
    world.client.workflows.create(tackers(wanted.vim_id))

    await engine.start(wanted)
    await world.until_heard(wanted)

    assert world.client.workflows.get(f"vim_id_{wanted.vim_id}").definition == definition(wanted.vim_id)


async def test_a_workflow_gets_the_inputs_that_a_new_policy_needs(engine: MistralEngine, world: World) -> None:
    plain = action()
    await engine.start(plain)
    patient = replace(another_of(plain), policy=replace(plain.policy, fail_for_s=0.25))

    await engine.start(patient)
    await world.until_heard(patient)

    told = PingInput.of(patient).inputs()
    assert told["fail_for_s"] == 0.25
    assert world.client.workflows.get(f"vim_id_{plain.vim_id}").definition == definition(plain.vim_id, told)


async def test_an_execution_that_ended_is_started_anew(engine: MistralEngine, world: World) -> None:
    wanted = action()
    await engine.start(wanted)
    world.client.executions.update(wanted.action_id, "ERROR")

    await engine.start(wanted)

    assert world.executions(wanted.vim_id) == [(wanted.action_id, "RUNNING")]


async def test_an_action_is_stopped_first_and_deleted_afterwards(engine: MistralEngine, world: World) -> None:
    wanted = action()
    await engine.start(wanted)
    await world.until_heard(wanted)
    complaints = world.mistral.log.read_text().count("Traceback")

    first = await engine.stop(stop_of(wanted))
    world.no_more(wanted)
    await stopped(engine, stop_of(wanted))

    assert isinstance(first, NotYet)
    assert world.executions(wanted.vim_id) == []
    assert not world.has_workflow(wanted.vim_id)
    assert world.mistral.log.read_text().count("Traceback") == complaints


async def test_what_was_never_started_is_stopped(engine: MistralEngine, world: World) -> None:
    wanted = action()
    world.client.workflows.create(definition(wanted.vim_id))

    assert await engine.stop(stop_of(wanted)) == Stopped()
    assert not world.has_workflow(wanted.vim_id)


async def test_an_action_that_does_not_exit_is_deleted_when_it_had_its_time(
    engine: MistralEngine, world: World
) -> None:
    wanted = action()
    await engine.start(wanted)

    assert await engine.stop(stop_of(wanted, attempt=OUT_OF_PATIENCE)) == Stopped()
    assert world.executions(wanted.vim_id) == []


async def test_stopping_an_old_action_leaves_the_new_one_alone(engine: MistralEngine, world: World) -> None:
    old = action()
    new = another_of(old)
    await engine.start(old)
    await engine.start(new)
    world.no_more(old)

    await stopped(engine, stop_of(old, vim_gone=False))

    assert world.executions(new.vim_id) == [(new.action_id, "RUNNING")]
    assert world.has_workflow(new.vim_id)


async def test_of_a_vim_that_is_gone_every_action_is_removed(engine: MistralEngine, world: World) -> None:
    old = action()
    new = another_of(old)
    await engine.start(old)
    await engine.start(new)

    assert await engine.stop(stop_of(new, attempt=OUT_OF_PATIENCE)) == Stopped()
    assert world.executions(old.vim_id) == []


async def test_what_others_made_under_our_names_is_left_alone(engine: MistralEngine, world: World) -> None:
    gone = action()
    world.client.workflows.create(tackers(gone.vim_id))
    foreign = world.execute(gone.vim_id, {"ping_vim": {"vim_id": gone.vim_id, "targetip": "192.0.2.1"}})

    assert await engine.stop(stop_of(gone, attempt=OUT_OF_PATIENCE)) == Stopped()

    assert world.executions(gone.vim_id) == [(foreign, "RUNNING")]
    assert world.has_workflow(gone.vim_id)
    assert gone.vim_id not in await engine.listing.vims_with_workflow()
    assert foreign not in [execution.id for execution in await engine.listing.executions()]


async def test_executions_that_people_repeat_are_stopped_with_the_action(engine: MistralEngine, world: World) -> None:
    wanted = action()
    await engine.start(wanted)
    world.execute(wanted.vim_id, PingInput.of(wanted).execution_input())
    world.no_more(wanted)

    await stopped(engine, stop_of(wanted))

    assert world.executions(wanted.vim_id) == []


async def test_lists_are_read_page_by_page(world: World) -> None:
    some = [action() for _ in range(3)]
    async with mistral_engine(MistralAccess(world.mistral.url), page=2) as engine:
        for each in some:
            await engine.start(each)

        listed = await engine.listing.executions()
        vims = await engine.listing.vims_with_workflow()

    assert len(listed) == len({execution.id for execution in listed})
    assert {each.action_id for each in some} <= {execution.action_id for execution in listed}
    assert {each.vim_id for each in some} <= set(vims)
    assert len(vims) == len(set(vims))
