"""How tasks are claimed, carried out and given back; the engine does what a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from random import Random

import grpc
import pytest

from tests.api.conductors import TaskList, serving, start_task
from vimesh.api.workflows.run_task import TaskRunner
from vimesh.api.workflows.task_worker import TaskWorker, TaskWorkerLimits
from vimesh.domain.actions import Action
from vimesh.engine.engine_errors import EngineRefused, EngineUnavailable
from vimesh.engine.workflow_engine import NotYet, Stop, Stopped
from vimesh.rpc.channels import channel
from vimesh.v1 import workflow_service_pb2 as pb
from vimesh.v1.workflow_service_pb2_grpc import WorkflowServiceStub

QUICK = TaskWorkerLimits(idle_s=0.02, first_pause_s=0.01, longest_pause_s=0.05)


class ScriptedEngine:
    def __init__(self) -> None:
        self.started: list[str] = []
        self.stops: list[Stop] = []
        self.trouble: Exception | None = None
        self.outcome: Stopped | NotYet = Stopped()
        self.gate = asyncio.Event()
        """While it is not set, nothing gets done."""
        self.gate.set()
        self.begun = asyncio.Event()
        self.under_way = 0
        self.most_under_way = 0

    async def start(self, action: Action) -> None:
        self.under_way += 1
        self.begun.set()
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
            if self.trouble:
                raise self.trouble
            self.started.append(action.vim_id)
        finally:
            self.under_way -= 1

    async def stop(self, stop: Stop) -> Stopped | NotYet:
        self.stops.append(stop)
        return self.outcome


@pytest.fixture
def tasks() -> TaskList:
    return TaskList()


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@contextlib.asynccontextmanager
async def working(
    tasks: TaskList, engine: ScriptedEngine, limits: TaskWorkerLimits = QUICK
) -> AsyncGenerator[TaskWorker]:
    async with serving(tasks) as address, channel(address) as front, asyncio.TaskGroup() as parts:
        steward = TaskWorker(
            WorkflowServiceStub(front),
            TaskRunner(engine),
            claimant="a test",
            random=Random(7),
            clock=time.monotonic,
            limits=limits,
        )
        running = parts.create_task(steward.run())
        yield steward
        running.cancel()


async def test_a_task_is_carried_out_and_finished(tasks: TaskList, engine: ScriptedEngine) -> None:
    task = start_task()
    tasks.tasks = [task]
    async with working(tasks, engine):
        await tasks.until(lambda: len(tasks.finished) == 1)

    assert engine.started == [task.action.vim_id]
    assert tasks.finished == [pb.FinishWorkflowTaskRequest(task_id=task.task_id, claim_token=task.claim_token)]


async def test_no_more_tasks_are_under_way_than_allowed(tasks: TaskList, engine: ScriptedEngine) -> None:
    tasks.tasks = [start_task() for _ in range(50)]
    engine.gate.clear()
    async with working(tasks, engine, replace(QUICK, tasks=4)):
        await tasks.until(lambda: len(tasks.claims) == 1)
        engine.gate.set()
        await tasks.until(lambda: len(tasks.finished) == 50)

    assert engine.most_under_way <= 4
    assert all(0 < claim.max_tasks <= 4 for claim in tasks.claims)


async def test_a_stop_that_takes_time_is_asked_for_again_later(tasks: TaskList, engine: ScriptedEngine) -> None:
    task = start_task()
    task.kind, task.vim_gone, task.attempt = pb.WorkflowTask.STOP, True, 3
    tasks.tasks = [task]
    engine.outcome = NotYet(2.5)
    async with working(tasks, engine):
        await tasks.until(lambda: len(tasks.finished) == 1)

    assert engine.stops == [Stop(task.action.vim_id, task.action.action_id, vim_gone=True, attempt=3)]
    assert tasks.finished[0].retry_after.ToMilliseconds() == 2500
    assert not tasks.finished[0].error


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (EngineUnavailable("http://m/v2", "cannot connect"), "Mistral at http://m/v2: cannot connect"),
        (EngineRefused(400, "Invalid DSL"), "Mistral refused (400): Invalid DSL"),
        (ZeroDivisionError("a defect"), "internal error of the api process; see its log"),
    ],
)
async def test_what_went_wrong_is_said(tasks: TaskList, engine: ScriptedEngine, trouble: Exception, said: str) -> None:
    tasks.tasks = [start_task()]
    engine.trouble = trouble
    async with working(tasks, engine):
        await tasks.until(lambda: len(tasks.finished) == 1)

        assert tasks.finished[0].error == said
        engine.trouble = None
        tasks.tasks = [start_task()]
        await tasks.until(lambda: len(tasks.finished) == 2)

    assert not tasks.finished[1].error


async def test_a_task_that_takes_too_long_is_given_back(tasks: TaskList, engine: ScriptedEngine) -> None:
    tasks.tasks = [start_task()]
    engine.gate.clear()
    async with working(tasks, engine, replace(QUICK, work_s=0.05)):
        await tasks.until(lambda: len(tasks.finished) == 1)

    assert "not finished within 0.05 s" in tasks.finished[0].error


async def test_a_front_that_is_away_is_waited_for(tasks: TaskList, engine: ScriptedEngine) -> None:
    tasks.refusals = [grpc.StatusCode.UNAVAILABLE] * 5
    tasks.tasks = [start_task()]
    async with working(tasks, engine):
        await tasks.until(lambda: len(tasks.finished) == 1)

    assert len(tasks.claims) >= 6


async def test_an_answer_is_repeated_until_somebody_hears_it(tasks: TaskList, engine: ScriptedEngine) -> None:
    tasks.tasks = [start_task()]
    engine.gate.clear()
    async with working(tasks, engine, replace(QUICK, tasks=1)):
        await tasks.until(lambda: len(tasks.claims) == 1)
        tasks.refusals = [grpc.StatusCode.UNAVAILABLE] * 3
        engine.gate.set()
        await tasks.until(lambda: len(tasks.finished) == 1)

    assert len(engine.started) == 1


async def test_a_claim_that_is_lost_is_let_go(tasks: TaskList, engine: ScriptedEngine) -> None:
    tasks.tasks = [start_task()]
    engine.gate.clear()
    async with working(tasks, engine, replace(QUICK, tasks=1)):
        await tasks.until(lambda: len(tasks.claims) == 1)
        tasks.refusals = [grpc.StatusCode.NOT_FOUND]
        engine.gate.set()
        await tasks.until(lambda: len(tasks.claims) > 1)

    assert tasks.finished == []


async def test_who_is_stopped_claims_nothing_more_and_finishes_what_is_under_way(
    tasks: TaskList, engine: ScriptedEngine
) -> None:
    tasks.tasks = [start_task() for _ in range(2)]
    engine.gate.clear()
    async with working(tasks, engine, replace(QUICK, tasks=1)) as steward:
        await tasks.until(lambda: len(tasks.claims) == 1)
        await engine.begun.wait()
        steward.stop()
        engine.gate.set()
        await tasks.until(lambda: len(tasks.finished) == 1)

    assert len(tasks.claims) == 1
